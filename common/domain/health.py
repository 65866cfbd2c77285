"""Health of an object and of a placement: a closed, ordered vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from common.domain.health_codes import HealthReason
from common.domain.status import NONE, Reason


class Health(StrEnum):
    """From best to worst, in this order."""

    HEALTHY = "healthy"
    SUSPENDED = "suspended"
    PROGRESSING = "progressing"
    MISSING = "missing"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 is best."""
        return _RANKS[self]


WELL = frozenset({Health.HEALTHY, Health.SUSPENDED})
"""As it should be, or stopped on purpose."""
_RANKS = {health: rank for rank, health in enumerate(Health)}


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Health with a reason that holds no ticking fields, so that unchanged health writes nothing."""

    health: Health
    reason: Reason = NONE


def worst(reports: Iterable[HealthReport]) -> HealthReport:
    """Return the placement's health from its objects': the worst one, with the first reason at that rank.

    ``missing`` only when all objects are missing; else a missing object makes the placement progressing (or worse).
    No objects at all is healthy: there is nothing that could be ill.
    """
    seen = tuple(reports)
    if not seen:
        return HealthReport(Health.HEALTHY)
    if any(one.health is not Health.MISSING for one in seen):
        seen = tuple(_partly(one) if one.health is Health.MISSING else one for one in seen)
    return max(seen, key=lambda report: report.health.rank)


def _partly(missing: HealthReport) -> HealthReport:
    """Return what an object that is missing makes of a placement that has others."""
    if missing.reason.code != HealthReason.ABSENT:  # a rule says so of one that is there
        return HealthReport(Health.PROGRESSING, missing.reason)
    return HealthReport(Health.PROGRESSING, Reason(HealthReason.MISSING, missing.reason.params))
