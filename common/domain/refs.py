"""Names of things: placements, objects, revisions, runs and attempts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

RunId = NewType("RunId", str)
"""A UUID (version 7, so that ids sort by time) in its usual text form."""

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123 label, as Kubernetes uses it."""


_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_BAD_REF_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/[-.]|[/.]$|\.lock$|\.lock/")
_LONGEST_REF_NAME = 250
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CREDENTIALS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LONGEST_CREDENTIALS = 253


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


@dataclass(frozen=True, slots=True)
class Revision:
    """What a placement should run, by identity; the commit is only where it came from.

    Attributes:
        source_digest: sha256 hex over the tree ids of the paths the renderer reads.
        parameters_digest: sha256 hex over values, render settings, and the renderer with its version.
        commit: 40 or 64 hex digits; for an artifact the sha256 that names it. Provenance, no part of the identity.
    """

    source_digest: str
    parameters_digest: str
    commit: str

    @property
    def identity(self) -> tuple[str, str]:
        """The pair that decides whether two revisions are the same."""
        return (self.source_digest, self.parameters_digest)


@dataclass(frozen=True, slots=True, order=True)
class AttemptRef:
    """One claim of a run by one worker; ``number`` counts from 1 and is the fencing token."""

    run: RunId
    number: int

    def __str__(self) -> str:
        return f"{self.run}.{self.number}"


SUBMODULES = "submodules:"
"""Before a ref of Git: submodules are read too."""
SEMVER = "semver:"
"""Before a range of versions in the place of a ref: the tag of the highest one is meant."""
OCI = "oci://"
"""Before the host and name of a repository in an OCI registry."""
OCI_TAG = "oci-tag:"
"""Before the tag of an artifact."""
OCI_SEMVER = "oci-semver:"
"""Before a range of versions: the artifact with the highest tag in it is meant."""
OCI_DIGEST = "oci-digest:"
"""Before the digest (``sha256:…``) of an artifact's manifest."""
CHART = "chart:"
"""Before ``NAME:VERSION`` of a chart; the version may be a range, of which the highest is meant."""


class SourceKind(StrEnum):
    """What kind of server keeps a source, as its ref tells."""

    GIT = "git"
    OCI = "oci"
    CHART = "chart"
    """A chart repository, or charts in an OCI registry."""


@dataclass(frozen=True, slots=True, order=True)
class SourceRef:
    """One thing to resolve: a repository, who we are there, and what of it.

    A Git ref begins with ``refs/`` or ``semver:``, or is a commit id, which no artifact's does; ``submodules:`` may
    stand before it.

    Attributes:
        repo: URL without credentials; ``oci://HOST/NAME`` for OCI registries.
        credentials: reference resolved by the worker's provider; empty for anonymous.
        ref: in Git ``refs/heads/main``, ``refs/tags/v1``, a full commit id, or ``semver:>=1.8 <2``; of an artifact
            ``oci-tag:v1``, ``oci-semver:>=1.8 <2`` or ``oci-digest:sha256:…``; of a chart ``chart:NAME:VERSION``.
    """

    repo: str
    credentials: str
    ref: str

    @property
    def kind(self) -> SourceKind:
        """What keeps it."""
        if self.ref.startswith(CHART):
            return SourceKind.CHART
        return SourceKind.OCI if self.ref.startswith((OCI_TAG, OCI_SEMVER, OCI_DIGEST)) else SourceKind.GIT

    def named(self, commit: str) -> str:
        """Return what it was resolved to as people write it: a commit id, or an artifact's ``sha256:…``."""
        return commit if self.kind is SourceKind.GIT else f"sha256:{commit}"
