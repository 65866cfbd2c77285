"""Names of things: placements, objects, sources, runs and attempts."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NewType

RunId = NewType("RunId", str)
"""A UUID (version 7, so that ids sort by time) in its usual text form."""
LEAST_UUID = "00000000-0000-0000-0000-000000000000"
"""Before every other."""

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123 label, as Kubernetes uses it."""


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_BAD_REF_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/[-.]|[/.]$|\.lock$|\.lock/")
_LONGEST_REF_NAME = 250
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CREDENTIALS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LONGEST_CREDENTIALS = 253


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` may be the id of a run or an event: PostgreSQL refuses a query for what is no UUID."""
    return _UUID.fullmatch(text) is not None


def is_commit(text: str) -> bool:
    """Tell whether ``text`` is a full commit id (40 or 64 lower-case hex digits)."""
    return _COMMIT.fullmatch(text) is not None


def is_ref_name(text: str) -> bool:
    """Tell whether ``text`` may be the name of a branch or tag, without ``refs/heads/``: git-check-ref-format(1)."""
    return 0 < len(text) <= _LONGEST_REF_NAME and text != "@" and _BAD_REF_NAME.search(text) is None


def is_oci_tag(text: str) -> bool:
    """Tell whether ``text`` may be a tag of an OCI registry."""
    return _TAG.fullmatch(text) is not None


def is_oci_digest(text: str) -> bool:
    """Tell whether ``text`` is the digest of an artifact's manifest."""
    return _DIGEST.fullmatch(text) is not None


def is_credentials_reference(text: str) -> bool:
    """Tell whether ``text`` may name credentials: segments of letters, digits and ``._-``, slashes between."""
    return len(text) <= _LONGEST_CREDENTIALS and _CREDENTIALS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class PlacementRef:
    """One application on one cluster: the unit of planning, locking and reporting."""

    cluster: str
    application: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.application}"

    @classmethod
    def parse(cls, text: str) -> PlacementRef:
        """Return the ref that ``text`` (``cluster/application``) names.

        Raises:
            ValueError: ``text`` is not two names with one slash between them.
        """
        cluster, slash, application = text.partition("/")
        if not (slash and cluster and application) or "/" in application:
            message = f"{text!r} is not a placement; write CLUSTER/APPLICATION"
            raise ValueError(message)
        return cls(cluster, application)

    def mark(self, fleet: str) -> str:
        """Return the value of the label ``flotilla.dev/placement``: 20 hex digits, fit for a label selector."""
        return hashlib.sha256(f"{fleet}/{self}".encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """What names one object on one cluster, whatever its API version; no namespace where the kind has none."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}:{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> ObjectId:
        """Return the id that ``text`` (``group/Kind:namespace/name``) names.

        Raises:
            ValueError: ``text`` has another form.
        """
        match = re.fullmatch(r"([^/:]*)/([^/:]+):([^/]*)/(.+)", text)
        if match is None:
            message = f"{text!r} is not an object id; it has the form group/Kind:namespace/name"
            raise ValueError(message)
        return cls(*match.groups())


@dataclass(frozen=True, slots=True, order=True)
class AttemptRef:
    """One claim of a run by one worker; ``number`` counts from 1 and is the fencing token."""

    run: RunId
    number: int

    def __str__(self) -> str:
        return f"{self.run}.{self.number}"


@dataclass(frozen=True, slots=True)
class Range:
    """A range of versions, of which the highest is meant."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SourceRef(ABC):
    """One thing to resolve; each kind of source has a class of its own that says what of the repository is meant.

    Equal for all applications that share a fetch.

    Attributes:
        repo: URL without credentials; also what a project must allow.
        credentials: reference resolved by the worker's provider; empty for anonymous.
    """

    repo: str
    credentials: str

    @property
    @abstractmethod
    def text(self) -> str:
        """What of the repository is meant, as it is stored and shown; the kind's ``read`` takes it back."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Its stored form, by which sources of all kinds are put in order."""
        return (self.repo, self.credentials, self.text)

    def __lt__(self, other: SourceRef) -> bool:
        return self.key < other.key

    def named(self, commit: str) -> str:
        """Return what it was resolved to as people write it: a commit id, or the ``sha256:…`` of an artifact."""
        return f"sha256:{commit}"


_SUBMODULES = "submodules:"
_SEMVER = "semver:"


@dataclass(frozen=True, slots=True)
class GitRef(SourceRef):
    """A branch, tag, commit or range of tags of a Git repository.

    Attributes:
        ref: ``refs/heads/main``, ``refs/tags/v1``, a full commit id, or a range: the tag of the highest version.
        submodules: whether they are read too; what is fetched is the same.
    """

    ref: str | Range
    submodules: bool = False

    @property
    def text(self) -> str:
        """What of the repository is meant."""
        ref = f"{_SEMVER}{self.ref}" if isinstance(self.ref, Range) else self.ref
        return f"{_SUBMODULES}{ref}" if self.submodules else ref

    def named(self, commit: str) -> str:
        """Return the commit's id."""
        return commit

    @classmethod
    def read(cls, repo: str, credentials: str, text: str) -> GitRef:
        """Return the ref that ``text`` stands for; whether Git may have it is seen when it is asked for."""
        ref = text.removeprefix(_SUBMODULES)
        is_range = ref.startswith(_SEMVER)
        return cls(repo, credentials, Range(ref.removeprefix(_SEMVER)) if is_range else ref, ref != text)


OCI = "oci://"
"""Scheme of a repository in an OCI registry: ``oci://HOST/NAME``."""
_OCI_TAG, _OCI_SEMVER, _OCI_DIGEST = "oci-tag:", "oci-semver:", "oci-digest:"


@dataclass(frozen=True, slots=True)
class OciRef(SourceRef):
    """An artifact of an OCI repository.

    Attributes:
        version: a tag, a manifest's digest (``sha256:…``), or a range: the highest tag in it.
    """

    version: str | Range

    @property
    def text(self) -> str:
        """What of the repository is meant."""
        if isinstance(self.version, Range):
            return f"{_OCI_SEMVER}{self.version}"
        return f"{_OCI_DIGEST if self.version.startswith('sha256:') else _OCI_TAG}{self.version}"

    @classmethod
    def read(cls, repo: str, credentials: str, text: str) -> OciRef | None:
        """Return the ref that ``text`` stands for; None where it is another kind's."""
        for prefix in (_OCI_TAG, _OCI_DIGEST):
            if text.startswith(prefix):
                return cls(repo, credentials, text.removeprefix(prefix))
        return cls(repo, credentials, Range(text.removeprefix(_OCI_SEMVER))) if text.startswith(_OCI_SEMVER) else None


_CHART = "chart:"


@dataclass(frozen=True, slots=True)
class ChartRef(SourceRef):
    """A chart of a chart repository, or of one in an OCI registry.

    Attributes:
        chart: its name.
        version: one version, or a range of which the highest is meant.
    """

    chart: str
    version: str

    @property
    def text(self) -> str:
        """What of the repository is meant."""
        return f"{_CHART}{self.chart}:{self.version}"

    @classmethod
    def read(cls, repo: str, credentials: str, text: str) -> ChartRef | None:
        """Return the ref that ``text`` stands for; None where it is another kind's."""
        if not text.startswith(_CHART):
            return None
        chart, _, version = text.removeprefix(_CHART).partition(":")
        return cls(repo, credentials, chart, version)
