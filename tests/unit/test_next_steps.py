"""What a person does next, from how a placement stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.answers import NextStep, Standing, awaited, next_steps
from common.domain.health import Health
from common.domain.holds import Hold
from common.domain.reasons import sentence
from common.domain.runs import SyncStatus
from common.domain.status import NONE, Contact, Failure, Found, Reason, Remedy

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WELL = Standing("eu/web", SyncStatus.SYNCED, Health.HEALTHY, NONE, NONE, NONE, None, None, "")


def _failed(remedy: Remedy = Remedy.CHANGE, **params: Any) -> Standing:
    failure = Failure("apply.invalid", {"message": "no", **params}, remedy, NOW, NOW)
    return replace(WELL, status=SyncStatus.FAILED, failure=failure)


@pytest.mark.parametrize(
    ("standing", "steps"),
    [
        (WELL, [NextStep.NOTHING]),
        (replace(WELL, paused_by="ann", hold=Reason(Hold.PAUSED)), [NextStep.RESUME]),
        (_failed(), [NextStep.MEND]),
        (_failed(Remedy.TIME), [NextStep.WAIT]),
        (replace(_failed(Remedy.TIME), retry_at=NOW), [NextStep.WAIT_RETRY]),
        (_failed(unknown_kinds=[["example.com", "v1", "Gadget"]]), [NextStep.INSTALL]),
        (replace(_failed(), paused_by="ann"), [NextStep.RESUME, NextStep.MEND]),
        (replace(_failed(), contact=Reason(Contact.LOST, {"code": "x"})), [NextStep.REACH]),
        (replace(WELL, contact=Reason(Contact.PARTIAL, {"what": "x"})), [NextStep.REACH]),
        (replace(WELL, status=SyncStatus.UNKNOWN), [NextStep.WAIT]),
        (replace(WELL, health=Health.PROGRESSING), [NextStep.WAIT_HEALTH]),
        (replace(WELL, hold=Reason(Hold.UNPLACED)), [NextStep.PLACE]),
        (replace(WELL, hold=Reason(Hold.TRANSFERRED, {"owner": "a", "project": "b"})), [NextStep.SYNC]),
        (replace(WELL, approvals=(7, 8)), [NextStep.DECIDE]),
        (replace(WELL, hold=Reason(Hold.FROZEN)), [NextStep.ACTIVATE]),
        (replace(WELL, hold=Reason(Hold.MANUAL)), [NextStep.SYNC]),
        (replace(WELL, hold=Reason(Hold.UNREADABLE, {"message": "x"})), [NextStep.READ_FAULTS]),
        (replace(WELL, hold=Reason(Hold.SAME_CLUSTER, {"others": []})), [NextStep.SEE_CLUSTERS]),
        (replace(WELL, status=SyncStatus.OUT_OF_SYNC), [NextStep.WAIT]),
        (replace(WELL, status=SyncStatus.OUT_OF_SYNC, found=Reason(Found.DRIFTED, {"objects": 1})), [NextStep.LOOK]),
        (replace(WELL, found=Reason(Found.FIGHT, {"objects": 1, "first": "x"})), [NextStep.END_FIGHT]),
        (replace(WELL, health=Health.DEGRADED), [NextStep.SEE_OBJECTS]),
        (replace(_failed(), health=Health.DEGRADED), [NextStep.MEND, NextStep.SEE_OBJECTS]),
    ],
)  # fmt: skip
def test_what_is_to_be_done(standing: Standing, steps: list[NextStep]) -> None:
    found = next_steps(standing)
    assert [one.code for one in found] == steps
    assert all(sentence(one) != one.code for one in found), "each has its words"


CODES = st.sampled_from(["", *Hold, *Found, *Contact, "a.gate-of-tomorrow"])
REASONS = st.builds(Reason, CODES, st.dictionaries(st.sampled_from(["first", "manager", "objects"]), st.none()))


@given(
    status=st.sampled_from(SyncStatus),
    health=st.sampled_from(Health),
    hold=REASONS,
    contact=REASONS,
    found=REASONS,
    failed=st.booleans(),
)
def test_there_is_always_something_to_say(
    status: SyncStatus, health: Health, hold: Reason, contact: Reason, found: Reason, *, failed: bool
) -> None:
    standing = replace(WELL, status=status, health=health, hold=hold, contact=contact, found=found)
    if failed:
        standing = replace(standing, failure=_failed().failure)
    steps = next_steps(standing)
    assert all(map(sentence, steps))
    well = status is SyncStatus.SYNCED and health in {Health.HEALTHY, Health.SUSPENDED}
    quiet = well and not (hold or contact or found or standing.failure)
    assert (NextStep.NOTHING in {one.code for one in steps}) == quiet, "only where nothing is out of order"
    assert bool(awaited(contact=contact, hold=hold, found=found)) == bool(contact or hold or found)
