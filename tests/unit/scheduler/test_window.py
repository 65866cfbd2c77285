"""How much may lie in the broker."""

from scheduler.planning.window import free_slots, room


def test_a_queue_takes_two_messages_for_each_live_slot() -> None:
    assert room(8, 0) == 16
    assert room(8, 10) == 6


def test_a_full_queue_takes_none_and_neither_does_one_without_workers() -> None:
    assert room(8, 40) == 0
    assert room(0, 0) == 0


def test_a_cluster_takes_what_its_cap_leaves() -> None:
    assert free_slots({"a": 4, "b": 4, "c": 1}, {"a": 1, "b": 4, "c": 3}) == {"a": 3}
