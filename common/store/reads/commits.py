"""Commits as the console shows them: what was committed, and which of them contain which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, select

from common.domain.revisions import SourceRevision
from common.domain.rights import Scope
from common.store.engine.dialect import batched, fixed, table_of
from common.store.reads.cut import of_sources
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
    commit: str
    lost_at: datetime | None


class Seen(NamedTuple):
    """One commit in the history of one source, with when it came and what is known of it."""

    line: Line
    seen_at: datetime
    view: CommitView


class Contents:
    """Which commits of some sources are in which.

    Args:
        lines: of those sources; of a commit that is not among them it is not known what it contains.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._last = {(line.source_id, line.commit): line for line in sorted(lines, key=lambda line: line.number)}

    def holds(self, commit: str, wanted: Line) -> bool:
        """Return whether ``commit``, as its source had it, has the commit ``wanted`` of that source in it."""
        at = self._last.get((wanted.source_id, commit))
        if at is None or at.number < wanted.number:
            return False
        return wanted.lost_at is None or (at.lost_at is not None and at.lost_at <= wanted.lost_at)


_TABLE = table_of(CommitRow)
_LINE = (_TABLE.c.source_id, _TABLE.c.id, _TABLE.c.commit, _TABLE.c.lost_at)


def named(connection: Connection, scope: Scope, version: str, *, limit: int) -> tuple[Seen, ...]:
    """Return the commits that people call so, the newest first: tags, and versions of charts; not empty."""
    # With the condition of the index that finds them, as a literal.
    which = (_TABLE.c.version == version, _TABLE.c.version != fixed(""), *of_sources(scope, _TABLE.c.source_id))
    query = select(_TABLE).where(*which).order_by(_TABLE.c.id.desc()).limit(limit)
    return tuple(map(_seen, connection.execute(query)))


def beginning(connection: Connection, scope: Scope, prefix: str, *, limit: int) -> tuple[str, ...]:
    """Return the ids that begin so, by name.

    Args:
        connection: to read by.
        scope: of whose projects' sources.
        prefix: hexadecimal digits in lower case.
        limit: ids at most.
    """
    which = (_TABLE.c.commit >= prefix, _TABLE.c.commit < prefix + _GREATEST, *of_sources(scope, _TABLE.c.source_id))
    query = select(_TABLE.c.commit).where(*which).distinct().order_by(_TABLE.c.commit).limit(limit)
    return tuple(connection.execute(query).scalars())


def everywhere(connection: Connection, scope: Scope, commit: str) -> tuple[Seen, ...]:
    """Return a commit in each source that has or had it: where it was not lost the first row of it, else the last."""
    which = (_TABLE.c.commit == commit, *of_sources(scope, _TABLE.c.source_id))
    query = select(_TABLE).where(*which).order_by(_TABLE.c.id)
    found: dict[int | None, Seen] = {}
    for row in connection.execute(query):
        known, seen = found.get(row.source_id), _seen(row)
        # Of two that belong the first: what came between them contains it too.
        if known is None or known.line.lost_at is not None:
            found[row.source_id] = seen
    return tuple(found.values())


def together(connection: Connection, seen: Iterable[Seen]) -> dict[int, frozenset[str]]:
    """Return which other commits came with one in the same look, by source; no line for those of the registry."""
    found: dict[int, frozenset[str]] = {}
    for one in seen:
        if one.line.source_id is not None:
            which = (_TABLE.c.source_id == one.line.source_id, _TABLE.c.seen_at == one.seen_at)
            beside = select(_TABLE.c.commit).where(*which, _TABLE.c.commit != one.line.commit)
            found[one.line.source_id] = frozenset(connection.execute(beside).scalars())
    return found


def lines_of(connection: Connection, sources: Collection[int], commits: Collection[str]) -> list[Line]:
    """Return these commits in these sources, as far as they are known."""
    found: list[Line] = []
    for ids in batched(sorted(sources)):
        for some in batched(sorted(commits)):
            query = select(*_LINE).where(_TABLE.c.commit.in_(some), _TABLE.c.source_id.in_(ids))
            found += (Line(*row) for row in connection.execute(query))
    return found


