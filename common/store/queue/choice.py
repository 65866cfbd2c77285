"""Which of the runs that are due go first; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Priority

_Key = tuple[int, int, int, datetime, RunId]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that may be sent.

    Attributes:
        run: what its message carries.
        ref: whose run it is.
        queue: where its message goes.
        priority: lower goes first.
        due: since when it may be sent.
    """

    run: RunId
    ref: PlacementRef
    queue: str
    priority: Priority
    due: datetime


@dataclass(frozen=True, slots=True)
class Load:
    """How many runs are sent or running, by cluster and by application; those without any are left out."""

    clusters: Mapping[str, int]
    applications: Mapping[str, int]


def choose(due: Iterable[Candidate], *, limit: int, free: Mapping[str, int], load: Load) -> list[Candidate]:
    """Return at most ``limit`` of the runs in ``due``, in the order in which to send them.

    Priority decides; then the application with the fewest runs under way, then the cluster with the fewest, then age:
    so an application with a thousand placements delays one with five by no more than their equal share.

    Args:
        due: may hold a run twice.
        limit: how many at most.
        free: how many more runs each cluster may have; one that is not in it may have none.
        load: what is under way already.
    """
    clusters, applications, room = Counter(load.clusters), Counter(load.applications), dict(free)

    def key(candidate: Candidate) -> _Key:
        ref = candidate.ref
        under_way = applications[ref.application], clusters[ref.cluster]
        return (candidate.priority, *under_way, candidate.due, candidate.run)

    heap = [(key(candidate), candidate) for candidate in {c.run: c for c in due}.values()]
    heapify(heap)
    chosen: list[Candidate] = []
    while heap and len(chosen) < limit:
        was, candidate = heappop(heap)
        if room.get(candidate.ref.cluster, 0) <= 0:
            continue
        if (now := key(candidate)) != was:  # keys only grow: what was chosen since put this one back
            heappush(heap, (now, candidate))
            continue
        chosen.append(candidate)
        room[candidate.ref.cluster] -= 1
        clusters[candidate.ref.cluster] += 1
        applications[candidate.ref.application] += 1
    return chosen
