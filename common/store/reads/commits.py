"""Commits as the console shows them: what was committed, and which of them contain which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from common.domain.revisions import SourceRevision
from common.store.engine.dialect import batched
from common.store.schema.tables import CommitRow, SourceRow

_GREATEST = "g"
"""Behind every hexadecimal digit."""


@dataclass(frozen=True, slots=True)
class CommitView:
    """A commit, or an artifact.

    Attributes:
        id: of a commit its id, of an artifact the sha256 (hex) that names it.
        version: by which people call it, a tag or the version of a chart; empty for none.
        at: when it was committed; None where that is not known.
        author: name of who wrote it; with the subject in the words of strangers. Both empty where not known.
        subject: first line of its message.
    """

    id: str
    version: str = ""
    at: datetime | None = None
    author: str = ""
    subject: str = ""


class Line(NamedTuple):
    """One commit in the history of one source; the registry's has None."""

    source_id: int | None
    number: int
    seen_at: datetime
    lost_at: datetime | None
    view: CommitView


class Contents:
    """Which commits of some sources are in which.

    Args:
        lines: of those sources, all that are known, or those asked about alone.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._by_id = {(line.source_id, line.view.id): line for line in sorted(lines, key=lambda line: line.number)}

    def line(self, source_id: int | None, commit: str) -> Line | None:
        """Return a commit of a source; None where it is not known, or too old to be."""
        return self._by_id.get((source_id, commit))

    def holds(self, commit: str, wanted: Line) -> bool:
        """Return whether ``commit``, which the same source was resolved to, has the commit ``wanted`` in it."""
        at = self.line(wanted.source_id, commit)
        if at is None or at.number < wanted.number:
            return False
        return wanted.lost_at is None or (at.lost_at is not None and at.lost_at <= wanted.lost_at)


def named(connection: Connection, version: str, *, limit: int) -> tuple[Line, ...]:
    """Return the commits that people call so, the newest first: tags, and versions of charts."""
    return _lines(connection, CommitRow.version == version, limit=limit)


def beginning(connection: Connection, prefix: str, *, limit: int) -> tuple[Line, ...]:
    """Return the commits whose id begins so, the newest first.

    Args:
        connection: to read by.
        prefix: hexadecimal digits in lower case.
        limit: lines at most.
    """
    return _lines(connection, CommitRow.commit >= prefix, CommitRow.commit < prefix + _GREATEST, limit=limit)


def _lines(connection: Connection, *which: ColumnElement[bool], limit: int) -> tuple[Line, ...]:
    query = select(*CommitRow.__table__.c).where(*which, CommitRow.commit != "").order_by(CommitRow.id.desc())
    return tuple(map(_line, connection.execute(query.limit(limit))))


def lines_of(connection: Connection, source_id: int | None) -> tuple[Line, ...]:
    """Return the commits that are known of a source, or of the registry (None); at most as many as are kept."""
    mine = CommitRow.source_id.is_(None) if source_id is None else CommitRow.source_id == source_id
    query = select(*CommitRow.__table__.c).where(mine).order_by(CommitRow.id)
    return tuple(map(_line, connection.execute(query)))


class Facts:
    """What is known of the commits that revisions came from."""

    def __init__(self, found: Mapping[tuple[str, str, str, str], CommitView], alone: Mapping[str, CommitView]) -> None:
        self._found = found
        self._alone = alone

    def of(self, one: SourceRevision) -> CommitView:
        """Return what is known of a source's commit: of the source itself, else of another that had the same."""
        key = ("", "", "") if one.source is None else one.source.key
        return self._found.get((*key, one.commit)) or self._alone.get(one.commit) or CommitView(one.commit)


def facts(connection: Connection, revisions: Iterable[Sequence[SourceRevision]]) -> Facts:
    """Return what is known of the commits of these revisions."""
    commits = sorted({one.commit for sources in revisions for one in sources})
    found: dict[tuple[str, str, str, str], CommitView] = {}
    alone: dict[str, CommitView] = {}
    keys = (SourceRow.repo, SourceRow.credentials, SourceRow.ref)
    query = select(*CommitRow.__table__.c, *keys).join(SourceRow, SourceRow.id == CommitRow.source_id)
    for batch in batched(commits):
        for row in connection.execute(query.where(CommitRow.commit.in_(batch)).order_by(CommitRow.id)):
            view = _view(row)
            found[row.repo, row.credentials, row.ref, row.commit] = view
            # Of two sources that have the same commit, one may call it by a version.
            alone[row.commit] = view if view.version or row.commit not in alone else alone[row.commit]
    return Facts(found, alone)


def sources_of(connection: Connection, ids: Collection[int]) -> dict[int, tuple[str, str, str]]:
    """Return repository, credentials and ref of sources."""
    columns = (SourceRow.id, SourceRow.repo, SourceRow.credentials, SourceRow.ref)
    return {
        row.id: (row.repo, row.credentials, row.ref)
        for batch in batched(sorted(ids))
        for row in connection.execute(select(*columns).where(SourceRow.id.in_(batch)))
    }


def _line(row: Any) -> Line:
    return Line(row.source_id, row.id, row.seen_at, row.lost_at, _view(row))


def _view(row: Any) -> CommitView:
    return CommitView(row.commit, row.version, row.at, row.author, row.subject)
