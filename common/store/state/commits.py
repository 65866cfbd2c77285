"""The commits that sources, and the registry's own repository, were resolved to or passed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

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

    Of each source the newest ``MOST_KEPT`` are kept.
    """
    live = (_of(source_id), CommitRow.lost_at.is_(None))
    for ids in batched([one.id for one in passage.commits]):
        connection.execute(delete(CommitRow).where(*live, CommitRow.commit.in_(ids)))
    if passage.lost is None:
        connection.execute(update(CommitRow).where(*live).values(lost_at=now))
    else:
        for ids in batched(passage.lost):
            connection.execute(update(CommitRow).where(*live, CommitRow.commit.in_(ids)).values(lost_at=now))
    # One statement each: so the rows are numbered in their order on every database.
    for one in passage.commits:
        connection.execute(insert(CommitRow).values(_row(source_id, one, now)))
    kept = select(CommitRow.id).where(_of(source_id)).order_by(CommitRow.id.desc()).offset(MOST_KEPT - 1).limit(1)
    connection.execute(delete(CommitRow).where(_of(source_id), CommitRow.id < kept.scalar_subquery()))


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
