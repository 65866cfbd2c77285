"""From one step of a sync to the next: hooks are run, health is awaited, and who waits holds no slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.domain.codes import HookReason, RunReason, SyncReason
from common.domain.errors import PermanentError
from common.domain.health import WELL, Health
from common.domain.health_codes import HealthReason
from common.domain.inventory import End, HookState
from common.domain.reasons import nested, together
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import Reason
from workers.sync.apply.outcomes import Outcomes
from workers.sync.concurrent import each
from workers.sync.errors import UnauthorisedError, briefly
from workers.sync.health import Context, assess, own_rules, waits_for_health
from workers.sync.health.storage import late_binding
from workers.sync.hooks.execution import HookRunner, Progress
from workers.sync.objects.moving import Hold
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.places import Stage
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.unserved import Brought
from workers.sync.plan.waves import WavePlan, WaveStep
from workers.sync.ports import Ports
from workers.sync.requests import Deadline, SyncRequest
from workers.sync.results import Ending
from workers.sync.timings import Timings


@dataclass(frozen=True, slots=True)
class Halt:
    """Why the next step does not begin now.

    Attributes:
        ending: waiting, failed, superseded, or in need of an approval.
        reason: why.
        awaits: the objects that are waited for.
        asks: the objects of other projects that a person is asked for, and whose they are.
        hook_active: a hook is under way.
    """

    ending: Ending
    reason: Reason
    awaits: tuple[ObjectId, ...] = ()
    asks: Mapping[ObjectId, PlacementRef] = field(default_factory=dict)
    hook_active: bool = False


def until_released(refused: Sequence[PlannedObject]) -> Halt | None:
    """Return why a wave waits where all that is refused of it may be released by other placements; None otherwise."""
    if not {one.hold for one in refused} <= {Hold.LATER, Hold.ASK}:
        return None
    first = {"object": str(refused[0].wanted.object), "why": nested(refused[0].detail)}
    reason = Reason(SyncReason.HELD, {**first, "objects": len(refused)})
    asks = {one.wanted.object: one.holder for one in refused if one.hold is Hold.ASK and one.holder is not None}
    if asks:
        return Halt(Ending.NEEDS_APPROVAL, reason, asks=asks)
    return Halt(Ending.WAITING, reason, tuple(one.wanted.object for one in refused))


@dataclass(frozen=True, slots=True)
class _Ill:
    """An object that is not healthy yet, and why."""

    object: ObjectId
    health: Health
    reason: Reason

    def named(self, objects: int) -> Reason:
        """Return why a step waits: for this object, of so many."""
        named = {"kind": self.object.kind, "name": self.object.name, "health": self.health.value}
        return Reason(SyncReason.ILL, {**named, "why": nested(self.reason), "objects": objects})


class WaveRunner:
    """Walks through the steps of one attempt.

    Args:
        request: whose they are.
        ports: the outside.
        outcomes: where results go.
        plan: all of them.
        timings: where the time that hooks take is noted.
    """

    def __init__(
        self, request: SyncRequest, ports: Ports, outcomes: Outcomes, plan: WavePlan, timings: Timings
    ) -> None:
        self._request = request
        self._ports = ports
        self._plan = plan
        self._timings = timings
        self.on_failure = plan.on_failure
        self._last = {step.turn[0]: step for step in plan.steps}
        self._hooks = HookRunner(request, ports, outcomes, plan.phases)
        self._own = own_rules(request.health, ports.expressions)
        self._items = {item.object: item for item in request.inventory}

    def take_over(self) -> None:
        """Go on from the hooks that an earlier run of the same revision ran, where this one only tries again."""
        self._hooks.take_over()

    def after(self, step: WaveStep, plans: Sequence[PlannedObject]) -> Halt | None:
        """Run the hooks of a step whose objects are written; return why the sync ends here, None to go on.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        if self._plan.simple:
            return None
        with self._timings.of("hooks"):
            return self._after(step, plans)

    def hooks_of(self, stage: Stage) -> Halt | None:
        """Run the hooks of one stage of a removal; return why it does not go on, None when it does.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        with self._timings.of("hooks"):
            halts = (self._after(step, ()) for step in self._plan.steps if step.turn[0] is stage)
            return next((halt for halt in halts if halt is not None), None)

    def _after(self, step: WaveStep, plans: Sequence[PlannedObject]) -> Halt | None:
        progress = self._hooks.advance(step.hooks, step.turn[0])
        failed = [one.named for one in progress if one.state is HookState.FAILED]
        active = [one for one in progress if one.state is HookState.ACTIVE]
        if failed and not active:
            return Halt(Ending.FAILED, self._plan.at(step, together(*failed)))
        ill = [] if step is self._plan.steps[-1] or failed else self.ill(plans)
        if not active and not ill:
            if step is self._last[step.turn[0]]:
                self._hooks.finish(step.turn[0])
            return None
        reasons = together(*failed, *(one.named for one in active), *(one.named(len(ill)) for one in ill[:1]))
        if self._request.deadline is Deadline.PASSED:
            self._hooks.give_up(step.hooks, step.turn[0], Reason(HookReason.LATE))
            return Halt(Ending.FAILED, Reason(SyncReason.LATE, {"step": step.words, "why": nested(reasons)}))
        awaits = (*(one.object for one in active), *(one.object for one in ill))
        return Halt(Ending.WAITING, self._plan.at(step, reasons), awaits, hook_active=bool(active))

    def kinds(self, step: WaveStep, brought: Brought) -> Halt | None:
        """Return why a step waits for kinds that the cluster does not serve yet; None when it need not.

        Args:
            step: before its objects are written, or after.
            brought: of which kinds, by when they may come.
        """
        missing = [one for one in step.unserved if one.brought is brought]
        if not missing:
            return None
        first = missing[0].error
        said = {"step": step.words, "why": nested(briefly(first)), "objects": len(missing)}
        if self._request.deadline is Deadline.PASSED:
            return Halt(Ending.FAILED, Reason(SyncReason.KIND, {**said, "late": True, "remedy": first.remedy}))
        return Halt(Ending.WAITING, Reason(SyncReason.KIND, said), tuple(one.object for one in missing))

    def settle_hooks(self) -> Halt:
        """Look at the hooks that are under way, and begin none.

        Raises:
            TransientError: the cluster failed.
        """
        active: list[Progress] = []
        for step in self._plan.steps:
            hooks = [hook for hook in step.hooks if self._hooks.under_way(hook, step.turn[0])]
            progress = self._hooks.advance(hooks, step.turn[0])
            active += (one for one in progress if one.state is HookState.ACTIVE)
            if self._request.deadline is Deadline.PASSED:
                self._hooks.give_up(hooks, step.turn[0], Reason(HookReason.LATE))
        if active and self._request.deadline is Deadline.AHEAD:
            awaits = tuple(one.object for one in active)
            return Halt(Ending.WAITING, together(*(one.named for one in active)), awaits, hook_active=True)
        return Halt(Ending.SUPERSEDED, Reason(RunReason.NEWER_REVISION))

    def clear_hooks(self) -> None:
        """Delete the objects of all hooks, which have ended, and forget them.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        self._hooks.clear()

    def end_phases(self) -> None:
        """End every phase none of whose hooks is under way, since the run ends here.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        for stage in self._last:
            self._hooks.finish(stage)

    def run_fail_hooks(self) -> None:
        """Begin the hooks for a run that failed; what comes of them changes nothing about it.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        if self.on_failure:
            self._hooks.advance(self.on_failure, Stage.SYNC_FAIL)

    def ill(self, plans: Sequence[PlannedObject]) -> list[_Ill]:
        """Return those objects that are not healthy yet.

        Raises:
            TransientError: the cluster failed.
        """
        asked = [one.wanted for one in plans if waits_for_health(one.wanted.object, self._own)]
        found: dict[int, _Ill | None] = {}

        def look(number: int) -> None:
            found[number] = self._illness(asked[number])

        each(self._ports.executor, look, range(len(asked)))
        return [one for number in range(len(asked)) if (one := found[number]) is not None]

    def _illness(self, wanted: Wanted) -> _Ill | None:
        try:
            live = self._ports.cluster.get(wanted.target)
        except UnauthorisedError:
            raise
        except PermanentError as error:
            return _Ill(wanted.object, Health.UNKNOWN, briefly(error))
        if live is None:
            item = self._items.get(wanted.object)
            if item is None or not item.goes_by_itself:
                return _Ill(wanted.object, Health.MISSING, Reason(HealthReason.ABSENT))
            failed = item.ended is End.FAILED
            return _Ill(wanted.object, Health.DEGRADED, Reason(HealthReason.COLLECTED_FAILED)) if failed else None
        body = live.body()
        context = Context(self._ports.clock.now(), late_binding(self._ports.cluster, [body]))
        report = assess(body, context, self._own)
        return None if report.health in WELL else _Ill(wanted.object, report.health, report.reason)
