"""The objects of a step: dry-run together, refused together, and written in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.domain.changes import Action
from workers.sync.apply.writing import planned_item
from workers.sync.attempt import Attempt
from workers.sync.errors import SilentGroupError
from workers.sync.objects.moving import left_by
from workers.sync.plan import prune
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.waves import WaveStep
from workers.sync.ports import InventoryItem, PlannedChange
from workers.sync.results import Ending
from workers.sync.waves import Halt, until_released


class StepObjects:
    """Dry-runs and writes the objects of an attempt, step by step.

    Args:
        attempt: whose they are.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._request = attempt.request
        self._comparing = attempt.comparing
        self._outcomes = attempt.outcomes
        self.plans: Sequence[PlannedObject] = ()
        """On the objects of the step at hand."""

    def dry_run(self, step: WaveStep) -> Halt | None:
        """Compare all objects of a step; return why none of it is written now, None where nothing is refused.

        Raises:
            TransientError: the cluster could not say.
            UnauthorisedError: it knows us no longer.
        """
        for one in step.unserved:
            if isinstance(one.error, SilentGroupError):
                self._comparing.waiting[one.object] = one.error
        with self._attempt.timings.of("dry-run"):
            self.plans = self._comparing.plans(step.objects)
        halt = self._barred()
        return None if halt is None else replace(halt, reason=self._attempt.prepared.plan.at(step, halt.reason))

    def write(self, step: WaveStep) -> Halt | None:
        """Write what comes before everything that must wait; return why the sync ends here, None to go on.

        Raises:
            TransientError: the cluster failed, or the rest was held back.
            LeaseLostError: this attempt may not write any more.
        """
        plans = self._comparing.within_reach(self.plans)
        with self._attempt.timings.of("plan"):
            self._plan(plans)
        with self._attempt.timings.of("apply"):
            self._attempt.writer.apply(plans)
        self._comparing.wrote(plans)
        if self._outcomes.failed:
            return Halt(Ending.FAILED, self._attempt.prepared.plan.at(step, self._outcomes.failure()))
        self._comparing.give_up_waiting()
        return None

    def _barred(self) -> Halt | None:
        refused = [one for one in self.plans if one.refused]
        if not refused:
            return None
        halt = until_released(refused)
        if halt is not None:
            # Told before it waits: another one may wait for what this one no longer renders.
            self._plan(())
            return halt
        for planned in refused:
            self._attempt.writer.settle_unwritten(planned)
        self._outcomes.flush()
        return Halt(Ending.FAILED, self._outcomes.refusal(self._request))

    def _plan(self, plans: Sequence[PlannedObject]) -> None:
        """Write down, before the first write, what is about to be owned and changed."""
        rows: list[InventoryItem] = []
        taken = {one.wanted.object for one in plans} & self._comparing.taken.keys()
        for planned in plans:
            known = self._comparing.differ.item(planned.wanted.object)
            row = planned_item(planned.wanted, known)
            if planned.wanted.object in taken or (row != known and planned.action is not Action.SKIPPED):
                rows.append(row)
        left = prune.leftover(self._request.inventory, self._attempt.removals.ids(self._attempt.prepared.wanted))
        now = left_by(self._request.revision.identity) if self._request.revision is not None else ""
        rows += (replace(item, wanted=False, left_by=now) for item in left if item.wanted or item.left_by != now)
        changes = [PlannedChange(planned.wanted.object, planned.action) for planned in plans if planned.to_write]
        if rows or changes:
            mine = {one: self._comparing.taken[one] for one in taken}
            self._attempt.ports.journal.plan(rows, changes, taken=mine)
