"""Hooks: objects that are made for one run, and that the run waits for without holding a slot.

What a hook has come to stands in the inventory, so that a later attempt of the same run goes on where this one ends,
whatever becomes of its worker. A hook that is under way is never deleted and never made a second time. How it came out
is committed before its object may go: until then it has no time to live, and it is deleted at the end of its phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from common.domain.changes import Action, Change
from common.domain.codes import HookReason, SyncReason
from common.domain.errors import FlotillaError, PermanentError
from common.domain.foreign import foreign
from common.domain.health import Health
from common.domain.health_codes import HealthReason
from common.domain.inventory import End, HookState
from common.domain.reasons import nested
from common.domain.redact import redacted
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from workers.sync.apply.outcomes import Outcomes
from workers.sync.apply.writing import planned_item
from workers.sync.concurrent import each
from workers.sync.errors import ConflictError, UnauthorisedError, told
from workers.sync.health import NO_RULES, Context, Own, assess, lifetime, own_rules, waits_for_health
from workers.sync.health.reading import section, text
from workers.sync.health.storage import late_binding
from workers.sync.hooks.objects import HookObjects
from workers.sync.hooks.rows import HookRows
from workers.sync.objects import marks
from workers.sync.objects.live import Live
from workers.sync.objects.marks import OwnerKind
from workers.sync.plan.definitions import POLL
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.places import Stage
from workers.sync.ports import InventoryItem, PlannedChange, Ports
from workers.sync.requests import SyncRequest

GOING = timedelta(seconds=10)
"""How long the deletion of a former hook's object is waited for in one attempt."""
LOG_LINES = 20
_LOG_BYTES = 4_000
_FAILED = "hook.failed"
_LOGGED = frozenset({lifetime.JOB, lifetime.POD})
_AS_SEEN = {End.SUCCEEDED: HookState.SUCCEEDED, End.FAILED: HookState.FAILED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one hook has come, and why it is no further; ``object`` is what it waits for."""

    object: ObjectId
    state: HookState
    reason: Reason = NONE

    @property
    def named(self) -> Reason:
        """Why a sync goes no further, with the hook's name."""
        named = {"kind": self.object.kind, "name": self.object.name, "state": self.state.value}
        return Reason(SyncReason.HOOK, {**named, "why": nested(self.reason)})


def hook_state(
    object_id: ObjectId, live: Mapping[str, Any], context: Context, own: Own = NO_RULES
) -> tuple[HookState, Reason]:
    """Return how far a hook's object has come, and why it is no further.

    A hook succeeds by ending: a pod that runs, or a job that is suspended, is well and still under way.
    """
    if (object_id.group, object_id.kind) == ("", "Pod"):
        phase = text(section(live, "status"), "phase") or "Pending"
        ends = {"Succeeded": HookState.SUCCEEDED, "Failed": HookState.FAILED}
        return ends.get(phase, HookState.ACTIVE), foreign(HealthReason.POD_PHASE, phase=phase)
    if not waits_for_health(object_id, own):
        return HookState.SUCCEEDED, NONE
    report = assess(live, context, own)
    states = {Health.HEALTHY: HookState.SUCCEEDED, Health.DEGRADED: HookState.FAILED}
    return states.get(report.health, HookState.ACTIVE), report.reason


class HookRunner:
    """Runs the hooks of one attempt.

    Args:
        request: whose they are.
        ports: the outside.
        outcomes: where results go.
        phases: the hooks of each stage.
    """

    def __init__(
        self, request: SyncRequest, ports: Ports, outcomes: Outcomes, phases: Mapping[Stage, Sequence[Wanted]]
    ) -> None:
        self._request = request
        self._ports = ports
        self._cluster = ports.cluster
        self._outcomes = outcomes
        self._phases = phases
        self._own = own_rules(request.health, ports.expressions)
        self._rows = HookRows(request, phases)
        self._objects = HookObjects(request, ports)
        self._given_up: set[Stage] = set()

    def take_over(self) -> None:
        """Go on from the hooks that an earlier run of the same revision ran, where this one only tries again."""
        rows = self._rows.taken_over()
        if rows:
            self._keep(*rows)

    def advance(self, hooks: Sequence[Wanted], stage: Stage) -> list[Progress]:
        """Begin those that have not begun, look at the others, and return how far each has come, in order.

        Raises:
            TransientError: the cluster failed; what was done until then is recorded.
            LeaseLostError: this attempt may not write any more.
        """
        found: dict[int, Progress] = {}

        def step(number: int) -> None:
            found[number] = self._advanced(hooks[number], stage)

        try:
            each(self._ports.executor, step, range(len(hooks)))
        finally:
            self._outcomes.flush()
        return [found[number] for number in range(len(hooks))]

    def give_up(self, hooks: Sequence[Wanted], stage: Stage, reason: Reason) -> None:
        """Note that nobody waits for these any more; the objects of their phase stay as they are."""
        self._given_up.add(stage)
        for hook in hooks:
            item = self._rows.of(hook, stage)
            if item is not None and item.hook_state is HookState.ACTIVE:
                self._ended(hook, stage, replace(item, hook_state=HookState.FAILED), reason)
        self._outcomes.flush()

    def under_way(self, hook: Wanted, stage: Stage) -> bool:
        """Tell whether a hook has begun in this stage and has not ended."""
        item = self._rows.of(hook, stage)
        return item is not None and item.hook_state is HookState.ACTIVE

    def finish(self, stage: Stage) -> None:
        """End a phase: delete what its hooks left where that is asked, unless one of them is still under way.

        A phase may be ended more than once: what is done already is not done again.

        Raises:
            TransientError: the cluster failed.
            LeaseLostError: this attempt may not write any more.
        """
        hooks = self._phases.get(stage, ())
        if stage in self._given_up or any(self.under_way(hook, stage) for hook in hooks):
            return

        def settle(hook: Wanted) -> None:
            item = self._rows.of(hook, stage)
            if item is None or item.hook_stage not in {"", stage.words}:
                return
            if said := self._objects.settle(hook, item):
                self._outcomes.add(Change(item.object, Action.SKIPPED, _of(HookReason.UNSETTLED, stage, said)))

        try:
            each(self._ports.executor, settle, hooks)
        finally:
            self._outcomes.flush()

    def clear(self) -> None:
        """Delete the objects of all hooks, and forget them: their placement is gone.

        Raises:
            TransientError: the cluster failed.
            PermanentError: one may not be deleted.
            LeaseLostError: this attempt may not write any more.
        """
        for hook in {hook.object: hook for hooks in self._phases.values() for hook in hooks}.values():
            self._objects.delete_any(hook, hook.object)
            self._outcomes.gone(hook.object)
            self._clear_former(hook)
        self._outcomes.flush()

    # -- one hook ----------------------------------------------------------------------------------------------

    def _advanced(self, hook: Wanted, stage: Stage) -> Progress:
        item = self._rows.of(hook, stage)
        if item is not None and item.hook_state is HookState.SUCCEEDED:
            return Progress(item.object, HookState.SUCCEEDED)
        try:
            return self._looked_at(hook, stage, item)
        except UnauthorisedError:
            raise
        except PermanentError as error:
            return self._failed(hook, stage, item or planned_item(hook, None), told(error, hook.object))

    def _looked_at(self, hook: Wanted, stage: Stage, item: InventoryItem | None) -> Progress:
        live = self._objects.get(hook, item)
        if live is not None and self._objects.made(live, item, stage):
            return self._as_observed(hook, stage, item or self._begun_item(hook, stage), live)
        if item is not None and item.hook_state is HookState.FAILED:
            return Progress(item.object, HookState.FAILED, self._not_again(Reason(HookReason.BEFORE)))
        if item is not None and item.uid:
            if state := _AS_SEEN.get(item.ended):
                collected = Reason(HealthReason.COLLECTED_FAILED)
                return self._came(hook, stage, replace(item, hook_state=state), collected)
            return self._failed(hook, stage, item, Reason(HookReason.DELETED))
        if live is not None and (in_the_way := self._out_of_the_way(hook, live)):
            return Progress(hook.object, HookState.ACTIVE, in_the_way)
        if active := self._clear_former(hook):
            return Progress(active, HookState.ACTIVE, Reason(HookReason.EARLIER))
        return self._begun(hook, stage)

    def _not_again(self, why: Reason) -> Reason:
        """Return what is said of a hook that failed for this very revision, where time alone may have led to a try."""
        retried = self._request.trigger is Trigger.RETRY
        return Reason(HookReason.NOT_AGAIN, {"why": nested(why)}) if retried else why

    def _out_of_the_way(self, hook: Wanted, live: Live) -> Reason:
        """Delete the object that an earlier run or phase left; return why it is still there, none once it is gone.

        Raises:
            ConflictError: it is not ours.
        """
        owner = marks.owner_of(live.meta, hook.object, hook.mark)
        if owner.kind is not OwnerKind.OURS:
            message = f"it exists already, and is {owner.name or 'nobody'}'s"
            raise ConflictError(message)
        if not live.meta.deletion_timestamp:
            if self._state(hook, live)[0] is HookState.ACTIVE:
                return Reason(HookReason.FORMER)
            self._objects.delete(hook, live)
        deadline = self._ports.clock.monotonic() + GOING.total_seconds()
        while (left := self._cluster.get(hook.target)) is not None:
            if self._ports.clock.monotonic() > deadline:
                return foreign(HookReason.FORMER_GOES, finalizers=left.meta.held_by)
            self._ports.clock.sleep(POLL.total_seconds())
        return NONE

    def _clear_former(self, hook: Wanted) -> ObjectId | None:
        """Delete what earlier runs made for a hook under other names; return which is still under way, None if none is.

        Nobody waits until they are gone: their names are not needed again.
        """
        for item in self._rows.former(hook):
            live = self._objects.get(hook, item)
            if live is not None and marks.owner_of(live.meta, item.object, self._mark(item)).kind is OwnerKind.OURS:
                if not self._objects.cleared_before(hook):
                    continue
                if not live.meta.deletion_timestamp and self._state(hook, live)[0] is HookState.ACTIVE:
                    return item.object
                self._objects.delete(hook, live)
            self._outcomes.gone(item.object)
        return None

    def _mark(self, item: InventoryItem) -> str:
        return marks.owner_mark(self._request.fleet, self._request.ref, item.object)

    def _begun_item(self, hook: Wanted, stage: Stage) -> InventoryItem:
        return self._rows.begun(stage, planned_item(hook, None))

    def _begun(self, hook: Wanted, stage: Stage) -> Progress:
        item = self._begun_item(hook, stage)
        self._ports.journal.plan([item], [PlannedChange(hook.object, Action.CREATED)])
        live = self._objects.make(hook, stage)
        item = replace(item, uid=live.meta.uid)
        self._rows.note(item)
        self._outcomes.add(Change(hook.object, Action.CREATED, _of(HookReason.BEGUN, stage)), item)
        return self._as_observed(hook, stage, item, live)

    def _as_observed(self, hook: Wanted, stage: Stage, item: InventoryItem, live: Live) -> Progress:
        state, reason = self._state(hook, live)
        if state is HookState.FAILED and item.hook_state is HookState.FAILED:
            return Progress(item.object, state, self._not_again(reason))
        item, known = replace(item, uid=live.meta.uid, hook_state=state), item
        if state is not HookState.ACTIVE:
            return self._came(hook, stage, item, reason, live)
        if item != known:
            # Made by an attempt that could not note it any more, or given up by an earlier run.
            self._keep(item)
        return Progress(item.object, state, reason)

    def _state(self, hook: Wanted, live: Live) -> tuple[HookState, Reason]:
        body = live.body()
        context = Context(self._ports.clock.now(), late_binding(self._cluster, [body]))
        return hook_state(hook.object, body, context, self._own)

    def _came(
        self, hook: Wanted, stage: Stage, item: InventoryItem, reason: Reason, live: Live | None = None
    ) -> Progress:
        """Take in that a hook has come to the end that its row says."""
        self._ended(hook, stage, item, reason, live)
        return Progress(item.object, item.hook_state, reason if item.hook_state is HookState.FAILED else NONE)

    def _failed(self, hook: Wanted, stage: Stage, item: InventoryItem, reason: Reason) -> Progress:
        item = replace(self._rows.begun(stage, item), hook_state=HookState.FAILED)
        return self._came(hook, stage, item, reason)

    def _ended(self, hook: Wanted, stage: Stage, item: InventoryItem, reason: Reason, live: Live | None = None) -> None:
        """Record the end of a hook, with the last lines that it wrote, before its object may go."""
        failed = item.hook_state is HookState.FAILED
        lines = self._last_lines(hook, item) if live is not None else ""
        said = _of(HookReason.ENDED, stage, reason) if failed else _of(HookReason.SUCCEEDED, stage)
        detail = Reason(said.code, {**said.params, "lines": lines}) if lines else said
        self._keep(item)
        change = Change(item.object, Action.FAILED if failed else Action.UNCHANGED, detail)
        self._outcomes.add(change, item, error_code=_FAILED if failed else "")

    def _keep(self, *items: InventoryItem) -> None:
        self._ports.journal.plan(items, [])
        for item in items:
            self._rows.note(item)

    def _last_lines(self, hook: Wanted, item: InventoryItem) -> str:
        """Return what a hook's containers wrote last; empty where it cannot be read: it is a help, not a condition."""
        if (hook.object.group, hook.object.kind) not in _LOGGED:
            return ""
        target = replace(hook.target, name=item.object.name)
        try:
            return redacted(self._cluster.last_lines(target, lines=LOG_LINES)[-_LOG_BYTES:].strip())
        except FlotillaError:
            return ""


def _of(code: HookReason, stage: Stage, why: Reason = NONE) -> Reason:
    return Reason(code, {"stage": stage.words, **({"why": nested(why)} if why else {})})
