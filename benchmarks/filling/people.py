"""What people see and do: events, faults, what waits for them, what they asked for, and the audit of it all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from benchmarks.filling.loader import load
from benchmarks.filling.registry import is_away
from benchmarks.filling.shape import HOSTILE, Place, Shape, digest, uuid_of
from benchmarks.filling.standing import standings
from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.events import EventKind
from common.domain.status import Found
from common.store.schema.tables import ApprovalRow, AuditRow, EventRow, FaultRow, IntentRow

PEOPLE = ("Ada Lovelace", "Grace Hopper", "ci-token", HOSTILE[0], HOSTILE[1])
_MOST = 20_000
"""Events, and rows of the audit."""
_DEEDS = ("sync", "pause", "resume", "approve", "refresh", "sign-in")
_VERBS = ("sync", "pause", "pause", "approve", "sync", "")


def fill(connection: Connection, shape: Shape) -> None:
    """Add all of it."""
    _approvals(connection, shape)
    _faults(connection, shape)
    _events(connection, shape)
    _audit(connection, shape)
    _intents(connection, shape)


def _approvals(connection: Connection, shape: Shape) -> None:
    columns = (
        "id", "kind", "subject", "project", "digest", "payload", "reason_code", "reason_params", "state", "created_at",
        "decided_at", "decided_by", "decision_reason",
    )  # fmt: skip
    load(connection, ApprovalRow, columns, (_approval(shape, *one) for one in enumerate(_asked(shape), 1)))


def _asked(shape: Shape) -> Iterator[tuple[Place, ApprovalState]]:
    """Yield what was asked for: what was decided long ago first, then what is open."""
    asking = [place for place, one in standings(shape) if one.columns.get("found_code") == Found.PRUNE_ASKED]
    for number, place in enumerate(islice(shape.places(), shape.placements // 100 + 3)):
        yield place, (ApprovalState.DONE, ApprovalState.REJECTED, ApprovalState.VOID)[number % 3]
    yield from ((place, ApprovalState.OPEN) for place in asking)


def _approval(shape: Shape, number: int, asked: tuple[Place, ApprovalState]) -> tuple[Any, ...]:
    place, state = asked
    reason = ("prune.max-objects", {"objects": 23, "most": 20})
    removed = [f"/ConfigMap:{place.application}/old-{at}" for at in range(23)]
    subject, decided = f"{place.cluster}/{place.application}", state is not ApprovalState.OPEN
    at = shape.now - (timedelta(days=30, minutes=number) if decided else timedelta(minutes=number % 3_000))
    return (
        number, ApprovalKind.PRUNE.value, subject, place.project, digest(subject), {"objects": removed}, *reason,
        state.value, at, at + timedelta(minutes=9) if decided else None, PEOPLE[number % 5] if decided else "",
        HOSTILE[number % len(HOSTILE)] if decided else "",
    )  # fmt: skip


def _faults(connection: Connection, shape: Shape) -> None:
    columns = ("scope", "project", "digest", "code", "file", "line", "params", "first_seen_at", "last_seen_at")
    load(connection, FaultRow, columns, _fault_rows(shape))


def _fault_rows(shape: Shape) -> Iterator[tuple[Any, ...]]:
    now, since = shape.now, shape.now - timedelta(days=2)
    for number, cluster in enumerate(shape.cluster_names):
        if is_away(number):
            params = {"message": "connect: i/o timeout", "remedy": "See whether it runs."}
            yield f"cluster:{cluster}", "", digest(cluster), "cluster.unreachable", "", 0, params, since, now
    for number, application in enumerate(shape.application_names):
        if number % 9 == 4:
            project = shape.project(number)
            file = f"teams/{project}/{application if number % 2 else HOSTILE[0]}.yaml"
            params = {"message": f"spec.targets[0].select: {HOSTILE[number % len(HOSTILE)]}", "remedy": "Name a label."}
            yield "registry", project, digest(application), "registry.document", file, number, params, since, now
    for place in islice(shape.places(), 0, None, 150):
        ref = f"{place.cluster}/{place.application}"
        params = {"object": f"/ConfigMap:{place.application}/left-over", "placement": ref}
        yield f"cluster:{place.cluster}", "", digest(ref), "cluster.orphan", "", 0, params, since, now


def _events(connection: Connection, shape: Shape) -> None:
    """Add events as if one transaction had told them, before all that triggers tell."""
    columns = ("tx", "id", "at", "kind", "subject", "cluster", "application", "project", "code", "params", "actor")
    count, chance = min(_MOST, 20 * shape.placements), shape.chance("events")
    first, places = round((shape.now - timedelta(days=2)).timestamp() * 1000), list(shape.places())

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            place = chance.choice(places)
            at = shape.now - timedelta(days=2) + number * (timedelta(days=2) / count)
            health = ("degraded", "healthy", "progressing")[number % 3]
            yield (
                1, uuid_of(first + number * 172_800_000 // count, number, number), at, EventKind.HEALTH_CHANGED.value,
                f"{place.cluster}/{place.application}", place.cluster, place.application, place.project, health,
                {"was": "healthy"}, "flotilla",
            )  # fmt: skip

    load(connection, EventRow, columns, rows())


def _audit(connection: Connection, shape: Shape) -> None:
    columns = ("at", "actor", "action", "subject", "project", "outcome", "verb", "credential", "address", "detail")
    count, chance = min(_MOST, 20 * shape.placements), shape.chance("audit")
    places, every = list(shape.places()), (shape.now - shape.begin) / count

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            place, deed = chance.choice(places), number % len(_DEEDS)
            detail = {"reason": HOSTILE[number % len(HOSTILE)] if number % 10 == 0 else "as planned"}
            yield (
                shape.begin + every * number, PEOPLE[number % 5], _DEEDS[deed], f"{place.cluster}/{place.application}",
                place.project, "refused" if number % 40 == 0 else "asked", _VERBS[deed], f"s-{number % 7}",
                f"192.0.2.{number % 250}", detail,
            )  # fmt: skip

    load(connection, AuditRow, columns, rows())


def _intents(connection: Connection, shape: Shape) -> None:
    columns = (
        "kind", "subject", "project", "actor", "reason", "created_at", "handled_at", "outcome", "result_code",
    )  # fmt: skip
    places, every = islice(shape.places(), 0, None, 100), timedelta(minutes=1)
    rows = (
        (
            "sync",
            f"{place.cluster}/{place.application}",
            place.project,
            PEOPLE[n % 5],
            HOSTILE[n % len(HOSTILE)],
            shape.now - every * n,
            shape.now - every * n,
            "done",
            "request.run-made",
        )
        for n, place in enumerate(places, 1)
    )
    load(connection, IntentRow, columns, rows)
