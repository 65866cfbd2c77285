"""Rollout strategies and sync windows as written: parsed and checked; what carries them out is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from common.domain.fleet.policies import A_FIFTH, NONE_AT_ALL, Amount
from common.domain.fleet.selectors import Selector
from common.domain.fleet.values import NOWHERE, Where


class Unreachable(StrEnum):
    """What a rollout does with a cluster it cannot reach."""

    DEFER = "defer"
    FAIL = "fail"
    BLOCK = "block"


class OnBreach(StrEnum):
    """What a rollout does once failures exceed their bound."""

    PAUSE = "pause"
    ROLLBACK_WAVE = "rollbackWave"
    ROLLBACK_ALL = "rollbackAll"


class OnNewRevision(StrEnum):
    """What a newer revision does to a rollout that is under way."""

    REPLACE = "replace"
    FINISH = "finish"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class ApprovalGate:
    """Waits for ``count`` approvals by members of ``by``."""

    by: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class MetricGate:
    """Waits until a query has stayed within its bounds for a time; at least one bound is given."""

    provider: str
    query: str
    lasting: timedelta
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class JobGate:
    """Waits for the jobs of another application to succeed."""

    application: str


Gate = ApprovalGate | MetricGate | JobGate


@dataclass(frozen=True, slots=True)
class Wave:
    """One step of a strategy; ``select`` is None for the wave that takes all remaining clusters."""

    name: str
    select: Selector | None
    max_concurrent: Amount = A_FIFTH
    max_failures: Amount = NONE_AT_ALL
    deadline: timedelta = timedelta(minutes=15)
    soak: timedelta = timedelta(0)
    after: tuple[Gate, ...] = ()
    windows: tuple[str, ...] = ()
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class RolloutStrategy:
    """The order in which a revision reaches the fleet."""

    name: str
    waves: tuple[Wave, ...]
    unreachable: Unreachable = Unreachable.DEFER
    on_breach: OnBreach = OnBreach.PAUSE
    on_new_revision: OnNewRevision = OnNewRevision.REPLACE
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Opens (or closes) at each match of a five-field cron expression in its time zone, for ``duration``."""

    cron: str
    duration: timedelta
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """When syncs may start; ``manual`` tells whether a person may sync outside it."""

    name: str
    allow: tuple[WindowRule, ...] = ()
    deny: tuple[WindowRule, ...] = ()
    manual: bool = False
    where: Where = NOWHERE
