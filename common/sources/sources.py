"""One door to every kind of source: what it is now, and its tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from common.credentials import CredentialsProvider
from common.domain.commits import Passage
from common.domain.refs import SourceRef
from common.settings import Settings
from common.sources.artifacts.store import ArtifactLimits
from common.sources.artifacts.web import WebLimits
from common.sources.doors import Door, Machine
from common.sources.kinds import source_kinds
from common.sources.mirrors import Fetched
from common.sources.submodules import Allowed
from common.sources.trees import Tree
from common.sources.urls import PlainHttp


class Sources:
    """The sources of all kinds, as this machine keeps them.

    Args:
        doors: by the class of what they resolve.
    """

    def __init__(self, doors: Mapping[type[SourceRef], Door]) -> None:
        self._doors = dict(doors)

    def fetch(self, source: SourceRef) -> Fetched:
        """Ask the server what ``source`` is now, and keep it; raises as ``Door.fetch``."""
        return self._doors[type(source)].fetch(source)

    def tree(self, source: SourceRef, commit: str, allowed: Allowed | None = None) -> Tree:
        """Return the tree that was ``commit``; raises as ``Door.tree``.

        Args:
            source: of which it is.
            commit: what it was resolved to.
            allowed: whether the repository of a submodule may be read, by its URL; None refuses all.
        """
        return self._doors[type(source)].tree(source, commit, allowed)

    def history(self, source: SourceRef, commit: str, since: str | None) -> Passage:
        """Return how ``source`` came to ``commit`` from what it was resolved to before; raises as ``Door.history``."""
        return self._doors[type(source)].history(source, commit, since)

    def verify(self, source: SourceRef, commit: str, keys: Sequence[str]) -> None:
        """Return if ``commit`` is signed by one of the keys; raises as ``Door.verify``."""
        self._doors[type(source)].verify(source, commit, keys)

    def close(self) -> None:
        """End the processes that read objects."""
        for door in self._doors.values():
            door.close()


def sources_on(machine: Machine) -> Sources:
    """Return the sources of every kind on a machine."""
    return Sources(dict(kind.door(machine) for kind in source_kinds()))


def sources_from(settings: Settings, credentials: CredentialsProvider) -> Sources:
    """Return this machine's sources as ``settings`` say."""
    plain_http = PlainHttp.LOOPBACK if settings.allow_loopback_http else PlainHttp.REFUSED
    limits = ArtifactLimits(web=WebLimits(link_local=settings.link_local))
    return sources_on(Machine(settings.mirrors_dir or settings.path("mirrors"), credentials, plain_http, limits))


def opener(
    tree: Callable[[SourceRef, str], Tree], sources: Sequence[SourceRef], commits: Mapping[SourceRef, str]
) -> Callable[[SourceRef | None], Tree]:
    """Return what opens the tree of each of an application's sources; None is its only one.

    Args:
        tree: opens one, as ``Sources.tree`` does.
        sources: in their order.
        commits: what each of them was resolved to.
    """

    def opened(source: SourceRef | None) -> Tree:
        which = sources[0] if source is None else source
        return tree(which, commits[which])

    return opened
