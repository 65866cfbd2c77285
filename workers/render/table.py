"""The renderers of ``common.renderers``, loaded: which one a folder needs, and what those named in a text need."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from common.domain.fleet import RenderSettings
from common.domain.revisions import RendererVersion
from common.renderers import renderers
from common.sources.trees import Tree
from workers.render.protocol import Need, Place, Renderer


@cache
def classes() -> dict[str, type[Renderer]]:
    """Return every renderer's class by its name, in the order in which they are asked."""
    return {entry.name: entry.load_code() for entry in renderers()}


def detect(tree: Tree, path: str, settings: RenderSettings | None) -> str:
    """Return the name of the renderer that ``settings`` ask for, or that what is at ``path`` needs.

    Raises:
        PathMissingError: there is no such path.
    """
    if settings is not None:
        return settings.renderer
    names = None
    if tree.existing(path).is_folder:
        names = frozenset(entry.path.rpartition("/")[2] for entry in tree.children(path))
    place = Place(path, names)
    return next(name for name, renderer in classes().items() if renderer.detects(place))


def needs_of(renderers: Iterable[RendererVersion]) -> frozenset[Need]:
    """Return what renderers need besides the files; what is unknown here needs nothing."""
    found = (classes()[one.name].needs for one in renderers if one.name in classes())
    return frozenset[Need]().union(*found)


def asks_cluster(renderers: Iterable[RendererVersion]) -> bool:
    """Return whether one of these renderers asks what the cluster can do."""
    return Need.CAPABILITIES in needs_of(renderers)
