"""What the sources of a revision were resolved to, as the console shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.domain.revisions import SourceRevision


@dataclass(frozen=True, slots=True)
class SourceRevisionView:
    """One source of a revision.

    Attributes:
        position: from 0, in the order in which the registry first names each.
        repo: its address; empty where an earlier version did not note it.
        ref: what of it is meant; empty alike.
        revision: a commit, or the sha256 (hex) that names an artifact.
        renderers: names and versions; empty where it only lends files, or where they were not noted.
    """

    position: int
    repo: str
    ref: str
    revision: str
    renderers: tuple[str, ...]


def source_views(sources: Sequence[SourceRevision]) -> tuple[SourceRevisionView, ...]:
    """Return sources as they are shown, in their order."""
    return tuple(_view(position, one) for position, one in enumerate(sources))


def _view(position: int, one: SourceRevision) -> SourceRevisionView:
    repo, _, ref = ("", "", "") if one.source is None else one.source.key
    return SourceRevisionView(position, repo, ref, one.commit, tuple(map(str, one.renderers)))
