"""One attempt at bringing a placement to a revision, step by step.

Read, normalise, check the project's rules, list, dry-run everything, write down what is about to happen, apply, prune.
Where the objects have waves or hooks, that is done wave by wave, each once the one before is healthy. Nothing of a wave
is written before all of it has passed its dry-run; nothing is removed because something could not be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from common.domain import formatting
from common.domain.changes import Action, Change
from common.domain.codes import ObjectReason, SyncReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from workers.sync.apply.writing import Outcomes, Writer, planned_item
from workers.sync.errors import ClaimedError, ManifestsError, SilentGroupError, UnknownKindError, briefly
from workers.sync.health import own_kinds, waits_for_health
from workers.sync.hooks.rows import HookRows, storable
from workers.sync.objects.live import Kind
from workers.sync.objects.moving import claimed_by, left_by
from workers.sync.plan import prune
from workers.sync.plan.judge import Verdict
from workers.sync.plan.judging import Judging
from workers.sync.plan.normalise import Normal, Wanted
from workers.sync.plan.places import Stage
from workers.sync.plan.reading import prepare
from workers.sync.plan.unserved import Brought
from workers.sync.plan.waves import WavePlan, WaveStep, objects_of, removal_steps, steps_of
from workers.sync.ports import (
    Ending,
    Fight,
    InventoryItem,
    Manifest,
    Phase,
    PlannedChange,
    Ports,
    SyncRequest,
    SyncResult,
    Unended,
)
from workers.sync.removals import Removals
from workers.sync.waves import Halt, WaveRunner, at_step, until_released

_WITH_HOOKS = frozenset({Trigger.REVISION, Trigger.MANUAL, Trigger.RETRY})
"""Hooks belong to a revision that is brought about: not to drift that is corrected, nor to what is pruned later."""


def run(request: SyncRequest, ports: Ports) -> SyncResult:
    """Carry out one attempt and return what came of it.

    Raises:
        TransientError: the cluster or the network failed; another attempt may fare better.
        PermanentError: the manifests or the project's rules forbid it, or the cluster refuses us.
        LeaseLostError: this attempt may not write any more.
    """
    return _Attempt(request, ports).run()


class _Attempt:
    def __init__(self, request: SyncRequest, ports: Ports) -> None:
        self._request = request
        self._ports = ports
        self._outcomes = Outcomes(ports)
        self._timings: dict[str, int] = {}
        self._warnings: tuple[str, ...] = ()
        self._delete_hooks: tuple[Manifest, ...] = ()
        self._unended = Unended()
        self._removals = Removals(request, ports)
        self._fights: Sequence[Fight] = ()

    def run(self) -> SyncResult:
        phases: dict[Phase, Callable[[], SyncResult]] = {
            Phase.APPLY: self._apply,
            Phase.RESUME: self._resume,
            Phase.CHECK: self._check,
            Phase.REMOVE: self._remove,
        }
        return phases[self._request.phase]()

    # -- the four phases ---------------------------------------------------------------------------------------

    def _apply(self) -> SyncResult:
        normal, arriving = self._prepared()
        wanted, steps = normal.wanted, self._steps(normal)
        if not steps.simple:
            return self._stepwise(wanted, arriving, steps)
        judging, verdicts = self._judged(objects_of(wanted), arriving)
        writer = Writer(self._request, self._ports, judging.judge, self._outcomes)
        halt = self._barred(writer, judging, verdicts, wanted)
        if halt is not None:
            return self._halted(halt)
        self._written(writer, judging, verdicts, wanted)
        if self._outcomes.failed:
            return self._result(Ending.FAILED, self._outcomes.failure())
        return self._prune_after_apply(writer, wanted, waits=lambda: self._waits(wanted))

    def _resume(self) -> SyncResult:
        normal, arriving = self._prepared()
        wanted, steps = normal.wanted, self._steps(normal)
        if not steps.simple:
            return self._stepwise(wanted, arriving, steps)
        if self._request.expired:
            return self._result(Ending.FAILED, Reason(SyncReason.UNHEALTHY))
        if self._request.awaited:
            return self._apply()  # it waited before its first write
        return self._removed_within_bounds(self._writer(wanted), wanted)

    def _check(self) -> SyncResult:
        normal, arriving = self._prepared()
        everything = normal.wanted
        judging, verdicts = self._judged(objects_of(everything), arriving)
        writer = Writer(self._request, self._ports, judging.judge, self._outcomes)
        for verdict in verdicts:
            writer.settle_unwritten(verdict)
        for one in normal.unserved:
            self._outcomes.add(Change(one.object, Action.CREATED, _unserved(one.error)))
        for item in self._removals.plan(everything).remove:
            if not item.going:
                self._outcomes.add(Change(item.object, Action.PRUNED, Reason(ObjectReason.WOULD_GO)))
        self._still_going(())
        self._outcomes.flush()
        judging.give_up_waiting()
        if self._outcomes.failed:
            return self._result(Ending.FAILED, self._outcomes.failure())
        return replace(self._result(Ending.SUCCEEDED), partial=True)

    def _remove(self) -> SyncResult:
        plan = self._removals.departure()
        hooks = self._kept_hooks() if self._request.manifests else ()
        steps = removal_steps(hooks)
        waves = WaveRunner(self._request, self._ports, self._outcomes, steps)
        halt = self._hooked(waves, steps, Stage.PRE_DELETE)
        if halt is not None:
            return self._halted_between(halt, waves)
        for object_id, ref in self._removals.claims(plan).takers.items():
            raise ClaimedError(claimed_by(ref, object_id))
        result = self._removed(self._writer(()), plan)
        if result.ending is not Ending.SUCCEEDED:
            return result
        halt = self._hooked(waves, steps, Stage.POST_DELETE)
        if halt is not None:
            return self._halted_between(halt, waves)
        waves.clear_hooks()
        return self._result(Ending.SUCCEEDED)

    def _kept_hooks(self) -> tuple[Wanted, ...]:
        normal, _ = self._prepared()
        if normal.unserved:
            raise ManifestsError(f"{one.label}: {one.error}" for one in normal.unserved)
        return normal.wanted

    def _hooked(self, waves: WaveRunner, steps: WavePlan, stage: Stage) -> Halt | None:
        """Run the hooks of one stage of a removal; return why it does not go on, None when it does."""
        with self._timed("hooks"):
            halts = (waves.after(step, ()) for step in steps.steps if step.turn[0] is stage)
            return next((halt for halt in halts if halt is not None), None)

    # -- step by step ------------------------------------------------------------------------------------------

    @property
    def _with_hooks(self) -> bool:
        """Whether it brings a revision about; removals may be approved for one, and carried out for the next."""
        approved = self._request.trigger is Trigger.APPROVAL and not self._request.was_in
        return approved or self._request.trigger in _WITH_HOOKS

    def _steps(self, normal: Normal) -> WavePlan:
        return steps_of(normal, with_hooks=self._with_hooks, first=self._request.first)

    def _stepwise(self, wanted: tuple[Wanted, ...], arriving: frozenset[Kind], steps: WavePlan) -> SyncResult:
        waves = WaveRunner(self._request, self._ports, self._outcomes, steps)
        waves.take_over()
        if self._request.outdated:
            return self._halted_between(waves.settle_hooks(), waves)
        judging = self._judging(objects_of(wanted), arriving)
        writer = Writer(self._request, self._ports, judging.judge, self._outcomes)
        verdicts: Sequence[Verdict] = ()
        for step in steps.steps:
            verdicts = ()
            halt = waves.kinds(step, Brought.BEFORE)
            if halt is None:
                halt, verdicts = self._stepped(step, judging, writer, wanted)
            if halt is None:
                with self._timed("hooks"):
                    halt = waves.kinds(step, Brought.BESIDE) or waves.after(step, verdicts)
            if halt is not None:
                return self._halted_between(halt, waves)
        return self._pruned_at_last(writer, wanted, waves, verdicts)

    def _stepped(
        self, step: WaveStep, judging: Judging, writer: Writer, wanted: Sequence[Wanted]
    ) -> tuple[Halt | None, Sequence[Verdict]]:
        """Judge and write the objects of a step; return why it ends there, and the verdicts."""
        for one in step.unserved:
            if isinstance(one.error, SilentGroupError):
                judging.waiting[one.object] = one.error
        with self._timed("dry-run"):
            verdicts = judging.verdicts(step.objects)
        halt = self._barred(writer, judging, verdicts, wanted)
        if halt is not None:
            return replace(halt, reason=at_step(step, halt.reason)), verdicts
        self._written(writer, judging, verdicts, wanted)
        if self._outcomes.failed:
            return Halt(Ending.FAILED, at_step(step, self._outcomes.failure())), verdicts
        return None, verdicts

    def _pruned_at_last(
        self, writer: Writer, wanted: Sequence[Wanted], waves: WaveRunner, last: Sequence[Verdict]
    ) -> SyncResult:
        """Prune what is left over, once the last step is healthy too."""
        result = self._prune_after_apply(writer, wanted, waits=lambda: bool(waves.ill(last)))
        if result.ending is Ending.WAITING and self._request.expired:
            return self._halted_between(Halt(Ending.FAILED, Reason(SyncReason.UNHEALTHY)), waves)
        return replace(result, fail_hooks=bool(waves.on_failure))

    def _halted_between(self, halt: Halt, waves: WaveRunner) -> SyncResult:
        """Return the result of a sync that ended between its waves."""
        if halt.ending is not Ending.WAITING:
            waves.end_phases()
        if halt.ending is Ending.FAILED:
            waves.run_fail_hooks()
        return replace(self._halted(halt), fail_hooks=bool(waves.on_failure))

    def _halted(self, halt: Halt) -> SyncResult:
        result = self._result(halt.ending, halt.reason)
        return replace(result, awaits=halt.awaits, asks=halt.asks, hook_active=halt.hook_active, partial=True)

    def _written(self, writer: Writer, judging: Judging, verdicts: Sequence[Verdict], wanted: Sequence[Wanted]) -> None:
        """Write what comes before everything that must wait.

        Raises:
            TransientError: the rest was held back.
        """
        verdicts = judging.within_reach(verdicts)
        with self._timed("plan"):
            self._plan(judging, verdicts, wanted)
        with self._timed("apply"):
            writer.apply(verdicts)
        judging.wrote(verdicts)
        if not self._outcomes.failed:
            judging.give_up_waiting()

    # -- judging -----------------------------------------------------------------------------------------------

    def _writer(self, wanted: Sequence[Wanted]) -> Writer:
        judge = Judging(self._request, self._ports, wanted).judge
        return Writer(self._request, self._ports, judge, self._outcomes)

    def _prepared(self) -> tuple[Normal, frozenset[Kind]]:
        with self._timed("prepare"):
            normal, arriving = prepare(self._request, self._ports.cluster)
        wanted, self._removals.unserved = normal.wanted, normal.unserved
        ignored = Counter(option for one in wanted for option in (*one.options.ignored, *one.place.unknown))
        if self._request.phase is not Phase.REMOVE and not self._request.outdated:
            left = self._ports.journal.renders(normal.ids, former=self._request.former)
            self._request = self._removals.inherit(left)
        self._delete_hooks, secret = storable(wanted, self._request)
        if self._request.phase is Phase.CHECK or not self._with_hooks:
            every = steps_of(normal, with_hooks=True, first=self._request.first)
            self._unended = HookRows(self._request, every.phases).unended()
        self._warnings = (
            *(f"{option} is not carried out ({formatting.of(count, 'object')})" for option, count in ignored.items()),
            *secret,
        )
        return normal, arriving

    def _judging(self, wanted: Sequence[Wanted], arriving: frozenset[Kind]) -> Judging:
        judging = Judging(self._request, self._ports, wanted, arriving)
        self._fights = judging.fights
        with self._timed("list"):
            judging.look()
        return judging

    def _judged(self, wanted: Sequence[Wanted], arriving: frozenset[Kind]) -> tuple[Judging, list[Verdict]]:
        judging = self._judging(wanted, arriving)
        with self._timed("dry-run"):
            return judging, judging.verdicts(wanted)

    def _barred(
        self, writer: Writer, judging: Judging, verdicts: Sequence[Verdict], wanted: Sequence[Wanted]
    ) -> Halt | None:
        """Return why nothing of a wave is written now; None where nothing is refused."""
        refused = [one for one in verdicts if one.refused]
        if not refused:
            return None
        halt = until_released(refused)
        if halt is not None:
            # Told before it waits: another one may wait for what this one no longer renders.
            self._plan(judging, (), wanted)
            return halt
        for verdict in refused:
            writer.settle_unwritten(verdict)
        self._outcomes.flush()
        return Halt(Ending.FAILED, self._outcomes.refusal(self._request))

    def _plan(self, judging: Judging, verdicts: Sequence[Verdict], everything: Sequence[Wanted]) -> None:
        """Write down, before the first write, what is about to be owned and changed."""
        rows: list[InventoryItem] = []
        taken = {one.wanted.object for one in verdicts} & judging.taken.keys()
        for verdict in verdicts:
            known = judging.judge.item(verdict.wanted.object)
            row = planned_item(verdict.wanted, known)
            if verdict.wanted.object in taken or (row != known and verdict.action is not Action.SKIPPED):
                rows.append(row)
        left = prune.leftover(self._request.inventory, self._removals.ids(everything))
        now = left_by(self._request.revision.identity) if self._request.revision is not None else ""
        rows += (replace(item, wanted=False, left_by=now) for item in left if item.wanted or item.left_by != now)
        changes = [PlannedChange(verdict.wanted.object, verdict.action) for verdict in verdicts if verdict.to_write]
        if rows or changes:
            self._ports.journal.plan(rows, changes, taken={one: judging.taken[one] for one in taken})

    # -- pruning -----------------------------------------------------------------------------------------------

    def _prune_after_apply(self, writer: Writer, wanted: Sequence[Wanted], *, waits: Callable[[], bool]) -> SyncResult:
        plan = self._removals.plan(wanted)
        if any(not item.going for item in plan.remove) and not plan.over and waits():
            self._keep(plan)
            left = tuple(item.object for item in plan.remove)
            return self._result(Ending.WAITING, Reason(SyncReason.PRUNES_LATER, {"objects": len(left)}), left)
        return self._removed_within_bounds(writer, wanted)

    def _waits(self, wanted: Sequence[Wanted]) -> bool:
        own = own_kinds(self._request.health)
        return any(waits_for_health(one.object, own) for one in wanted)

    def _removed_within_bounds(self, writer: Writer, wanted: Sequence[Wanted]) -> SyncResult:
        plan = self._removals.plan(wanted)
        takers = self._removals.claims(plan).takers
        if takers:
            plan = self._removals.plan(wanted, frozenset(takers))
            stay = tuple(
                (object_id, Reason(ObjectReason.CLAIMED, {"placement": str(ref)})) for object_id, ref in takers.items()
            )
            plan = replace(plan, kept=(*plan.kept, *stay))
        over = plan.over or (self._ports.journal.spend(plan.counted) if plan.counted else NONE)
        if over:
            return self._result(Ending.NEEDS_APPROVAL, over, tuple(item.object for item in plan.remove))
        return self._removed(writer, plan)

    def _removed(self, writer: Writer, plan: prune.PrunePlan) -> SyncResult:
        self._keep(plan)
        if plan.remove:
            with self._timed("prune"):
                writer.remove(plan.remove)
        if self._request.phase is not Phase.REMOVE:
            self._still_going(plan.remove)
        return (
            self._result(Ending.FAILED, self._outcomes.failure())
            if self._outcomes.failed
            else self._result(Ending.SUCCEEDED)
        )

    def _still_going(self, but: Sequence[InventoryItem]) -> None:
        """Take in what finalizers keep still, but for what was just removed once more: whoever may remove it now."""
        told = {item.object for item in but}
        for item in self._request.inventory:
            held = self._removals.held(item) if item.going and item.object not in told else None
            if held is not None:
                self._outcomes.keeps_going(item.object, held)

    def _keep(self, plan: prune.PrunePlan) -> None:
        for object_id, reason in plan.kept:
            self._outcomes.add(Change(object_id, Action.SKIPPED, Reason(ObjectReason.KEPT, {"why": nested(reason)})))
        self._outcomes.flush()

    # -- the result --------------------------------------------------------------------------------------------

    def _result(self, ending: Ending, reason: Reason = NONE, left: tuple[ObjectId, ...] = ()) -> SyncResult:
        return SyncResult(
            ending,
            tuple(self._outcomes.changes),
            reason=reason,
            error_code=self._outcomes.error_code,
            prune=left,
            refreshed=self._outcomes.refreshed,
            requests=self._ports.cluster.requests(),
            timings=self._timings,
            warnings=self._warnings,
            delete_hooks=self._delete_hooks,
            fights=tuple(self._fights),
            going=tuple(self._outcomes.going),
            unended=self._unended,
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = self._ports.clock.monotonic()
        try:
            yield
        finally:
            self._timings[step] = round((self._ports.clock.monotonic() - started) * 1000)


def _unserved(error: UnknownKindError | SilentGroupError) -> Reason:
    return Reason(ObjectReason.UNSERVED, {"why": nested(briefly(error))})
