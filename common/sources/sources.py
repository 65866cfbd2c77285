"""One door to every kind of source: what it is now, and its tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common.domain.refs import SourceKind, SourceRef
from common.domain.several import commits_in
from common.settings import Settings
from common.sources.artifacts.store import ArtifactLimits, Artifacts
from common.sources.artifacts.web import WebLimits
from common.sources.credentials import CredentialsProvider
from common.sources.mirrors import Fetched, Mirrors, mirrors_from
from common.sources.submodules import Allowed
from common.sources.trees import Tree
from common.sources.urls import PlainHttp


class Sources:
    """Git repositories, chart repositories and OCI registries, as this machine keeps them.

    Args:
        mirrors: of Git repositories.
        artifacts: of the others.
    """

    def __init__(self, mirrors: Mirrors, artifacts: Artifacts) -> None:
        self._mirrors = mirrors
        self._artifacts = artifacts

    def fetch(self, source: SourceRef) -> Fetched:
        """Ask the server what ``source`` is now, and keep it; raises as ``Mirrors.fetch`` or ``Artifacts.fetch``."""
        return self._of(source).fetch(source)

    def tree(self, source: SourceRef, commit: str, allowed: Allowed | None = None) -> Tree:
        """Return the tree that was ``commit``; raises as ``Mirrors.tree`` or ``Artifacts.tree``.

        Args:
            source: of which it is.
            commit: what it was resolved to.
            allowed: whether the repository of a submodule may be read, by its URL; None refuses all.
        """
        if source.kind is SourceKind.GIT:
            return self._mirrors.tree(source, commit, allowed)
        return self._artifacts.tree(source, commit)

    def verify(self, source: SourceRef, commit: str, keys: Sequence[str]) -> None:
        """Return if ``commit`` of a Git source is signed by one of the keys; raises as ``Mirrors.verify``."""
        self._mirrors.verify(source, commit, keys)

    def close(self) -> None:
        """End the processes that read objects."""
        self._mirrors.close()
        self._artifacts.close()

    def _of(self, source: SourceRef) -> Mirrors | Artifacts:
        return self._mirrors if source.kind is SourceKind.GIT else self._artifacts


def sources_from(settings: Settings, credentials: CredentialsProvider) -> Sources:
    """Return this machine's sources as ``settings`` say."""
    plain_http = PlainHttp.LOOPBACK if settings.allow_loopback_http else PlainHttp.REFUSED
    root = (settings.mirrors_dir or settings.path("mirrors")) / "artifacts"
    limits = ArtifactLimits(web=WebLimits(link_local=settings.link_local))
    artifacts = Artifacts(root, credentials, plain_http=plain_http, limits=limits)
    return Sources(mirrors_from(settings, credentials), artifacts)


def opener(
    tree: Callable[[SourceRef, str], Tree], sources: Sequence[SourceRef], commit: str
) -> Callable[[SourceRef | None], Tree]:
    """Return what opens the tree of each of an application's sources; None is its only one.

    Args:
        tree: opens one, as ``Sources.tree`` does.
        sources: in their order.
        commit: what they were resolved to, joined (``common.domain.several``).
    """
    commits = dict(zip(sources, commits_in(commit), strict=True))

    def opened(source: SourceRef | None) -> Tree:
        which = sources[0] if source is None else source
        return tree(which, commits[which])

    return opened
