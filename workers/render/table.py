"""The renderers of ``common.renderers``, loaded: which one a folder needs, and what those named in a text need."""

from __future__ import annotations

from functools import cache

from common.domain.fleet import RenderSettings
from common.domain.several import renderers_in
from common.renderers import renderers
from common.sources.trees import Tree
from workers.render.protocol import Need, Place, Renderer


@cache
def classes() -> dict[str, type[Renderer]]:
    """Return every renderer's class by its name, in the order in which they are asked."""
    return {entry.name: entry.load_code() for entry in renderers()}


def detect(tree: Tree, path: str, settings: RenderSettings | None) -> str:
    """Return the name of the renderer that ``settings`` ask for, or that what lies at ``path`` needs.

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


def names_in(renderer: str) -> frozenset[str]:
    """Return the names in a text of names and versions, as it enters the parameters digest."""
    return frozenset(name.partition(" ")[0] for name in renderers_in(renderer))


def needs_of(renderer: str) -> frozenset[Need]:
    """Return what one renderer, or several of a text, need besides the files; what is unknown here needs nothing."""
    found = (classes()[name].needs for name in names_in(renderer) if name in classes())
    return frozenset[Need]().union(*found)


def asks_cluster(renderer: str) -> bool:
    """Return whether a renderer, by name and version, or one of several, asks what the cluster can do."""
    return Need.CAPABILITIES in needs_of(renderer)