def registry_line(connection: Connection, commit: str) -> Line | None:
    """Return a commit of the registry as it stands last; None where it is not known."""
    query = select(*_LINE).where(_TABLE.c.source_id.is_(None), _TABLE.c.commit == commit)
    row = connection.execute(query.order_by(_TABLE.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Line(*row)


def newest(connection: Connection, sources: Collection[int]) -> dict[int, CommitView]:
    """Return what sources are now, each as far as that is known."""
    found: dict[int, CommitView] = {}
    for ids in batched(sorted(sources)):
        last = select(func.max(_TABLE.c.id)).where(_TABLE.c.source_id.in_(ids), _TABLE.c.lost_at.is_(None))
        query = select(_TABLE).where(_TABLE.c.id.in_(last.group_by(_TABLE.c.source_id)))
        found |= {row.source_id: _view(row) for row in connection.execute(query)}
    return found


def agreed(seen: Sequence[Seen]) -> CommitView:
    """Return what is known of a commit, as most of its sources say it; of two that as many say, what was said first.

    One pool's worker alone cannot give another's commit an author.
    """
    said = Counter((one.view.at, one.view.author, one.view.subject) for one in seen)
    at, author, subject = max(said, key=said.__getitem__)
    version = next((one.view.version for one in seen if one.view.version), "")
    return CommitView(seen[0].view.id, version, at, author, subject)


class Facts:
    """What is known of the commits that revisions came from."""

    def __init__(self, found: Mapping[tuple[str, str, str, str], CommitView], alone: Mapping[str, CommitView]) -> None:
        self._found = found
        self._alone = alone

    def of(self, one: SourceRevision) -> CommitView:
        """Return what is known of a source's commit: of the source itself, else of another that had the same."""
        key = ("", "", "") if one.source is None else one.source.key
        return self._found.get((*key, one.commit)) or self._alone.get(one.commit) or CommitView(one.commit)


def facts(connection: Connection, scope: Scope, revisions: Iterable[Sequence[SourceRevision]]) -> Facts:
    """Return what is known of the commits of these revisions."""
    commits = sorted({one.commit for sources in revisions for one in sources})
    found: dict[tuple[str, str, str, str], CommitView] = {}
    alone: dict[str, CommitView] = {}
    keys = (SourceRow.repo, SourceRow.credentials, SourceRow.ref)
    query = select(*CommitRow.__table__.c, *keys).join(SourceRow, SourceRow.id == CommitRow.source_id)
    query = query.where(*of_sources(scope, CommitRow.source_id))
    for batch in batched(commits):
        for row in connection.execute(query.where(CommitRow.commit.in_(batch)).order_by(CommitRow.id)):
            view = _view(row)
            found[row.repo, row.credentials, row.ref, row.commit] = view
            # Of two sources that have the same commit, one may call it by a version.
            alone[row.commit] = view if view.version or row.commit not in alone else alone[row.commit]
    return Facts(found, alone)


class Address(NamedTuple):
    """What a source is a source of."""

    repo: str
    credentials: str
    ref: str
    is_followed: bool

    @property
    def place(self) -> tuple[str, str]:
        """The repository, as one who has these credentials sees it."""
        return (self.repo, self.credentials)


_ADDRESS = (SourceRow.id, SourceRow.repo, SourceRow.credentials, SourceRow.ref, SourceRow.used)


def addresses(connection: Connection, ids: Collection[int]) -> dict[int, Address]:
    """Return the addresses of sources."""
    return _addressed(connection, (SourceRow.id.in_(batch) for batch in batched(sorted(ids))))


def beside(connection: Connection, scope: Scope, repos: Collection[str]) -> dict[int, Address]:
    """Return all sources of these repositories that an application of a scope reads."""
    mine = of_sources(scope, SourceRow.id)
    return _addressed(connection, (and_(SourceRow.repo.in_(batch), *mine) for batch in batched(sorted(repos))))


def _addressed(connection: Connection, each: Iterable[ColumnElement[bool]]) -> dict[int, Address]:
    return {
        row.id: Address(row.repo, row.credentials, row.ref, row.used)
        for which in each
        for row in connection.execute(select(*_ADDRESS).where(which))
    }


def _seen(row: Any) -> Seen:
    return Seen(Line(row.source_id, row.id, row.commit, row.lost_at), row.seen_at, _view(row))


def _view(row: Any) -> CommitView:
    return CommitView(row.commit, row.version, row.at, row.author, row.subject)
