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
from workers.sync.plan.judge import Verdict
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
        self._judging = attempt.judging
        self._outcomes = attempt.outcomes
        self.verdicts: Sequence[Verdict] = ()
        """On the objects of the step at hand."""

    def dry_run(self, step: WaveStep) -> Halt | None:
        """Judge all objects of a step; return why none of it is written now, None where nothing is refused.

        Raises:
            TransientError: the cluster could not say.
            UnauthorisedError: it knows us no longer.
        """
        for one in step.unserved:
            if isinstance(one.error, SilentGroupError):
                self._judging.waiting[one.object] = one.error
        with self._attempt.timings.of("dry-run"):
            self.verdicts = self._judging.verdicts(step.objects)
        halt = self._barred()
        return None if halt is None else replace(halt, reason=self._attempt.prepared.plan.at(step, halt.reason))

    def write(self, step: WaveStep) -> Halt | None:
        """Write what comes before everything that must wait; return why the sync ends here, None to go on.

        Raises:
            TransientError: the cluster failed, or the rest was held back.
            LeaseLostError: this attempt may not write any more.
        """
        verdicts = self._judging.within_reach(self.verdicts)
        with self._attempt.timings.of("plan"):
            self._plan(verdicts)
        with self._attempt.timings.of("apply"):
            self._attempt.writer.apply(verdicts)
        self._judging.wrote(verdicts)
        if self._outcomes.failed:
            return Halt(Ending.FAILED, self._attempt.prepared.plan.at(step, self._outcomes.failure()))
        self._judging.give_up_waiting()
        return None

    def _barred(self) -> Halt | None:
        refused = [one for one in self.verdicts if one.refused]
        if not refused:
            return None
        halt = until_released(refused)
        if halt is not None:
            # Told before it waits: another one may wait for what this one no longer renders.
            self._plan(())
            return halt
        for verdict in refused:
            self._attempt.writer.settle_unwritten(verdict)
        self._outcomes.flush()
        return Halt(Ending.FAILED, self._outcomes.refusal(self._request))

    def _plan(self, verdicts: Sequence[Verdict]) -> None:
        """Write down, before the first write, what is about to be owned and changed."""
        rows: list[InventoryItem] = []
        taken = {one.wanted.object for one in verdicts} & self._judging.taken.keys()
        for verdict in verdicts:
            known = self._judging.judge.item(verdict.wanted.object)
            row = planned_item(verdict.wanted, known)
            if verdict.wanted.object in taken or (row != known and verdict.action is not Action.SKIPPED):
                rows.append(row)
        left = prune.leftover(self._request.inventory, self._attempt.removals.ids(self._attempt.prepared.wanted))
        now = left_by(self._request.revision.identity) if self._request.revision is not None else ""
        rows += (replace(item, wanted=False, left_by=now) for item in left if item.wanted or item.left_by != now)
        changes = [PlannedChange(verdict.wanted.object, verdict.action) for verdict in verdicts if verdict.to_write]
        if rows or changes:
            mine = {one: self._judging.taken[one] for one in taken}
            self._attempt.ports.journal.plan(rows, changes, taken=mine)
