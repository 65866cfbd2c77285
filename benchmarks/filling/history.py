"""Runs over months: millions that have ended, what the last of them did, and those that are open."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, insert

from benchmarks.filling.loader import load
from benchmarks.filling.shape import HOSTILE, Place, Shape, digest, uuid_of
from benchmarks.filling.standing import Standing, standings, stored_sources
from common.domain.codes import CauseReason, RunReason
from common.domain.runs import PRIORITY_OF, Outcome, RunState, Trigger
from common.domain.status import Found
from common.store.engine.session import Database
from common.store.schema.tables import AttemptRow, ObjectResultRow, OpenRunRow, RetentionRow, RunRow

_TOGETHER = 100_000
"""Runs of one transaction."""
_WITH_ATTEMPTS = 20_000
"""Runs, the last, of which more is kept than themselves."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATE = timedelta(hours=1)
"""Before the end: then come the last runs of what is not well."""
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of runs that have ended; ``weight`` is how many of a thousand are of it."""

    weight: float
    trigger: Trigger
    outcome: Outcome
    cause: str
    params: Mapping[str, Any] | None = None
    actor: str = "flotilla"
    reason: str = ""
    error: str = ""
    words: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


_DRIFT = {"objects": 1, "kind": "Deployment", "name": "web", "what": "sweep.changed", "by": "kubectl-edit"}
_CHANGED, _SAME = {"configured": 1, "unchanged": 3}, {"unchanged": 4}
KINDS = (
    Kind(660, Trigger.REVISION, Outcome.SUCCEEDED, CauseReason.NEW_REVISION, counts=_CHANGED),
    Kind(140, Trigger.DRIFT, Outcome.SUCCEEDED, CauseReason.DRIFTED, _DRIFT, counts=_CHANGED),
    Kind(
        60, Trigger.MANUAL, Outcome.SUCCEEDED, CauseReason.ASKED, {"why": "roll it out"}, "Ada Lovelace", counts=_SAME
    ),
    Kind(10, Trigger.MANUAL, Outcome.SUCCEEDED, CauseReason.ASKED, {"why": HOSTILE[2]}, HOSTILE[0], counts=_SAME),
    Kind(30, Trigger.CHECK, Outcome.SUCCEEDED, CauseReason.FULL_CHECK, reason=RunReason.DIFFERS, counts=_CHANGED),
    Kind(30, Trigger.RETRY, Outcome.FAILED, CauseReason.FAILED, {"runs": 2}, error="cluster.timeout", words="too late"),
    Kind(30, Trigger.REVISION, Outcome.FAILED, CauseReason.NEW_REVISION, error="cluster.invalid", words=HOSTILE[1]),
    Kind(20, Trigger.REVISION, Outcome.SUPERSEDED, CauseReason.NEW_REVISION, reason=RunReason.NEWER_REVISION),
    Kind(10, Trigger.REVISION, Outcome.INTERRUPTED, CauseReason.NEW_REVISION, error="interrupted", words="it died"),
    Kind(10, Trigger.REVISION, Outcome.NEEDS_APPROVAL, CauseReason.NEW_REVISION, reason=RunReason.ASKS),
)
_FAILED = Kind(0, Trigger.RETRY, Outcome.FAILED, CauseReason.FAILED, {"runs": 2})
_RUN = (
    "id", "placement_id", "cluster", "application", "project", "source_digest", "parameters_digest", "sources",
    "source_id", "snapshot_id", "created_at", "started_at", "ended_at", "trigger", "actor", "cause_code",
    "cause_params", "priority", "queue", "outcome", "reason_code", "reason_params", "error_code", "error_params",
    "attempts", "manifest_digest", "counts",
)  # fmt: skip


class Ended(NamedTuple):
    """A run that has ended, as far as its attempt repeats it; instants as text."""

    id: str
    place: Place
    begun: str
    ended: str
    kind: Kind


def runs(database: Database, shape: Shape, snapshot: int) -> None:
    """Add the runs that have ended, so many in each transaction, with the attempts of the last of them."""
    last: deque[Ended] = deque(maxlen=_WITH_ATTEMPTS)
    made = _runs(shape, snapshot, last)
    for begun in range(0, shape.runs, _TOGETHER):
        with database.write() as connection:
            load(connection, RunRow, _RUN, islice(made, min(shape.runs - begun, _TOGETHER)))
    with database.write() as connection:
        # What has ended takes no more, but from who is about to delete it: so that is what this transaction says.
        connection.execute(insert(RetentionRow).values(id=1, horizon=shape.now))
        _latest(connection, shape, snapshot, last)
        _attempts(connection, last)
        _open(connection, shape, snapshot)
        connection.execute(delete(RetentionRow))


def _tail(kind: Kind) -> tuple[Any, ...]:
    """Return what all runs of a kind have alike, the columns from ``trigger`` on."""
    error = orjson.dumps({"message": kind.words}).decode() if kind.error else None
    reason = '{"what": {"code": "prune.max-objects", "params": {"objects": 23, "most": 20}}}'
    params = orjson.dumps(kind.params).decode() if kind.params else None
    return (
        kind.trigger.value, kind.actor, str(kind.cause), params, int(PRIORITY_OF[kind.trigger]), "default",
        kind.outcome.value, str(kind.reason), reason if kind.reason == RunReason.ASKS else None, kind.error, error, 1,
        digest("manifests"), orjson.dumps(dict(kind.counts)).decode(),
    )  # fmt: skip


def _runs(shape: Shape, snapshot: int, last: deque[Ended]) -> Iterator[tuple[Any, ...]]:
    """Yield runs in their order. Values are text already: there may be millions of them."""
    chance, places = shape.chance("runs"), tuple(shape.places())
    kinds = [(kind, _tail(kind)) for kind in KINDS]
    weights = list(accumulate(kind.weight for kind in KINDS))
    sources = [
        [orjson.dumps(stored_sources(shape, source, n)).decode() for n in range(shape.commits)]
        for source in range(1, len(shape.projects) + 1)
    ]
    digests, parameters = [digest(str(number)) for number in range(shape.commits)], digest("p")
    begin, every = _millis(shape.begin), (shape.now - _LATE - shape.begin) / _MILLISECOND / max(1, shape.runs)
    for number in range(shape.runs):
        millis = begin + int(number * every)
        place = places[int(chance.random() * len(places))]
        at = number * shape.commits // shape.runs
        ((kind, tail),) = chance.choices(kinds, cum_weights=weights)
        one = Ended(
            uuid_of(millis, number, chance.getrandbits(48)),
            place,
            _text(millis),
            _text(millis + 2_000 + number % 60_000),
            kind,
        )
        last.append(one)
        yield _ended(one, snapshot, (digests[at], parameters, sources[place.source - 1][at]), tail)


def _ended(one: Ended, snapshot: int, revision: Sequence[Any], tail: Sequence[Any]) -> tuple[Any, ...]:
    id_, place, begun, ended, _ = one
    whose = (id_, place.id, place.cluster, place.application, place.project)
    return (*whose, *revision, place.source, snapshot, begun, begun, ended, *tail)


def _latest(connection: Connection, shape: Shape, snapshot: int, last: deque[Ended]) -> None:
    """Add the last run of each placement that failed."""
    chance = shape.chance("latest")
    revision = (digest(str(shape.commits - 1)), digest("p"))

    def rows() -> Iterator[tuple[Any, ...]]:
        failed = [(place, one) for place, one in standings(shape) if one.columns.get("failure_code")]
        for number, (place, standing) in enumerate(failed):
            millis = _millis(shape.now) - 1_800_000 + number
            code = standing.columns["failure_code"]
            words = standing.params["failure"](place, chance)["message"]
            kind = replace(_FAILED, error=code, words=str(words))
            id_ = uuid_of(millis, number, chance.getrandbits(48))
            one = Ended(id_, place, _text(millis), _text(millis + 3_000), kind)
            last.append(one)
            sources = stored_sources(shape, place.source, shape.commits - 1)
            yield _ended(one, snapshot, (*revision, sources), _tail(kind))

    load(connection, RunRow, _RUN, rows())


def _attempts(connection: Connection, last: Iterable[Ended]) -> None:
    columns = (
        "run_id", "number", "placement_id", "worker", "started_at", "ended_at", "outcome", "error_code", "error_params",
        "counts", "timings", "requests",
    )  # fmt: skip
    ended = [one for one in last if one.kind.outcome in {Outcome.SUCCEEDED, Outcome.FAILED}]
    timings, requests = {"render": 12, "compare": 40, "apply": 85}, {"GET": 4, "PATCH": 8}
    attempts = (
        (
            one.id,
            1,
            one.place.id,
            f"worker-{one.place.id % 4}",
            one.begun,
            one.ended,
            one.kind.outcome.value,
            one.kind.error,
            {"message": one.kind.words} if one.kind.error else None,
            dict(one.kind.counts),
            timings,
            requests,
        )
        for one in ended
    )
    load(connection, AttemptRow, columns, attempts)
    results = (
        "run_id", "attempt", "ordinal", "group", "kind", "namespace", "name", "action", "detail_code",
        "detail_params", "diff",
    )  # fmt: skip
    load(connection, ObjectResultRow, results, (_result(one) for one in ended if one.kind.counts != _SAME))


def _result(one: Ended) -> tuple[Any, ...]:
    failed, name = one.kind.outcome is Outcome.FAILED, one.place.application
    diff = "" if failed else f"  spec:\n-   replicas: 2\n+   replicas: 3\n    note: {HOSTILE[0]}\n"
    said = {"message": one.kind.words} if failed else None
    where = (one.id, 1, 0, "apps", "Deployment", name, name)
    return (*where, "failed" if failed else "configured", one.kind.error, said, diff)


def _open(connection: Connection, shape: Shape, snapshot: int) -> None:
    """Add a run of each placement that is to have one: queued, running, or waiting for health."""
    chance = shape.chance("open")
    columns = tuple(name for name in _RUN if name not in {"ended_at", "started_at", "outcome"})
    due = [(place, one) for place, one in standings(shape) if _has_run(one)]
    made, stands = [], []
    for number, (place, one) in enumerate(due):
        millis = _millis(shape.now) - 120_000 + number
        id_ = uuid_of(millis, number, chance.getrandbits(48))
        state = RunState.WAITING if one.columns else (RunState.RUNNING if number % 3 == 0 else RunState.QUEUED)
        revision = (digest(f"{place.application}/{shape.commits - 1}"), digest("p"))
        sources = stored_sources(shape, place.source, shape.commits - 1)
        whose = (place.cluster, place.application)
        decided = (Trigger.REVISION.value, "flotilla", str(CauseReason.NEW_REVISION), None, 2, "default")
        rest = ("", None, "", None, 0, None, None)
        made.append(
            (
                id_,
                place.id,
                *whose,
                place.project,
                *revision,
                sources,
                place.source,
                snapshot,
                _text(millis),
                *decided,
                *rest,
            )
        )
        waits: tuple[str, Mapping[str, Any] | None] = (
            ("sync.unhealthy", {"objects": 1}) if state is RunState.WAITING else ("", None)
        )
        stands.append(
            (
                id_,
                place.id,
                *whose,
                Trigger.REVISION.value,
                *revision,
                2,
                "default",
                state.value,
                *waits,
                _text(millis),
                shape.now + timedelta(minutes=10) if state is RunState.WAITING else None,
                None if state is RunState.QUEUED else _text(millis + 1000),
            )
        )
    load(connection, RunRow, columns, made)
    names = (
        "run_id", "placement_id", "cluster", "application", "trigger", "source_digest", "parameters_digest", "priority",
        "queue", "state", "reason_code", "reason_params", "not_before", "deadline_at", "started_at",
    )  # fmt: skip
    load(connection, OpenRunRow, names, stands)


def _has_run(one: Standing) -> bool:
    return (one.behind == 1 and not one.columns) or one.columns.get("found_code") == Found.WAITS


def _millis(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def _text(millis: int) -> str:
    """Return an instant as both databases read it, of milliseconds since 1970."""
    seconds, rest = divmod(millis, 1000)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S}.{rest:03}000"
