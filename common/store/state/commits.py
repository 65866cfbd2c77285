"""The commits that sources, and the registry's own repository, were resolved to or passed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from common.domain.commits import Commit, Passage
from common.store.engine.dialect import batched
from common.store.schema.tables import CommitRow

MOST_KEPT = 500
"""Of one source."""


class Known(NamedTuple):
    """What a source is, as far as its commits are known."""

    commit: str
    version: str


def last(connection: Connection, source_id: int | None) -> Known | None:
    """Return the last commit that is known of a source, or of the registry (None); None where none is."""
    query = select(CommitRow.commit, CommitRow.version).where(_of(source_id), CommitRow.lost_at.is_(None))
    row = connection.execute(query.order_by(CommitRow.id.desc()).limit(1)).one_or_none()
    return None if row is None else Known(*row)


def note(connection: Connection, source_id: int | None, passage: Passage, *, now: datetime) -> None:
    """Note what a source, or the registry (None), passed: the last of it is what it is now.

    What is known to be in it already keeps its place: whatever came behind that contains it still. Of each source the
    newest ``MOST_KEPT`` are kept.
    """
    query = select(CommitRow.id, CommitRow.commit, CommitRow.version)
    query = query.where(_of(source_id), CommitRow.lost_at.is_(None)).order_by(CommitRow.id)
    live, head = connection.execute(query).all(), passage.commits[-1]
    known = next((row for row in reversed(live) if row.commit == head.id), None)
    gone = {row.id: row.commit for row in live if _is_gone(row, passage, known)}
    for ids in batched(list(gone)):
        connection.execute(update(CommitRow).where(CommitRow.id.in_(ids)).values(lost_at=now))
    kept = {row.commit for row in live} - set(gone.values())
    renamed = known is not None and known.version != head.version
    # One statement each: so the rows are numbered in their order on every database.
    for one in passage.commits:
        if one.id not in kept or (one is head and renamed):
            connection.execute(insert(CommitRow).values(_row(source_id, one, now)))
    last = select(CommitRow.id).where(_of(source_id)).order_by(CommitRow.id.desc()).offset(MOST_KEPT - 1).limit(1)
    connection.execute(delete(CommitRow).where(_of(source_id), CommitRow.id < last.scalar_subquery()))


def _is_gone(row: Any, passage: Passage, head: Any | None) -> bool:
    """Return whether a commit is in the source no longer: what came behind the one that it went back to is not."""
    if head is not None and row.id > head.id and row.commit != head.commit:
        return True
    if passage.present is not None:
        return row.commit not in passage.present
    return row.commit in passage.lost


def _of(source_id: int | None) -> ColumnElement[bool]:
    return CommitRow.source_id.is_(None) if source_id is None else CommitRow.source_id == source_id


def _row(source_id: int | None, one: Commit, now: datetime) -> dict[str, object]:
    return {
        "source_id": source_id,
        "commit": one.id,
        "version": one.version,
        "at": one.at,
        "author": one.author,
        "subject": one.subject,
        "seen_at": now,
    }
