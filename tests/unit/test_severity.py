"""Which of two placements is worse."""

from __future__ import annotations

import pytest

from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.runs import SyncStatus
from common.domain.severity import Severity, severity

TABLE = {
    ("placed", "synced", "healthy"): Severity.FINE,
    ("placed", "synced", "suspended"): Severity.FINE,
    ("placed", "synced", "progressing"): Severity.PROGRESSING,
    ("placed", "out-of-sync", "healthy"): Severity.BEHIND,
    ("placed", "out-of-sync", "progressing"): Severity.BEHIND,
    ("placed", "synced", "unknown"): Severity.UNKNOWN,
    ("placed", "unknown", "healthy"): Severity.UNSEEN,
    ("placed", "unknown", "unknown"): Severity.UNSEEN,
    ("placed", "unknown", "missing"): Severity.MISSING,
    ("placed", "out-of-sync", "degraded"): Severity.DEGRADED,
    ("placed", "failed", "healthy"): Severity.FAILED,
    ("placed", "failed", "degraded"): Severity.FAILED,
    ("leaving", "failed", "degraded"): Severity.LEAVING,
    ("leaving", "synced", "healthy"): Severity.LEAVING,
    ("left", "failed", "degraded"): Severity.ABSENT,
    ("retained", "failed", "degraded"): Severity.ABSENT,
}


@pytest.mark.parametrize(("words", "wanted"), TABLE.items(), ids=map(str, TABLE))
def test_the_worse_of_both_counts(words: tuple[str, str, str], wanted: Severity) -> None:
    state, sync, health = words
    assert severity(PlacementState(state), SyncStatus(sync), Health(health)) is wanted
