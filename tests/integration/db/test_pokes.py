"""Looks that pushes bring forward: at once, none lost, and not too many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from common.domain.pushes import Push
from common.domain.refs import GitRef
from common.domain.status import Reason
from common.store.engine.session import Database
from common.store.schema.tables import SourceRow
from common.store.state import fleet, pokes, sources
from common.store.state.pokes import APART, AT_ONCE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SECOND = timedelta(seconds=1)
REPO = "https://git.example.com/apps.git"
OTHER = "https://git.example.com/other.git"
MAIN = Push((REPO,), ("refs/heads/main",))
ALL = Push((REPO,))


@pytest.fixture
def followed(database: Database) -> Database:
    with database.write() as connection:
        fleet.fix_name(connection, "acme", now=NOW)
        refs = [
            GitRef(REPO, "", "refs/heads/main"),
            GitRef(REPO, "", "refs/heads/next"),
            GitRef(OTHER, "", "refs/heads/main"),
        ]
        sources.follow(connection, dict.fromkeys(refs, "default"), now=NOW)
        connection.execute(update(SourceRow).values(due_at=LATER))
    return database


def _poke(database: Database, push: Push, now: datetime, repos: Sequence[str] = (REPO,)) -> int:
    with database.write() as connection:
        found = pokes.to_poke(connection, repos, push, now=now)
        pokes.poke(connection, found, now=now)
    return len(found)


def _due(database: Database, ref: str = "refs/heads/main", repo: str = REPO) -> datetime:
    with database.read() as connection:
        query = select(SourceRow.due_at).where(SourceRow.repo == repo, SourceRow.ref == ref)
        return connection.execute(query).scalar_one()


def _looked(database: Database, began: datetime, now: datetime) -> None:
    with database.write() as connection:
        for id_ in sources.ids(connection).values():
            sources.store_unchanged(connection, id_, began=began, next_at=LATER, now=now)


def test_a_push_brings_its_own_ref_forward_and_no_other(followed: Database) -> None:
    assert _poke(followed, MAIN, NOW) == 1
    assert _due(followed) == NOW
    assert _due(followed, "refs/heads/next") == LATER
    assert _due(followed, repo=OTHER) == LATER
    assert _poke(followed, ALL, NOW + 3 * SECOND) == 2


def test_pushes_within_two_seconds_are_two_looks_the_second_after_all_of_them(followed: Database) -> None:
    _poke(followed, MAIN, NOW)
    _looked(followed, NOW, NOW + SECOND / 2)
    assert _due(followed) == LATER
    assert [_poke(followed, MAIN, NOW + SECOND) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert _due(followed) == NOW + APART
    _looked(followed, NOW + SECOND * 1.5, NOW + SECOND * 1.6)
    assert _due(followed) == NOW + APART, "one that began before is not the one that was asked for"
    _looked(followed, NOW + APART, NOW + APART + SECOND)
    assert _due(followed) == LATER


def test_a_push_during_a_look_is_followed_by_another(followed: Database) -> None:
    _poke(followed, MAIN, NOW + SECOND)
    _looked(followed, NOW, NOW + 2 * SECOND)
    assert _due(followed) == NOW + SECOND


def test_a_push_during_a_look_that_fails_does_not_wait_for_the_back_off(followed: Database) -> None:
    _poke(followed, MAIN, NOW + SECOND)
    with followed.write() as connection:
        for id_ in sources.ids(connection).values():
            unreachable = Reason("git.unreachable", {"message": "no such host"})
            sources.store_failure(connection, id_, unreachable, began=NOW, next_at=LATER)
    assert _due(followed) == NOW + SECOND
    assert _due(followed, "refs/heads/next") == LATER


def test_what_a_person_asks_for_during_a_look_is_followed_by_another(followed: Database) -> None:
    with followed.write() as connection:
        assert sources.refresh(connection, REPO, now=NOW + SECOND) == 2
    _looked(followed, NOW, NOW + 2 * SECOND)
    assert _due(followed) == NOW + SECOND


def test_a_push_postpones_nothing(followed: Database) -> None:
    _poke(followed, MAIN, NOW)
    with followed.write() as connection:
        connection.execute(update(SourceRow).values(due_at=NOW))
    _poke(followed, MAIN, NOW + SECOND)
    assert _due(followed) == NOW


def test_a_repository_of_many_refs_is_looked_at_bit_by_bit(database: Database) -> None:
    many = [GitRef(REPO, "", f"refs/heads/b{number:03}") for number in range(100)]
    with database.write() as connection:
        fleet.fix_name(connection, "acme", now=NOW)
        sources.follow(connection, dict.fromkeys(many, "default"), now=NOW)
        connection.execute(update(SourceRow).values(due_at=LATER))
    for number in range(50):
        _poke(database, ALL, NOW + number * SECOND / 100)
        for ref in many[:3]:
            _poke(database, Push((REPO,), (ref.text,)), NOW + number * SECOND / 100)
    with database.read() as connection:
        due = [at for (at,) in connection.execute(select(SourceRow.due_at)) if at < LATER]
    for start in range(60):
        first = NOW + start * SECOND / 4
        assert sum(first <= at < first + APART for at in due) <= 2 * AT_ONCE, start
    assert len(due) == 100


def test_the_scheduler_is_told_of_a_push_and_of_the_end_of_its_look(followed: Database) -> None:
    def marker(now: datetime) -> tuple[datetime | None, datetime | None]:
        with followed.read() as connection:
            return pokes.marker(connection, now=now)

    seen = [marker(NOW)]
    _looked(followed, NOW, NOW)
    assert marker(NOW) == seen[0], "a look that nobody asked for"
    _poke(followed, MAIN, NOW)
    seen.append(marker(NOW))
    _looked(followed, NOW, NOW + SECOND)
    seen.append(marker(NOW + SECOND))
    with followed.write() as connection:
        pokes.poke_registry(connection, now=NOW + 2 * SECOND)
    seen.append(marker(NOW + 2 * SECOND))
    assert len(set(seen)) == 4
    with followed.read() as connection:
        assert pokes.registry_poked_at(connection) == NOW + 2 * SECOND
        assert pokes.followed(connection)["git.example.com/apps"] == (REPO,)
