"""Every choice of runs keeps its bounds and leaves no room unused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Priority
from common.store.queue.choice import Candidate, Load, choose

NOW = datetime(2026, 3, 1, tzinfo=UTC)


IDLE = Load({}, {})


def _due(*names: str, priority: Priority = Priority.REVISION, first: int = 0) -> list[Candidate]:
    """Return runs by placement name, each a second younger than the one before."""
    return [
        Candidate(RunId(f"{name}-{n}"), PlacementRef.parse(name), "default", priority, NOW + timedelta(seconds=n))
        for n, name in enumerate(names, start=first)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(list(Priority))), max_size=40),
    st.dictionaries(st.sampled_from([f"c{n}" for n in range(5)]), st.integers(0, 4)),
    st.integers(0, 12),
)
def test_no_choice_breaks_a_bound_or_leaves_room_unused(
    rows: list[tuple[int, int, Priority]], free: dict[str, int], limit: int
) -> None:
    due = [run for n, (c, a, p) in enumerate(rows) for run in _due(f"c{c}/a{a}", priority=p, first=n)]
    chosen = choose(due, limit=limit, free=free, load=IDLE)
    used = Counter(candidate.ref.cluster for candidate in chosen)
    assert all(count <= free[cluster] for cluster, count in used.items())
    wanted = Counter(candidate.ref.cluster for candidate in due)
    assert len(chosen) == min(limit, sum(min(count, free.get(cluster, 0)) for cluster, count in wanted.items()))
    assert [c.priority for c in chosen] == sorted(c.priority for c in chosen)
