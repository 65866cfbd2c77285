"""Whose look is sent next, and how many of them."""

import pytest

from common.domain.inspections import DueInspection
from scheduler.planning.looks import PER_CLUSTER, choose, look_slots


def due(*looks: str) -> list[DueInspection]:
    """Return looks, oldest first, each as ``ACTOR CLUSTER``, with `again` behind it where it was sent before."""
    words = [look.split() for look in looks]
    return [
        DueInspection(str(at), "p", cluster, actor, was_sent=bool(again))
        for at, (actor, cluster, *again) in enumerate(words)
    ]


def chosen(looks: list[DueInspection], slots: int, **known: dict[str, int]) -> list[str]:
    under_way = {("p", cluster): count for cluster, count in known.get("under_way", {}).items()}
    found = choose(looks, slots={"p": slots}, under_way=under_way, lately=known.get("lately", {}))
    return [f"{one.actor} {one.cluster}" for one in found]


@pytest.mark.parametrize(("slots", "looks"), [(0, 0), (1, 1), (2, 1), (8, 7)])
def test_one_slot_is_left_to_runs_unless_there_is_no_other(slots: int, looks: int) -> None:
    assert look_slots(slots) == looks


def test_looks_at_clusters_that_never_answer_leave_a_slot() -> None:
    looks = due(*(f"eve hole-{number}" for number in range(10)))
    assert len(chosen(looks, 2)) == 1
    assert chosen(looks, 2, under_way={"hole-9": 1}) == []


def test_whoever_was_sent_fewest_looks_comes_before_whoever_asked_first() -> None:
    looks = due(*(f"eve hole-{number}" for number in range(10)), "bob eu")
    assert chosen(looks, 4) == ["eve hole-0", "bob eu", "eve hole-1"]
    assert chosen(looks, 2, lately={"eve": 1}) == ["bob eu"]


def test_one_cluster_never_has_all_looks() -> None:
    looks = due("eve hole", "bob hole", "ann hole", "eve eu")
    assert chosen(looks, 9) == ["eve hole", "bob hole", "eve eu"]
    assert chosen(looks, 9, under_way={"hole": PER_CLUSTER}) == ["eve eu"]


def test_what_is_sent_again_takes_no_room_of_its_own() -> None:
    looks = due("eve hole again", "bob eu")
    assert chosen(looks, 2, under_way={"hole": 1}) == ["eve hole"], "a lost message must not keep its slot for good"
    assert chosen(looks, 0, under_way={"hole": 1}) == [], "nobody is there to take it"
