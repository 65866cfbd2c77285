"""The one door to all renderers: which one an application needs, what it reads, and what comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.domain.fleet import Placement, Renderer, RenderSettings
from common.settings import Settings
from common.sources.trees import Tree, source_digest
from workers.render import kustomization, kustomize, plain
from workers.render.cache import RenderCache, cache_key
from workers.render.canonical import manifest_digest
from workers.render.faults import NotCarriedOutError, RendererMissingError
from workers.render.kustomization import Footprint
from workers.render.manifests import Sourced
from workers.render.sandbox import Bounds
from workers.render.substitute import substitute


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What shapes an application's manifests besides the tree.

    Attributes:
        path: folder in the tree, ``.`` for its root.
        settings: the registry's ``render``; None detects the renderer.
        variables: what ``${name}`` stands for; None substitutes nothing.
    """

    path: str
    settings: RenderSettings | None = None
    variables: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def options(self) -> Mapping[str, Any]:
        """The renderer's own settings."""
        return {} if self.settings is None else self.settings.options


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a tree holds for one application.

    Attributes:
        source_digest: sha256 (hex) over the footprint.
        renderer: name and version, as it enters the parameters digest.
        paths: the footprint.
    """

    source_digest: str
    renderer: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came out for one placement.

    Attributes:
        objects: with where each came from; not to be changed.
        digest: sha256 (hex) over the manifests in their order.
        renderer: name and version of what rendered them here.
    """

    objects: tuple[Sourced, ...] = field(repr=False)
    digest: str
    renderer: str

    @property
    def manifests(self) -> tuple[Mapping[str, Any], ...]:
        """The objects alone."""
        return tuple(item.manifest for item in self.objects)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One renderer's reading of a tree."""

    renderer: str
    paths: tuple[str, ...]
    run: Callable[[], tuple[Sourced, ...]] = field(repr=False)


class Renderers:
    """All renderers of this worker. Safe to use from several threads.

    Args:
        cache: of this machine.
        kustomize: path of a ``kustomize`` or ``kubectl``; empty looks on PATH.
        bounds: of the tools that are run.
    """

    def __init__(self, cache: RenderCache, *, kustomize: str = "", bounds: Bounds | None = None) -> None:
        self._cache = cache
        self._kustomize = kustomize
        self._bounds = bounds or Bounds()

    def resolve(self, tree: Tree, request: RenderRequest) -> Resolved:
        """Return what ``tree`` holds for an application, without rendering it.

        Raises:
            PermanentError: the footprint cannot be known: a path is missing, a link, remote, or malformed
                (``workers.render.faults``, ``common.sources.faults``).
            TransientError: the mirror is damaged.
        """
        plan = self._plan(tree, request)
        return Resolved(source_digest(tree, plan.paths), plan.renderer, plan.paths)

    def render(self, open_tree: Callable[[], Tree], request: RenderRequest, resolved: Resolved) -> Rendered:
        """Return the manifests for one placement, from the cache where it has them.

        Args:
            open_tree: called only if they must be rendered.
            request: of the placement.
            resolved: what the source was resolved to; ``paths`` may be empty.

        Raises:
            PermanentError: the files cannot be rendered, or a variable has no value.
            TransientError: the tree cannot be read now.
        """
        renderer = resolved.renderer
        key = cache_key(resolved.source_digest, renderer, request.path, request.options)
        objects = self._cache.get(key)
        if objects is None:
            tree = open_tree()
            plan = self._plan(tree, request)
            objects, renderer = plan.run(), plan.renderer
            # by what was really read: a digest that somebody computed otherwise must not name other manifests
            read = source_digest(tree, plan.paths)
            self._cache.put(cache_key(read, renderer, request.path, request.options), objects)
        if request.variables is not None:
            objects = substitute(objects, request.variables)
        return Rendered(objects, manifest_digest([item.manifest for item in objects]), renderer)

    def outdated(self, renderer: str, error_code: str) -> bool:
        """Return whether a newer renderer may give something else for the same files than the one that resolved them.

        An older one here says nothing: while workers are being upgraded, the two would undo each other's work.

        Args:
            renderer: name and version then; empty where they could not be resolved.
            error_code: why they could not; empty where they could.
        """
        name, _, version = renderer.partition(" ")
        if name == plain.NAME:
            return _number(plain.VERSION) > _number(version)
        if name == kustomize.NAME or error_code == RendererMissingError.code:
            try:
                return _number(kustomize.tool(self._kustomize).version) > _number(version)
            except RendererMissingError:
                return False
        return False

    def _plan(self, tree: Tree, request: RenderRequest) -> _Plan:
        path, options = request.path, request.options
        match detect(tree, path, request.settings):
            case Renderer.PLAIN:
                files = plain.footprint(tree, path, options)
                # an empty footprint would be equal for all that is empty: the folder stands for it
                return _Plan(f"{plain.NAME} {plain.VERSION}", files or (path,), lambda: plain.render(tree, path, files))
            case Renderer.KUSTOMIZE:
                reads = kustomize.footprint(tree, path, options)
                return self._kustomized(tree, request, reads)
            case other:
                message = f"{path} needs {other}, which is not yet carried out"
                raise NotCarriedOutError(message, remedy="Commit rendered manifests, or use Kustomize.")

    def _kustomized(self, tree: Tree, request: RenderRequest, reads: Footprint) -> _Plan:
        tool = kustomize.tool(self._kustomize)

        def run() -> tuple[Sourced, ...]:
            return kustomize.render(tree, request.path, request.options, reads=reads, tool=tool, bounds=self._bounds)

        return _Plan(f"{kustomize.NAME} {tool.version}", reads.paths, run)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def detect(tree: Tree, path: str, settings: RenderSettings | None) -> Renderer:
    """Return the renderer that ``settings`` ask for, or that what lies at ``path`` needs.

    Raises:
        PathMissingError: there is no such path.
    """
    if settings is not None and settings.renderer is not Renderer.DETECT:
        return settings.renderer
    if not tree.existing(path).is_folder:
        return Renderer.PLAIN
    if kustomization.kustomization_file(tree, path) is not None:
        return Renderer.KUSTOMIZE
    names = {entry.path.rpartition("/")[2] for entry in tree.children(path)}
    if "Chart.yaml" in names:
        return Renderer.HELM
    return Renderer.JSONNET if "main.jsonnet" in names else Renderer.PLAIN


def request_for(placement: Placement) -> RenderRequest:
    """Return what shapes the manifests of ``placement``."""
    application = placement.application
    variables = placement.parameters if application.substitute else None
    return RenderRequest(placement.source.path, application.render, variables)


def renderers_from(settings: Settings) -> Renderers:
    """Return this worker's renderers as ``settings`` say."""
    return Renderers(RenderCache(settings.cache_dir or settings.path("cache")), kustomize=settings.kustomize)
