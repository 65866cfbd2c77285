"""What a person does next about a placement, or after a run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from common.domain.answers import NextStep, Standing
from common.domain.answers import next_steps as steps_of
from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.health import Health
from common.domain.holds import Hold
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.domain.runs import SyncStatus
from common.domain.status import Failure, Reason, Remedy
from common.store.engine.dialect import fixed
from common.store.reads import placements, runs
from common.store.reads.cut import within
from common.store.reads.placements import FailureView, PlacementView
from common.store.reads.runs import RunView
from common.store.schema.tables import ApprovalRow

_FLEET = "fleet"
"""Subject of the approval that all who leave wait for together."""


@dataclass(frozen=True, slots=True)
class StepView:
    """What a person does next, in words, made of code and parameters."""

    sentence: str
    code: str
    params: dict[str, Any]


def next_steps(connection: Connection, scope: Scope, view: PlacementView) -> tuple[StepView, ...]:
    """Return what a person does next about a placement; never empty."""
    return tuple(_step(one) for one in steps_of(_standing(view, _asked(connection, scope, view))))


def _asked(connection: Connection, scope: Scope, view: PlacementView) -> list[int]:
    """Return the numbers of open approvals that are about a placement, its cluster or, where it leaves, the fleet.

    Of the latter two only for who may read them.
    """
    subjects = [view.ref, view.cluster, *([_FLEET] if view.hold_code == Hold.ASKED else [])]
    # Of every kind, named for the index that has the kind before the subject.
    kinds = ApprovalRow.kind.in_([fixed(one.value) for one in ApprovalKind])
    mine = [kinds, ApprovalRow.subject.in_(subjects), ApprovalRow.state == ApprovalState.OPEN]
    mine += within(scope, ApprovalRow.project)
    return list(connection.execute(select(ApprovalRow.id).where(*mine).order_by(ApprovalRow.id)).scalars())


def _standing(view: PlacementView, approvals: Sequence[int]) -> Standing:
    failure = view.failure
    return Standing(
        ref=view.ref,
        status=SyncStatus(view.sync),
        health=Health(view.health),
        hold=Reason(view.hold_code, view.hold_params),
        contact=Reason(view.contact_code, view.contact_params),
        found=Reason(view.found_code, view.found_params),
        failure=None if failure is None else _failure(failure),
        retry_at=None if failure is None else failure.retry_at,
        paused_by=view.paused_by,
        approvals=approvals,
    )


def _failure(seen: FailureView) -> Failure:
    return Failure(seen.code, seen.params, Remedy(seen.remedy), seen.since, seen.last, seen.count)


def _step(one: Reason) -> StepView:
    return StepView(sentence(one), str(one.code), dict(one.params))


def after(connection: Connection, scope: Scope, run: RunView) -> tuple[StepView, ...]:
    """Return what a person does next who looks at a run; never empty."""
    ref = PlacementRef.parse(run.ref)
    newest = runs.latest(connection, scope, ref, limit=1)
    if newest and newest[0].id != run.id:
        told = {"ref": run.ref, "cluster": ref.cluster, "run": newest[0].id}
        return (_step(Reason(NextStep.SEE_NEWER, told)),)
    view = placements.placement(connection, scope, ref)
    return () if view is None else next_steps(connection, scope, view)
