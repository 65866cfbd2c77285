"""What a person is asked, or was asked, about removals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.codes import RunReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from common.domain.status import NONE, Found, Reason
from common.store.engine.connection import Connection
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals
from common.store.state.approvals import Subject
from workers.sync.results import SyncResult


def ask(connection: Connection, run: ClaimedRun, result: SyncResult, *, now: datetime) -> Reason:
    """Ask a person for the removals, unless one has said no to the very same and nobody asked since."""
    payload = {"objects": sorted(map(str, result.prune))}
    params = {"objects": len(result.prune)}
    subject = str(run.ref)
    if run.trigger is not Trigger.MANUAL:
        no = approvals.rejected(connection, ApprovalKind.PRUNE, subject, payload)
        if no is not None:
            return Reason(Found.PRUNE_REJECTED, params | {"by": no.decided_by, "why": no.decision_reason})
    reason = Reason(RunReason.ASKS, {"what": nested(result.reason)})
    asker = Subject(subject, run.project, asked_by=run.actor)
    approvals.ask(connection, ApprovalKind.PRUNE, asker, payload=payload, reason=reason, now=now)
    return Reason(Found.PRUNE_ASKED, params | {"why": nested(result.reason)})


def asked_before(connection: Connection, run: ClaimedRun, result: SyncResult, removals: Sequence[ObjectId]) -> Reason:
    """Return what was said when a person was asked for the very removals that a look finds; none where none was."""
    if not removals:
        return NONE
    objects = sorted(map(str, {*removals, *(one for one, _ in result.going)}))
    said = approvals.last(connection, ApprovalKind.PRUNE, str(run.ref), {"objects": objects})
    if said is None:
        return NONE
    if said.state is ApprovalState.REJECTED:
        no = {"by": said.decided_by, "why": said.decision_reason}
        return Reason(Found.PRUNE_REJECTED, {"objects": len(objects)} | no)
    why = said.reason.params.get("what", nested(said.reason))
    asked = Reason(Found.PRUNE_ASKED, {"objects": len(objects), "why": why})
    return asked if said.state is ApprovalState.OPEN else NONE
