"""What a renderer is asked for: the parts, and all that shapes their manifests besides the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.domain.fleet import IgnoreRule, Placement, RenderSettings, Substitution
from workers.render.parts import Part, parts_of
from workers.render.sops import Decryptor


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a cluster can do, as charts ask for it.

    Attributes:
        kube_version: such as ``v1.37.2``.
        api_versions: sorted; each as ``group/version`` and as ``group/version/Kind``.
    """

    kube_version: str
    api_versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What shapes an application's manifests besides the tree.

    Attributes:
        parts: its sources.
        settings: the registry's ``render``; None detects the renderer.
        variables: what ``${name}`` stands for; None substitutes nothing.
        substitution: how.
        values: the placement's, merged; for renderers that take values.
        cluster: the cluster's own values, for renderers that take values; for charts where they ask for them.
        release: the application's name, for renderers that need it.
        namespace: of objects without one.
        capabilities: of the cluster, for renderers that ask; None for their defaults.
        ignore: fields that others own: they may differ from one rendering to the next, and are no part of the digest.
        decryptor: opens encrypted files; None leaves them as they are.
        project: whose it is: no process that stays renders for two.
    """

    parts: tuple[Part, ...]
    settings: RenderSettings | None = None
    variables: Mapping[str, Any] | None = field(default=None, repr=False)
    substitution: Substitution = field(default_factory=Substitution)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cluster: Mapping[str, Any] = field(default_factory=dict, repr=False)
    release: str = "release"
    namespace: str = "default"
    capabilities: Capabilities | None = None
    ignore: Sequence[IgnoreRule] = ()
    decryptor: Decryptor | None = None
    project: str = "default"

    @classmethod
    def at(cls, path: str, settings: RenderSettings | None = None, **more: Any) -> RenderRequest:
        """Return a request for the one folder ``path`` (``.`` for the root) of a tree."""
        return cls((Part(path),), settings, **more)

    @property
    def options(self) -> Mapping[str, Any]:
        """The renderer's own settings."""
        return {} if self.settings is None else self.settings.options


def request_for(placement: Placement) -> RenderRequest:
    """Return what shapes the manifests of ``placement``, but for what its cluster can do."""
    application = placement.application
    return RenderRequest(
        parts=parts_of(application, placement.sources),
        settings=application.render,
        variables=placement.parameters if application.substitute else None,
        substitution=application.substitute or Substitution(),
        values=placement.values,
        cluster=placement.cluster.parameters,
        release=application.name,
        namespace=placement.namespace,
        ignore=placement.sync.ignore,
        project=application.project,
    )
