"""Where an application's manifests come from and how they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from common.domain.refs import OCI, ChartRef, GitRef, OciRef, Range, SourceRef

MOST_SOURCES = 10
"""Of one application."""
_IN_GIT = {"branch": "refs/heads/", "tag": "refs/tags/"}


class RefKind(StrEnum):
    """What a ref names."""

    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"
    SEMVER = "semver"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch, tag or commit by name, a semver range, or (OCI) a digest."""

    kind: RefKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def version(self) -> str | Range:
        """Its value, as a range where it is one."""
        return Range(self.value) if self.kind is RefKind.SEMVER else self.value


class Source(Protocol):
    """Where the manifests of an application are; each kind of source has a class of its own."""

    @property
    def path(self) -> str:
        """Folder in the tree, normalised, ``.`` for its root."""
        ...

    @property
    def credentials(self) -> str:
        """Reference that the worker's provider resolves; empty for anonymous."""
        ...

    @property
    def verify(self) -> tuple[str, ...]:
        """Names of the keys of which one must have signed; empty asks for none."""
        ...

    @property
    def name(self) -> str:
        """What other sources call it; empty for the only one."""
        ...

    @property
    def to_resolve(self) -> SourceRef:
        """What must be resolved for it; equal for all applications that share a fetch."""
        ...

    def pinned(self, pin: Ref) -> Source:
        """Return it held at a target's pin, of a kind that its own kind of source can be held by."""
        ...


@dataclass(frozen=True, slots=True)
class GitSource:
    """A folder of a Git repository.

    Attributes:
        repo: URL without credentials.
        path: folder in the tree, normalised, ``.`` for its root.
        credentials: reference that the worker's provider resolves; empty for anonymous.
        verify: names of the keys of which one must have signed; empty asks for none.
        name: what other sources call it; empty for the only one.
        submodules: whether a path may lead into one.
    """

    repo: str
    ref: Ref
    path: str = "."
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""
    submodules: bool = False

    @property
    def to_resolve(self) -> GitRef:
        """What must be resolved in Git for it; equal for all applications that share a fetch."""
        version = self.ref.version
        ref = version if isinstance(version, Range) else f"{_IN_GIT.get(self.ref.kind, '')}{version}"
        return GitRef(self.repo, self.credentials, ref, self.submodules)

    def pinned(self, pin: Ref) -> GitSource:
        """Return it with a target's pin (a branch, tag or commit) in place of its ref."""
        return replace(self, ref=pin)


@dataclass(frozen=True, slots=True)
class HelmSource:
    """A chart in a chart repository.

    Attributes:
        repo: URL without credentials; ``oci://HOST/PATH`` for charts in a registry, each at ``PATH/CHART``.
        version: one version, or a range of which the highest is followed.
        credentials, verify, name: as those of a Git source.
    """

    repo: str
    chart: str
    version: str
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""

    @property
    def path(self) -> str:
        """The chart's own folder, which is the root of its tree."""
        return "."

    @property
    def to_resolve(self) -> ChartRef:
        """What must be resolved for it."""
        return ChartRef(self.repo, self.credentials, self.chart, self.version)

    def pinned(self, pin: Ref) -> HelmSource:
        """Return it with a target's pin (a tag, which is a version here) in place of its version."""
        return replace(self, version=pin.value)


@dataclass(frozen=True, slots=True)
class OciSource:
    """A folder of an OCI artifact.

    Attributes:
        image: host and name of the repository, without scheme and tag.
        path: folder in the artifact, normalised; of a chart, from the chart's own folder.
        credentials, verify, name: as those of a Git source.
    """

    image: str
    ref: Ref
    path: str = "."
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""

    @property
    def to_resolve(self) -> OciRef:
        """What must be resolved for it."""
        return OciRef(f"{OCI}{self.image}", self.credentials, self.ref.version)

    def pinned(self, pin: Ref) -> OciSource:
        """Return it with a target's pin (a tag or digest) in place of its ref."""
        return replace(self, ref=pin)


CHARTS = "helm"
"""The renderer whose settings may name files of other sources."""


def lent(file: str) -> tuple[str, str] | None:
    """Return the source and the file in it that ``$SOURCE/FILE`` means; None of a file of the chart's own source."""
    name, slash, rest = file.removeprefix("$").partition("/")
    return (name, rest) if file.startswith("$") and slash and rest else None


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """``render``: which renderer, and its settings.

    Attributes:
        renderer: its name in the table of renderers (``common.renderers``).
        options: the renderer's own settings with the registry's keys, defaults left out:
            plain ``include``, ``exclude``; kustomize ``images``, ``patches``, ``components``, ``namePrefix``,
            ``nameSuffix``; helm ``valuesFiles``, ``releaseName``, ``sets``, ``lookup``; jsonnet ``libs``,
            ``topLevelArguments``; command ``name``.
    """

    renderer: str
    options: Mapping[str, Any]
