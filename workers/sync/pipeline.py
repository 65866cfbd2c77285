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
from itertools import chain

from common.domain import numbers
from common.domain.changes import Action, Change, difference
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from workers.sync import ignore, prune
from workers.sync.concurrent import each
from workers.sync.health import own_rules, waits_for_health
from workers.sync.judge import Judge, Verdict
from workers.sync.live import Kind, LiveMeta
from workers.sync.normalise import Wanted
from workers.sync.ordering import CRD, NAMESPACE, kind_key
from workers.sync.places import Stage
from workers.sync.ports import Ending, InventoryItem, Manifest, Phase, PlannedChange, Ports, SyncRequest, SyncResult
from workers.sync.postponing import explained_by
from workers.sync.reading import live_metadata, prepare
from workers.sync.steps import REMOVAL, Steps, objects_of, removal_steps, steps_of
from workers.sync.walk import Halt, StepWalk
from workers.sync.writing import Outcomes, Writer, planned_item

_FIRST = (NAMESPACE, CRD)
"""Judged before the rest: they tell which objects cannot be dry-run yet."""
SECRET = ("", "Secret")
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
        self._wrote: list[Wanted] = []
        """What the steps so far created or changed."""

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
        wanted, arriving = self._prepared()
        steps = self._steps(wanted)
        if not steps.simple:
            return self._stepwise(wanted, arriving, steps)
        judge, verdicts = self._judged(objects_of(wanted), arriving)
        writer = Writer(self._request, self._ports, judge, self._outcomes)
        if any(verdict.refused for verdict in verdicts):
            return self._refused(writer, verdicts)
        self._written(writer, judge, verdicts, wanted)
        if self._failed:
            return self._result(Ending.FAILED, self._failure())
        return self._prune_after_apply(writer, wanted, waits=lambda: self._waits(wanted))

    def _resume(self) -> SyncResult:
        wanted, arriving = self._prepared()
        steps = self._steps(wanted)
        if not steps.simple:
            return self._stepwise(wanted, arriving, steps)
        if self._request.expired:
            return self._result(Ending.FAILED, "not healthy in time, so that nothing was pruned")
        writer = Writer(self._request, self._ports, self._judge(wanted), self._outcomes)
        return self._removed_within_bounds(writer, self._prune_plan(wanted))

    def _check(self) -> SyncResult:
        everything, arriving = self._prepared()
        judge, verdicts = self._judged(objects_of(everything), arriving)
        writer = Writer(self._request, self._ports, judge, self._outcomes)
        for verdict in verdicts:
            writer.settle_unwritten(verdict)
        for item in self._prune_plan(everything).remove:
            self._outcomes.add(Change(item.object, Action.PRUNED, "would be removed"))
        self._outcomes.flush()
        if self._failed:
            return self._result(Ending.FAILED, self._failure())
        return replace(self._result(Ending.SUCCEEDED, difference(self._outcomes.changes)), partial=True)

    def _remove(self) -> SyncResult:
        hooks = self._prepared()[0] if self._request.manifests else ()
        steps = removal_steps(hooks)
        walk = StepWalk(self._request, self._ports, self._outcomes, steps)
        halt = self._hooked(walk, steps, Stage.PRE_DELETE)
        if halt is not None:
            return self._walked(halt, walk)
        writer = Writer(self._request, self._ports, self._judge(()), self._outcomes)
        result = self._removed(writer, prune.removal(self._request.inventory, str(self._request.attempt.run)))
        if result.ending is not Ending.SUCCEEDED:
            return result
        halt = self._hooked(walk, steps, Stage.POST_DELETE)
        if halt is not None:
            return self._walked(halt, walk)
        walk.clear_hooks()
        return self._result(Ending.SUCCEEDED)

    def _hooked(self, walk: StepWalk, steps: Steps, stage: Stage) -> Halt | None:
        """Run the hooks of one stage of a removal; return why it does not go on, None when it does."""
        with self._timed("hooks"):
            halts = (walk.after(step, ()) for step in steps.steps if step.turn[0] is stage)
            return next((halt for halt in halts if halt is not None), None)

    # -- step by step ------------------------------------------------------------------------------------------

    def _steps(self, wanted: Sequence[Wanted]) -> Steps:
        return steps_of(wanted, with_hooks=self._request.trigger in _WITH_HOOKS, first=self._request.first)

    def _stepwise(self, wanted: tuple[Wanted, ...], arriving: frozenset[Kind], steps: Steps) -> SyncResult:
        walk = StepWalk(self._request, self._ports, self._outcomes, steps)
        if self._request.outdated:
            return self._walked(walk.settle_hooks(), walk)
        objects = objects_of(wanted)
        listed = self._listed(objects, arriving)
        judge = self._judge(objects)
        writer = Writer(self._request, self._ports, judge, self._outcomes)
        for step in steps.steps:
            with self._timed("dry-run"):
                verdicts = self._verdicts(judge, step.objects, arriving, listed)
            if any(verdict.refused for verdict in verdicts):
                self._settle_refused(writer, verdicts)
                return self._walked(Halt(Ending.FAILED, f"{step.words}: nothing was written: {self._failure()}"), walk)
            self._written(writer, judge, verdicts, wanted)
            if self._failed:
                return self._walked(Halt(Ending.FAILED, f"{step.words}: {self._failure()}"), walk)
            with self._timed("hooks"):
                halt = walk.after(step, verdicts)
            if halt is not None:
                return self._walked(halt, walk)
        return self._pruned_at_last(writer, wanted, walk, verdicts)

    def _pruned_at_last(
        self, writer: Writer, wanted: Sequence[Wanted], walk: StepWalk, last: Sequence[Verdict]
    ) -> SyncResult:
        """Prune what is left over, once the last step is healthy too."""
        result = self._prune_after_apply(writer, wanted, waits=lambda: bool(walk.ill(last)))
        if result.ending is Ending.WAITING and self._request.expired:
            return self._walked(Halt(Ending.FAILED, "not healthy in time, so that nothing was pruned"), walk)
        return replace(result, fail_hooks=bool(walk.on_failure))

    def _walked(self, halt: Halt, walk: StepWalk) -> SyncResult:
        """Return the result of a walk that did not come to its end."""
        if halt.ending is Ending.FAILED:
            walk.run_fail_hooks()
        result = self._result(halt.ending, halt.reason)
        fail_hooks = bool(walk.on_failure)
        awaits, active = halt.awaits, halt.hook_active
        return replace(result, awaits=awaits, hook_active=active, fail_hooks=fail_hooks, partial=True)

    def _written(self, writer: Writer, judge: Judge, verdicts: Sequence[Verdict], wanted: Sequence[Wanted]) -> None:
        with self._timed("plan"):
            self._plan(judge, verdicts, wanted)
        with self._timed("apply"):
            writer.apply(verdicts)
        self._wrote += (one.wanted for one in verdicts if one.to_write)

    # -- judging -----------------------------------------------------------------------------------------------

    def _judge(self, wanted: Sequence[Wanted]) -> Judge:
        scaled = ignore.scaled_by((one.object, one.manifest) for one in wanted)
        return Judge(self._request, self._ports.cluster, scaled)

    def _prepared(self) -> tuple[tuple[Wanted, ...], frozenset[Kind]]:
        with self._timed("prepare"):
            wanted, arriving = prepare(self._request, self._ports.cluster)
        ignored = Counter(option for one in wanted for option in one.options.ignored)
        self._warnings = tuple(
            f"{option} is not carried out ({numbers.of(count, 'object')})" for option, count in ignored.items()
        )
        self._keep_hooks([one for one in wanted if one.place.later & REMOVAL])
        return wanted, arriving

    def _keep_hooks(self, hooks: Sequence[Wanted]) -> None:
        """Take in the hooks of a removal, by when the source may be gone; nothing that is secret is kept in SQL."""
        secret = [one for one in hooks if self._request.private or (one.object.group, one.object.kind) == SECRET]
        self._delete_hooks = tuple(one.manifest for one in hooks if one not in secret)
        self._warnings += tuple(
            f"hook {one.object.kind} {one.object.name} will not run at a removal: what is secret is not kept"
            for one in secret
        )

    def _listed(self, wanted: Sequence[Wanted], arriving: frozenset[Kind]) -> dict[ObjectId, LiveMeta]:
        label = self._request.ref.mark(self._request.fleet)
        # The inventory may well hold objects of a kind that arrives: in an older version, or from before somebody
        # deleted its definition. Nothing serves a LIST of it yet.
        served = [one for one in wanted if one.target.kind not in arriving]
        with self._timed("list"):
            return live_metadata(self._ports.cluster, self._request.inventory, served, label)

    def _judged(self, wanted: Sequence[Wanted], arriving: frozenset[Kind]) -> tuple[Judge, list[Verdict]]:
        listed = self._listed(wanted, arriving)
        judge = self._judge(wanted)
        with self._timed("dry-run"):
            return judge, self._verdicts(judge, wanted, arriving, listed)

    def _verdicts(
        self, judge: Judge, wanted: Sequence[Wanted], arriving: frozenset[Kind], listed: dict[ObjectId, LiveMeta]
    ) -> list[Verdict]:
        verdicts: dict[ObjectId, Verdict] = {}

        def decide(one: Wanted) -> None:
            verdicts[one.object] = judge.unchanged(one, listed.get(one.object)) or judge.judge(one)

        first = [one for one in wanted if (one.object.group, one.object.kind) in _FIRST]
        each(self._ports.executor, decide, first)
        new = {one.object.name for one in first if verdicts[one.object].action is Action.CREATED}
        rest = []
        for one in wanted:
            why = _not_there_yet(one, arriving, new)
            if one.object in verdicts:
                continue
            if why:
                verdicts[one.object] = judge.create_unchecked(one, why)
            else:
                rest.append(one)
        each(self._ports.executor, decide, rest)
        return self._postponed(judge, [verdicts[one.object] for one in wanted])

    def _postponed(self, judge: Judge, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Return the verdicts, with those to be judged again that something written before may explain."""
        here = [one.wanted for one in verdicts if one.to_write]
        here += [one.wanted for one in verdicts if one.error is not None]

        def again(verdict: Verdict) -> Verdict:
            if verdict.error is None:
                return verdict
            turn = kind_key(verdict.wanted.object)
            before = (one for one in here if kind_key(one.object) < turn)
            until = explained_by(verdict.wanted, verdict.error, chain(self._wrote, before))
            return verdict if until is None else judge.postponed(verdict, until)

        return [again(one) for one in verdicts]

    def _refused(self, writer: Writer, verdicts: Sequence[Verdict]) -> SyncResult:
        self._settle_refused(writer, verdicts)
        return self._result(Ending.FAILED, f"nothing was written: {self._failure()}")

    def _settle_refused(self, writer: Writer, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.refused:
                writer.settle_unwritten(verdict)
        self._outcomes.flush()

    def _plan(self, judge: Judge, verdicts: Sequence[Verdict], everything: Sequence[Wanted]) -> None:
        """Write down, before the first write, what is about to be owned and changed."""
        rows: list[InventoryItem] = []
        for verdict in verdicts:
            known = judge.item(verdict.wanted.object)
            row = planned_item(verdict.wanted, known)
            if row != known and verdict.action is not Action.SKIPPED:
                rows.append(row)
        wanted = {one.object for one in everything}
        left = prune.leftover(self._request.inventory, wanted)
        rows += (replace(item, wanted=False) for item in left if item.wanted)
        changes = [PlannedChange(verdict.wanted.object, verdict.action) for verdict in verdicts if verdict.to_write]
        if rows or changes:
            self._ports.journal.plan(rows, changes)

    # -- pruning -----------------------------------------------------------------------------------------------

    def _prune_plan(self, wanted: Sequence[Wanted]) -> prune.PrunePlan:
        ids = {one.object for one in wanted}
        inventory = self._request.inventory
        return prune.plan(
            prune.leftover(inventory, ids),
            self._request.settings.prune,
            wanted=ids,
            total=len(inventory),
            approved=self._request.approved,
        )

    def _prune_after_apply(self, writer: Writer, wanted: Sequence[Wanted], *, waits: Callable[[], bool]) -> SyncResult:
        plan = self._prune_plan(wanted)
        if plan.remove and not plan.over and waits():
            self._keep(plan)
            left = tuple(item.object for item in plan.remove)
            return self._result(
                Ending.WAITING,
                f"{numbers.of(len(left), 'object')} {numbers.are(len(left))} removed once the rest is healthy",
                left,
            )
        return self._removed_within_bounds(writer, plan)

    def _waits(self, wanted: Sequence[Wanted]) -> bool:
        own = own_rules(self._request.health)
        return any(waits_for_health(one.object, own) for one in wanted)

    def _removed_within_bounds(self, writer: Writer, plan: prune.PrunePlan) -> SyncResult:
        over = plan.over or (self._ports.journal.spend(plan.counted) if plan.counted else "")
        if over:
            return self._result(Ending.NEEDS_APPROVAL, over, tuple(item.object for item in plan.remove))
        return self._removed(writer, plan)

    def _removed(self, writer: Writer, plan: prune.PrunePlan) -> SyncResult:
        self._keep(plan)
        if plan.remove:
            with self._timed("prune"):
                writer.remove(plan.remove)
        return self._result(Ending.FAILED, self._failure()) if self._failed else self._result(Ending.SUCCEEDED)

    def _keep(self, plan: prune.PrunePlan) -> None:
        for object_id, reason in plan.kept:
            self._outcomes.add(Change(object_id, Action.SKIPPED, f"not removed: {reason}"))
        self._outcomes.flush()

    # -- the result --------------------------------------------------------------------------------------------

    @property
    def _failed(self) -> list[Change]:
        return [change for change in self._outcomes.changes if change.action in {Action.FAILED, Action.CONFLICT}]

    def _failure(self) -> str:
        failed = self._failed
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"{failed[0].object}: {failed[0].detail}{more}"

    def _result(self, ending: Ending, reason: str = "", left: tuple[ObjectId, ...] = ()) -> SyncResult:
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
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = self._ports.clock.monotonic()
        try:
            yield
        finally:
            self._timings[step] = round((self._ports.clock.monotonic() - started) * 1000)


def _not_there_yet(wanted: Wanted, arriving: frozenset[Kind], new_namespaces: set[str]) -> str:
    if wanted.target.kind in arriving:
        return "its kind arrives in this run"
    return "its namespace is made in this run" if wanted.object.namespace in new_namespaces else ""
