"""What a folder renders to, by the very renderers of a worker; no hub and no cluster is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.domain.errors import PermanentError
from common.domain.fleet import (
    DEFAULT_PROJECT,
    EVERYTHING,
    Application,
    Cluster,
    Fleet,
    Placement,
    Target,
)
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.status import Reason
from common.registry import DocumentError, application_alone, cluster_alone
from common.sandbox.launch import Strictness
from common.settings import Settings
from common.sources.folders import folder_tree
from console.inspect.scopes import defined_kinds, namespaced, with_namespace
from workers.public.rendering import Part, RenderCache, RenderRequest, Sourced, renderers_with, request_for


class NotPlacedError(PermanentError):
    """The application is not placed on that cluster."""

    code = "render.not-placed"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is printed.

    Attributes:
        objects: in the order of the render.
        notes: what a person should know about them.
    """

    objects: tuple[Sourced, ...]
    notes: tuple[str, ...] = ()

    def warning(self, warnings: Iterable[Reason]) -> Shown:
        """Return it with what a run would warn of, as sentences."""
        return replace(self, notes=(*self.notes, *map(sentence, warnings)))


def render_folder(folder: Path, app: Path | None, cluster: Path | None, settings: Settings) -> Shown:
    """Return what ``folder`` renders to.

    Args:
        folder: of a working tree.
        app: a registry file with the Application; None renders what is there by itself.
        cluster: a registry file with the Cluster; None leaves its values out.
        settings: of this machine: which tools render.

    Raises:
        DocumentError: a registry file cannot be used; every fault is named.
        NotPlacedError: no target of the application takes the cluster.
        PermanentError: the folder cannot be rendered, as a worker would say it.
    """
    tree, path = folder_tree(folder)
    application = None if app is None else application_alone(_content(app), str(app))
    on = None if cluster is None else cluster_alone(_content(cluster), str(cluster))
    request = RenderRequest.at(path) if application is None else replace(_request(application, on), parts=(Part(path),))
    with tempfile.TemporaryDirectory(prefix="flotilla-render-") as cache:
        renderers = renderers_with(RenderCache(Path(cache)), settings, otherwise=Strictness.WARN)
        try:
            rendered = renderers.render(lambda _: tree, request, renderers.resolve(tree, request))
        finally:
            renderers.close()
    shown = in_namespace(rendered.objects, application.namespace) if application else Shown(rendered.objects)
    return shown.warning(rendered.warnings)


def _request(application: Application, cluster: Cluster | None) -> RenderRequest:
    if cluster is None:
        target = Target("everywhere", select=EVERYTHING)
        placement = _placement(replace(application, targets=(target,)), Cluster(_NOWHERE, "", ""))
        request = request_for(placement)
        # What belongs to a cluster has no value here; a made-up one would hide that.
        return replace(request, variables=_without_cluster(request.variables))
    return request_for(_placement(application, cluster))


_NOWHERE = "none"


def _without_cluster(variables: Any) -> Any:
    return variables and {name: value for name, value in variables.items() if name != "cluster"}


def _placement(application: Application, cluster: Cluster) -> Placement:
    fleet = Fleet(
        name="offline",
        clusters={cluster.name: cluster},
        applications={application.name: application},
        projects={application.project: replace(DEFAULT_PROJECT, name=application.project)},
    )
    placement = fleet.placement(PlacementRef(cluster.name, application.name))
    if placement is None:
        message = f"no target of {application.name} takes {cluster.name}"
        raise NotPlacedError(message, remedy="Correct the targets, or name another cluster.")
    return placement


def in_namespace(objects: tuple[Sourced, ...], namespace: str) -> Shown:
    """Return the objects with ``namespace`` filled in where it surely goes, and a note where only a cluster knows."""
    custom = defined_kinds([item.manifest for item in objects])
    unsure = {
        str(item.manifest["kind"])
        for item in objects
        if namespaced(item.manifest, custom) is None and not item.manifest["metadata"].get("namespace")
    }
    shown = tuple(Sourced(with_namespace(item.manifest, namespace, custom), item.origin) for item in objects)
    note = f"only a cluster tells whether these kinds are in a namespace: {', '.join(sorted(unsure))}"
    return Shown(shown, (f"{note}; if so, it is {namespace}",) if unsure else ())


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise DocumentError(message) from error
