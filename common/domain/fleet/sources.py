"""Where an application's manifests come from and how they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.domain.refs import SEMVER, SourceRef


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

    @property
    def full(self) -> str:
        """What is looked up in Git: ``refs/heads/…``, ``refs/tags/…``, the full commit id, or ``semver:RANGE``."""
        prefixes = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/", RefKind.SEMVER: SEMVER}
        prefix = prefixes.get(self.kind, "")
        return f"{prefix}{self.value}"

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True, slots=True)
class GitSource:
    """A folder of a Git repository.

    Attributes:
        repo: URL without credentials.
        path: folder in the tree, normalised, ``.`` for its root.
        credentials: reference that the worker's provider resolves; empty for anonymous.
        verify: names of the keys of which one must have signed; empty asks for none.
        name: what other sources call it; empty for the only one.
    """

    repo: str
    ref: Ref
    path: str = "."
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""

    @property
    def to_resolve(self) -> SourceRef:
        """What must be resolved in Git for it; equal for all applications that share a fetch."""
        return SourceRef(self.repo, self.credentials, self.ref.full)


@dataclass(frozen=True, slots=True)
class HelmSource:
    """A chart in a chart repository; ``version`` is a version or range."""

    repo: str
    chart: str
    version: str
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class OciSource:
    """Manifests in an OCI artifact."""

    image: str
    ref: Ref
    path: str = "."
    credentials: str = ""
    verify: tuple[str, ...] = ()
    name: str = ""


Source = GitSource | HelmSource | OciSource


class Renderer(StrEnum):
    """Which renderer an application asks for; DETECT leaves it to what lies in the folder."""

    DETECT = "detect"
    PLAIN = "plain"
    KUSTOMIZE = "kustomize"
    HELM = "helm"
    JSONNET = "jsonnet"


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """``render``: which renderer, and its settings.

    Attributes:
        options: the renderer's own settings with the registry's keys, defaults left out:
            plain ``include``, ``exclude``; kustomize ``images``, ``patches``, ``components``, ``namePrefix``,
            ``nameSuffix``; helm ``valuesFiles``, ``releaseName``, ``sets``, ``lookup``; jsonnet ``libs``,
            ``topLevelArguments``.
    """

    renderer: Renderer
    options: Mapping[str, Any]
