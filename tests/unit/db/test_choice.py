"""Which due runs go first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Priority
from common.store.queue.choice import Candidate, Load, choose

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDLE = Load({}, {})
MANY = 1_000


def _due(*names: str, priority: Priority = Priority.REVISION, first: int = 0) -> list[Candidate]:
    """Return runs by placement name, each a second younger than the one before."""
    return [
        Candidate(RunId(f"{name}-{n}"), PlacementRef.parse(name), "default", priority, NOW + timedelta(seconds=n))
        for n, name in enumerate(names, start=first)
    ]


def _names(chosen: list[Candidate]) -> list[str]:
    return [str(candidate.ref) for candidate in chosen]


def _free(due: list[Candidate], slots: int = MANY) -> dict[str, int]:
    return {candidate.ref.cluster: slots for candidate in due}


def test_an_older_run_goes_first() -> None:
    due = _due("a/x", "b/y", "c/z")
    assert _names(choose(due[::-1], limit=2, free=_free(due), load=IDLE)) == ["a/x", "b/y"]


def test_priority_comes_before_age_and_fairness() -> None:
    due = _due("a/x", "b/y") + _due("c/x", priority=Priority.MANUAL, first=9)
    busy = Load({"c": 5}, {"x": 5})
    assert _names(choose(due, limit=3, free=_free(due), load=busy)) == ["c/x", "b/y", "a/x"]


def test_a_small_application_is_not_made_to_wait_for_a_big_one() -> None:
    due = _due(*[f"c{n}/big" for n in range(100)], "c0/small", "c1/small")
    chosen = _names(choose(due, limit=4, free=_free(due), load=IDLE))
    assert Counter(name.partition("/")[2] for name in chosen) == {"big": 2, "small": 2}


def test_what_is_under_way_counts_in_an_applications_share() -> None:
    due = _due("a/big", "b/big", "a/small", "b/small")
    chosen = choose(due, limit=2, free=_free(due), load=Load({}, {"big": 2}))
    assert _names(chosen) == ["a/small", "b/small"]


def test_clusters_share_alike() -> None:
    due = _due(*[f"big/a{n}" for n in range(50)], "small/a50", "small/a51")
    chosen = _names(choose(due, limit=4, free=_free(due), load=IDLE))
    assert Counter(name.partition("/")[0] for name in chosen) == {"big": 2, "small": 2}


def test_a_cluster_gets_no_more_than_it_has_room_for_and_stops_nobody_else() -> None:
    due = _due(*[f"full/a{n}" for n in range(50)], "half/a", "half/b", "unknown/c")
    assert _names(choose(due, limit=9, free={"full": 0, "half": 1}, load=IDLE)) == ["half/a"]


def test_a_run_found_twice_is_chosen_once() -> None:
    due = _due("a/x")
    assert choose(due + due, limit=5, free={"a": 5}, load=IDLE) == due
