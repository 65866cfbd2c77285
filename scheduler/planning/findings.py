"""Whether what a worker found leads to a run: a pure decision on one finding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.domain.admission import Held, Permit, Wish, admit
from common.domain.codes import CauseReason
from common.domain.fleet import Cluster, Placement
from common.domain.placements import PlacementState
from common.domain.revisions import Revision
from common.domain.runs import RunKind, Trigger, own_back_off
from common.domain.status import BY_LOOKS, NONE, Found, Reason
from scheduler.planning.due import MakeRun, NoRun

_SEEN = frozenset({CauseReason.DRIFTED, CauseReason.BACK})
_CAUSES = {
    Trigger.DRIFT: _SEEN | {CauseReason.FULL_CHECK, CauseReason.CREATED_LATE},
    Trigger.CHECK: frozenset({CauseReason.TAKE_OVER}),
}
"""What a worker may say, by the run that it asks for."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A finding, and its placement as SQL knows it.

    Attributes:
        trigger: of the run that it asks for.
        cause: what was found.
        hint: digest of what a sweep saw that is not as it was left; empty for nothing.
        state: of the placement.
        desired: what it should run.
        applied: identity of what it runs.
        paused: whether a person paused it.
        owner: project that its objects belong to; empty for none.
        failures: runs in a row that failed at the desired revision.
        failed_at: when the last of them failed; None where none did.
        hint_judged: the hint that a run has judged last.
        found: code of what that run found, see ``common.domain.status.Found``.
        seen_since: whether a run has ended well since whoever found it had begun to look.
    """

    trigger: Trigger
    cause: Reason
    hint: str
    state: PlacementState
    desired: Revision | None
    applied: tuple[str, str] | None
    paused: bool
    owner: str
    failures: int = 0
    failed_at: datetime | None = None
    hint_judged: str = ""
    found: str = ""
    seen_since: bool = False


@dataclass(frozen=True, slots=True)
class TryAgain:
    """What the placement failed for has changed: it is tried again at that instant, or at once where it has passed."""

    at: datetime


Decision = MakeRun | TryAgain | NoRun


def decide(
    filed: Filed, placement: Placement | None, *, cluster: Cluster | None, now: datetime, blocked: Reason = NONE
) -> Decision:
    """Return what comes of a finding, which is answered by that.

    Args:
        filed: with its placement in SQL.
        placement: the same in the registry; None where nothing places it (any more).
        cluster: the placement's, in the registry.
        now: by the database's clock.
        blocked: why nothing may be written to it; ``NONE`` where it may.
    """
    if placement is None or filed.desired is None or filed.cause.code not in _CAUSES.get(filed.trigger, ()):
        return NoRun()
    if not filed.desired.covers(placement.to_resolve):
        return NoRun()
    at = (filed.state, placement, cluster, filed.owner)
    admitted = admit(Wish(filed.trigger, *at, now=now, blocked=blocked, paused=filed.paused))
    if isinstance(admitted, Held):
        return NoRun(admitted.hold)
    run = MakeRun(filed.trigger, filed.desired, filed.cause, supersede=False)
    if filed.trigger.kind is RunKind.CHECK:
        return run
    late = filed.cause.code == CauseReason.CREATED_LATE
    if filed.seen_since and not late:
        # Seen while that run wrote, or before: it has judged it, and the next sweep finds whatever is left.
        return NoRun()
    if _is_answered(filed, admitted.permit):
        return NoRun()
    if filed.failed_at is not None and admitted.permit is Permit.WRITE and not late:
        if filed.hint == filed.hint_judged:
            return NoRun()
        # Bounded, so that an object that never rests does not have what must fail tried at every sweep.
        return TryAgain(filed.failed_at + own_back_off(filed.failures, placement.sync.retry))
    # A run for the revision it should be at is on its way otherwise, and corrects drift too.
    return run if filed.applied == filed.desired.identity else NoRun()


def _is_answered(filed: Filed, permit: Permit) -> bool:
    """Return whether a run has judged what was seen, and has left nothing that one may do more about."""
    if filed.cause.code not in _SEEN or filed.cause.params.get("fight") or filed.hint != filed.hint_judged:
        return False
    # Words of an older version are judged again; what a look has left is corrected once it may be.
    left = filed.found in BY_LOOKS and permit is Permit.WRITE
    return not left and filed.found != Found.TOLD
