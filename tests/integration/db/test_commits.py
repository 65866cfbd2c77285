"""The commits of a source: in their order, the newest, and what was lost on the way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from common.domain.commits import Commit, Passage
from common.store.engine.session import Database
from common.store.schema.tables import CommitRow
from common.store.state import commits, sources
from tests.factories import SOURCE

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def _ids(*numbers: int) -> tuple[Commit, ...]:
    return tuple(Commit(f"{number:040x}", subject=f"number {number}") for number in numbers)


def _source(database: Database) -> int:
    with database.write() as connection:
        sources.follow(connection, {SOURCE: "default"}, now=NOW)
        return sources.ids(connection)[SOURCE]


def _note(database: Database, source: int | None, passage: Passage) -> None:
    with database.write() as connection:
        commits.note(connection, source, passage, now=NOW)


def _rows(database: Database, source: int | None) -> list[tuple[int, bool]]:
    query = select(CommitRow.commit, CommitRow.lost_at).where(
        CommitRow.source_id.is_(None) if source is None else CommitRow.source_id == source
    )
    with database.read() as connection:
        rows = connection.execute(query.order_by(CommitRow.id)).all()
    return [(int(commit, 16), lost is not None) for commit, lost in rows]


def test_commits_follow_each_other_and_the_last_is_what_it_is(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage(_ids(1, 2)))
    _note(database, None, Passage(_ids(9)))
    _note(database, source, Passage(_ids(3)).called("v3"))
    with database.read() as connection:
        assert commits.last(connection, source) == (f"{3:040x}", "v3")
        assert commits.last(connection, None) == (f"{9:040x}", "")
    assert _rows(database, source) == [(1, False), (2, False), (3, False)]


def test_what_history_no_longer_holds_is_lost_and_kept(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage(_ids(1, 2, 3)))
    _note(database, source, Passage(_ids(4), (f"{2:040x}", f"{3:040x}")))
    assert _rows(database, source) == [(1, False), (2, True), (3, True), (4, False)]


def test_a_source_that_went_back_is_where_it_was(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage(_ids(1, 2)))
    _note(database, source, Passage(_ids(1)))
    with database.read() as connection:
        assert commits.last(connection, source) == (f"{1:040x}", "")
    assert _rows(database, source) == [(1, False), (2, True)], "whoever runs what was lost contains it still"


def test_another_name_of_the_same_is_known_beside_the_first(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage(_ids(1)).called("v1"))
    _note(database, source, Passage(_ids(1)).called("v1.1"))
    with database.read() as connection:
        assert commits.last(connection, source) == (f"{1:040x}", "v1.1")
    assert _rows(database, source) == [(1, False), (1, False)]


def test_where_nobody_says_what_was_lost_what_is_not_present_is(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage(_ids(1, 2)))
    _note(database, None, Passage(_ids(1)))
    _note(database, source, Passage(_ids(3), present=frozenset(one.id for one in _ids(2, 3))))
    assert _rows(database, source) == [(1, True), (2, False), (3, False)]
    assert _rows(database, None) == [(1, False)], "another source's are none of its"


def test_the_newest_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "MOST_KEPT", 3)
    source = _source(database)
    _note(database, None, Passage(_ids(7)))
    _note(database, source, Passage(_ids(1, 2)))
    assert len(_rows(database, source)) == 2
    _note(database, source, Passage(_ids(3, 4, 5)))
    assert _rows(database, source) == [(3, False), (4, False), (5, False)]
    assert _rows(database, None) == [(7, False)]


def test_words_that_a_database_refuses_are_stored(database: Database) -> None:
    source = _source(database)
    _note(database, source, Passage((Commit("a" * 40, "v" * 999, None, "A\x00da", "\ud800 x"),)))
    with database.read() as connection:
        row = connection.execute(select(CommitRow.author, CommitRow.subject, CommitRow.version)).one()
    assert row.author == "A\ufffdda"
    assert len(row.version) == 253
