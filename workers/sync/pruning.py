"""What is left over of an attempt: removed within the guards, once the rest is healthy, or kept with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.domain.changes import Action, Change
from common.domain.codes import ObjectReason, SyncReason
from common.domain.reasons import nested
from common.domain.status import NONE, Reason
from workers.sync.attempt import Attempt
from workers.sync.health import own_kinds, waits_for_health
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.prune import PrunePlan
from workers.sync.ports import InventoryItem
from workers.sync.requests import Deadline, Phase
from workers.sync.results import Ending, SyncResult
from workers.sync.waves import Halt


class Pruning:
    """Removes what one attempt may remove.

    Args:
        attempt: whose objects they are.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._request = attempt.request
        self._wanted = attempt.prepared.wanted
        self._removals = attempt.removals
        self._outcomes = attempt.outcomes

    def after(self, last: Sequence[PlannedObject]) -> SyncResult:
        """Remove what is left over, or return that it waits for the health of what was written.

        Args:
            last: on the objects of the last step: those before it are healthy.

        Raises:
            ClaimedError: whether another placement takes over some of it cannot be told yet.
            TransientError: the cluster failed; what was done until then is recorded.
            LeaseLostError: this attempt may not write any more.
        """
        plan = self._removals.plan(self._wanted)
        if all(item.going for item in plan.remove) or plan.over or not self._waits(last):
            return self.within_bounds()
        self._keep(plan)
        if self._request.deadline is Deadline.PASSED:
            return self._attempt.halted(Halt(Ending.FAILED, Reason(SyncReason.UNHEALTHY)))
        left = tuple(item.object for item in plan.remove)
        return self._attempt.result(Ending.WAITING, Reason(SyncReason.PRUNES_LATER, {"objects": len(left)}), left)

    def within_bounds(self) -> SyncResult:
        """Remove what is left over, or return that a person is to allow it; raises as ``after``."""
        plan = self._removals.plan(self._wanted)
        takers = self._removals.claims(plan).takers
        if takers:
            plan = self._removals.plan(self._wanted, frozenset(takers))
            stay = tuple(
                (object_id, Reason(ObjectReason.CLAIMED, {"placement": str(ref)})) for object_id, ref in takers.items()
            )
            plan = replace(plan, kept=(*plan.kept, *stay))
        over = plan.over or (self._attempt.ports.journal.spend(plan.counted) if plan.counted else NONE)
        if over:
            return self._attempt.result(Ending.NEEDS_APPROVAL, over, tuple(item.object for item in plan.remove))
        return self.remove(plan)

    def remove(self, plan: PrunePlan) -> SyncResult:
        """Remove what a plan says, its guards being passed; raises as ``after``."""
        self._keep(plan)
        if plan.remove:
            with self._attempt.timings.of("prune"):
                self._attempt.remover.remove(plan.remove)
        if self._request.phase is not Phase.REMOVE:
            self.note_going(plan.remove)
        if self._outcomes.failed:
            return self._attempt.result(Ending.FAILED, self._outcomes.failure())
        return self._attempt.result(Ending.SUCCEEDED)

    def would_remove(self) -> None:
        """Take in what would be removed, and remove nothing.

        Raises:
            TransientError: the cluster could not say what finalizers keep.
        """
        for item in self._removals.plan(self._wanted).remove:
            if not item.going:
                self._outcomes.add(Change(item.object, Action.PRUNED, Reason(ObjectReason.WOULD_GO)))
        self.note_going(())

    def note_going(self, but: Sequence[InventoryItem]) -> None:
        """Take in what finalizers keep still, but for what was just removed once more: whoever may remove it now."""
        told = {item.object for item in but}
        for item in self._request.inventory:
            held = self._removals.held(item) if item.going and item.object not in told else None
            if held is not None:
                self._outcomes.keeps_going(item.object, held)

    def _waits(self, last: Sequence[PlannedObject]) -> bool:
        """Return whether anything is to be healthy first: by a look at it, unless it was all written just now."""
        if not self._attempt.prepared.plan.simple:
            return bool(self._attempt.waves.ill(last))
        own = own_kinds(self._request.health)
        return any(waits_for_health(one.object, own) for one in self._wanted)

    def _keep(self, plan: PrunePlan) -> None:
        for object_id, reason in plan.kept:
            self._outcomes.add(Change(object_id, Action.SKIPPED, Reason(ObjectReason.KEPT, {"why": nested(reason)})))
        self._outcomes.flush()
