"""Whether the hub's own work goes on: pure, from what SQL knows of workers, broker, scheduler, and of what is due.

A worker that writes heartbeats and does nothing else is not alive. Each finding is a code with its parameters; the
sentences are made where people read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

CLOCK_TOLERANCE = timedelta(seconds=30)
"""How far a process's clock may be from the database's."""
REFUSALS = 5
"""Messages that a worker refuses one after another before it counts as one that refuses everything."""
DEAF_AFTER = timedelta(seconds=30)
"""A worker that has room, and that the broker has not answered for so long, takes no work."""
SILENT_AFTER = timedelta(seconds=60)
"""A scheduler that leads notes every few seconds how its sending goes."""


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something is not being done."""
    WARNING = "warning"
    """It is done, but not as it should be."""


class Condition(StrEnum):
    """Whether a worker process takes work, or why it does not."""

    ALIVE = "alive"
    CLOCK = "clock"
    REFUSING = "refusing"
    DEAF = "deaf"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker process whose heartbeat is fresh.

    Attributes:
        queues: that it serves.
        slots: runs at once.
        stuck: slots that make no progress and are not expected back.
        clock_ahead: seconds by which its clock is ahead of the database's; negative when it is behind.
        refused: messages refused since it last accepted one.
        refused_code: why the last of them was, see ``MessageReason``; empty for none.
        deaf_for: seconds since the broker last answered it; 0 while all its slots are taken, since it asks for nothing.
    """

    name: str
    queues: tuple[str, ...]
    slots: int
    stuck: int = 0
    clock_ahead: float = 0.0
    refused: int = 0
    refused_code: str = ""
    deaf_for: float = 0.0

    @property
    def condition(self) -> Condition:
        """Whether it takes work; the gravest reason where there are several."""
        if abs(self.clock_ahead) > CLOCK_TOLERANCE.total_seconds():
            return Condition.CLOCK
        if self.deaf_for > DEAF_AFTER.total_seconds():
            return Condition.DEAF
        if self.refused >= REFUSALS:
            return Condition.REFUSING
        return Condition.STUCK if self.stuck >= self.slots else Condition.ALIVE

    @property
    def live_slots(self) -> int:
        """How many runs it can have at once as it is."""
        return self.slots - self.stuck if self.condition is Condition.ALIVE else 0

    @property
    def trial_slots(self) -> int:
        """How many runs it may be sent: one to a worker that refuses everything, so that it can prove to be well again.

        Else strangers who write to the broker could switch a worker off with a few messages.
        """
        return 1 if self.condition is Condition.REFUSING else self.live_slots


@dataclass(frozen=True, slots=True)
class SendingState:
    """How the leading scheduler's sending goes, as it last noted it.

    Attributes:
        seen_at: when it noted that.
        failing_since: since when the broker takes nothing; None while it does.
        error_code: why it takes nothing.
        clock_ahead: seconds by which the scheduler's clock is ahead of the database's.
    """

    seen_at: datetime
    failing_since: datetime | None = None
    error_code: str = ""
    clock_ahead: float = 0.0


class Due(StrEnum):
    """Kinds of work that fall due."""

    RUNS = "runs"
    SWEEPS = "sweeps"
    OBSERVATIONS = "observations"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Late:
    """The oldest work of one kind that is due and not begun, on one queue.

    Attributes:
        since: when it fell due.
        example: a name of it: a cluster or a source; empty for runs.
    """

    what: Due
    queue: str
    since: datetime
    example: str = ""


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """What SQL knows of the way the work goes, at one instant.

    Attributes:
        now: by the database's clock.
        leads: whether a scheduler holds the lease.
        sending: None before any scheduler has sent.
        queues: that need a worker: those of the pools that have clusters.
        workers: whose heartbeats are fresh.
        late: the oldest due work by kind and queue.
        registry_checked_at: when the registry was last reached; None is never.
    """

    now: datetime
    leads: bool
    sending: SendingState | None
    queues: frozenset[str]
    workers: tuple[WorkerState, ...]
    late: tuple[Late, ...] = ()
    registry_checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkFinding:
    """One thing that keeps the work from going on.

    Attributes:
        code: stable, for programs.
        params: what the sentence needs; texts and numbers only.
    """

    code: str
    severity: Severity
    params: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def stops_work(self) -> bool:
        """Whether the hub itself cannot do its work, rather than one thing being late."""
        return self.severity is Severity.ERROR and self.code.partition(".")[0] in _WAY


_WAY = frozenset({"scheduler", "broker", "workers"})


def findings(facts: WorkFacts, *, late_after: timedelta, registry_after: timedelta) -> tuple[WorkFinding, ...]:
    """Return what keeps the work from going on, what concerns everything first; empty when it goes on.

    Args:
        facts: of one instant.
        late_after: how long due work may wait.
        registry_after: how old the last look at the registry may be.
    """
    return (
        *_scheduler(facts),
        *_queues(facts),
        *_workers(facts.workers),
        *_registry(facts, registry_after),
        *_late(facts, late_after),
    )


def _scheduler(facts: WorkFacts) -> Iterator[WorkFinding]:
    sending = facts.sending
    if not facts.leads:
        yield WorkFinding("scheduler.none", Severity.ERROR)
        return
    if sending is None:
        return  # it leads since an instant ago
    silent = facts.now - sending.seen_at
    if silent > SILENT_AFTER:
        yield WorkFinding("scheduler.silent", Severity.ERROR, {"seconds": silent.total_seconds()})
    elif sending.failing_since is not None:
        failing = (facts.now - sending.failing_since).total_seconds()
        yield WorkFinding(sending.error_code or "broker.unavailable", Severity.ERROR, {"seconds": failing})
    if abs(sending.clock_ahead) > CLOCK_TOLERANCE.total_seconds():
        yield WorkFinding("scheduler.clock", Severity.ERROR, {"ahead": sending.clock_ahead})


def _queues(facts: WorkFacts) -> Iterator[WorkFinding]:
    slots = slots_by_queue(facts.workers)
    there = {queue for worker in facts.workers for queue in worker.queues}
    for queue in sorted(facts.queues):
        if not slots.get(queue):
            code = "workers.idle" if queue in there else "workers.none"
            yield WorkFinding(code, Severity.ERROR, {"queue": queue})


def _workers(workers: Sequence[WorkerState]) -> Iterator[WorkFinding]:
    for worker in workers:
        name: dict[str, str | float] = {"worker": worker.name}
        match worker.condition:
            case Condition.CLOCK:
                yield WorkFinding("worker.clock", Severity.ERROR, name | {"ahead": worker.clock_ahead})
            case Condition.DEAF:
                yield WorkFinding("worker.deaf", Severity.ERROR, name | {"seconds": worker.deaf_for})
            case Condition.REFUSING:
                params = name | {"count": worker.refused, "why": worker.refused_code}
                yield WorkFinding("worker.refusing", Severity.ERROR, params)
        if worker.stuck:
            severity = Severity.ERROR if worker.stuck >= worker.slots else Severity.WARNING
            yield WorkFinding("worker.stuck", severity, name | {"stuck": worker.stuck, "slots": worker.slots})


def _registry(facts: WorkFacts, after: timedelta) -> Iterator[WorkFinding]:
    if facts.registry_checked_at is None:
        yield WorkFinding("registry.never", Severity.ERROR)
        return
    age = facts.now - facts.registry_checked_at
    if age > after:
        yield WorkFinding("registry.late", Severity.ERROR, {"seconds": age.total_seconds()})


def _late(facts: WorkFacts, after: timedelta) -> Iterator[WorkFinding]:
    for late in facts.late:
        waited = facts.now - late.since
        if waited > after:
            params: dict[str, str | float] = {
                "queue": late.queue,
                "seconds": waited.total_seconds(),
                "example": late.example,
            }
            yield WorkFinding(f"late.{late.what}", Severity.ERROR, params)


def slots_by_queue(workers: Sequence[WorkerState]) -> dict[str, int]:
    """Return how many runs the live workers of each queue can have at once; queues without any are left out."""
    slots: dict[str, int] = {}
    for worker in workers:
        for queue in worker.queues:
            if worker.live_slots:
                slots[queue] = slots.get(queue, 0) + worker.live_slots
    return slots
