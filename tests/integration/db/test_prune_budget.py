"""The fleet's prune budget: what a revision removes adds up over its placements, whoever asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from common.store.engine.session import Database
from common.store.state import prune_budget

OLD, NEW = "1" * 64, "2" * 64


def _spend(database: Database, placement_id: int, objects: int, *, digest: str = OLD, budget: int = 10) -> bool:
    with database.write() as connection:
        spent = prune_budget.spend(connection, "shop", digest, placement_id, objects, budget=budget)
    return spent + objects <= budget


def test_removals_of_one_revision_add_up_over_placements(database: Database) -> None:
    assert _spend(database, 1, 6)
    assert not _spend(database, 2, 5)
    assert _spend(database, 3, 4), "what was refused is not counted"
    assert not _spend(database, 4, 1)


def test_asking_again_counts_once(database: Database) -> None:
    assert _spend(database, 1, 6)
    assert _spend(database, 1, 6)
    assert _spend(database, 1, 2)
    assert not _spend(database, 2, 5), "a later attempt that has less left to remove gives nothing back"


def test_each_revision_and_each_application_has_a_budget_of_its_own(database: Database) -> None:
    assert _spend(database, 1, 10)
    assert _spend(database, 1, 10, digest=NEW)
    with database.write() as connection:
        assert prune_budget.spend(connection, "other", OLD, 3, 10, budget=10) == 0


def test_a_budget_of_nothing_allows_nothing(database: Database) -> None:
    assert not _spend(database, 1, 1, budget=0)


def test_of_many_that_ask_at_once_no_more_get_leave_than_the_budget_has(database: Database) -> None:
    barrier = Barrier(8)

    def ask(placement_id: int) -> bool:
        barrier.wait(timeout=30)
        return _spend(database, placement_id, 3)

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(ask, range(1, 9)))
    assert sum(allowed) == 3
