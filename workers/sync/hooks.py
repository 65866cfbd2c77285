"""Hooks: objects that are made for one run, and that the run waits for without holding a slot.

What a hook has come to stands in the inventory, so that a later attempt of the same run goes on where this one ends,
whatever becomes of its worker. A hook that is under way is never deleted and never made a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from common.domain.changes import Action, Change
from common.domain.errors import FlotillaError, PermanentError
from common.domain.health import Health
from common.domain.inventory import HookState
from common.domain.redact import redacted
from common.domain.refs import ObjectId
from workers.sync import marks
from workers.sync.concurrent import each
from workers.sync.definitions import POLL
from workers.sync.errors import ConflictError, UnauthorisedError, told
from workers.sync.health import NO_RULES, Context, Own, assess, own_rules, waits_for_health
from workers.sync.judge import JUDGEMENTS, sealed
from workers.sync.live import Live
from workers.sync.marks import Standing
from workers.sync.normalise import Wanted
from workers.sync.places import Deletion, Stage
from workers.sync.ports import InventoryItem, Ownership, PlannedChange, Ports, SyncRequest, Write
from workers.sync.storage import late_binding
from workers.sync.writing import Outcomes, planned_item

GOING = timedelta(seconds=10)
"""How long the deletion of a former hook's object is waited for in one attempt."""
LOG_LINES = 20
_LOG_BYTES = 4_000
_FAILED = "hook.failed"
_LOGGED = frozenset({("batch", "Job"), ("", "Pod")})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one hook has come, and why it is no further, in words."""

    hook: Wanted
    state: HookState
    reason: str = ""

    def __str__(self) -> str:
        return f"hook {self.hook.object.kind} {self.hook.object.name}: {self.reason or self.state}"


def hook_state(
    object_id: ObjectId, live: Mapping[str, Any], context: Context, own: Own = NO_RULES
) -> tuple[HookState, str]:
    """Return how far a hook's object has come, and why it is no further, in words.

    A hook succeeds by ending: a pod that runs, or a job that is suspended, is well and still under way.
    """
    if (object_id.group, object_id.kind) == ("", "Pod"):
        phase = str((live.get("status") or {}).get("phase", "Pending"))
        ends = {"Succeeded": HookState.SUCCEEDED, "Failed": HookState.FAILED}
        return ends.get(phase, HookState.ACTIVE), f"it is {phase}"
    if not waits_for_health(object_id, own):
        return HookState.SUCCEEDED, ""
    report = assess(live, context, own)
    states = {Health.HEALTHY: HookState.SUCCEEDED, Health.DEGRADED: HookState.FAILED}
    return states.get(report.health, HookState.ACTIVE), report.reason or report.health


class HookRunner:
    """Runs the hooks of one attempt.

    Args:
        request: whose they are.
        ports: the outside.
        outcomes: where results go.
    """

    def __init__(self, request: SyncRequest, ports: Ports, outcomes: Outcomes) -> None:
        self._request = request
        self._ports = ports
        self._cluster = ports.cluster
        self._outcomes = outcomes
        self._items = {item.object: item for item in request.inventory}
        self._own = own_rules(request.health)

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

    def give_up(self, hooks: Sequence[Wanted], stage: Stage, reason: str) -> None:
        """Note that nobody waits for these any more; their objects stay as they are."""
        for hook in hooks:
            item = self._items.get(hook.object)
            if item is not None and item.hook_run == self._run and item.hook_state is HookState.ACTIVE:
                self._ended(hook, stage, replace(item, hook_state=HookState.FAILED), reason)
        self._outcomes.flush()

    def clear(self, hooks: Sequence[Wanted]) -> None:
        """Delete the objects that this run made for hooks, and forget them: their placement is gone.

        Raises:
            TransientError: the cluster failed.
            PermanentError: one may not be deleted.
            LeaseLostError: this attempt may not write any more.
        """
        for hook in hooks:
            live = self._cluster.get(hook.target)
            if live is not None and (live.meta.annotations or {}).get(marks.HOOK_RUN) == self._run:
                self._delete(hook, live)
            self._outcomes.gone(hook.object)
        self._outcomes.flush()

    @property
    def _run(self) -> str:
        return str(self._request.attempt.run)

    # -- one hook ----------------------------------------------------------------------------------------------

    def _advanced(self, hook: Wanted, stage: Stage) -> Progress:
        item = self._items.get(hook.object)
        mine = item if item is not None and item.hook_run == self._run else None
        if mine is not None and mine.hook_state is HookState.SUCCEEDED:
            return Progress(hook, HookState.SUCCEEDED)
        if mine is not None and mine.hook_state is HookState.FAILED:
            return Progress(hook, HookState.FAILED, "it failed before")
        try:
            return self._looked_at(hook, stage, mine)
        except UnauthorisedError:
            raise
        except PermanentError as error:
            return self._failed(hook, stage, mine or planned_item(hook, None), told(error, hook.object))

    def _looked_at(self, hook: Wanted, stage: Stage, mine: InventoryItem | None) -> Progress:
        live = self._cluster.get(hook.target)
        made_by = (live.meta.annotations or {}).get(marks.HOOK_RUN) if live is not None else None
        if live is not None and made_by == self._run and (mine is None or mine.uid in {"", live.meta.uid}):
            return self._judged(hook, stage, self._item(hook, live), live)
        if mine is not None and mine.uid:
            return self._failed(hook, stage, mine, "somebody deleted it before it ended")
        if live is not None and (hindrance := self._out_of_the_way(hook, live)):
            return Progress(hook, HookState.ACTIVE, hindrance)
        return self._begun(hook, stage)

    def _out_of_the_way(self, hook: Wanted, live: Live) -> str:
        """Delete the object that an earlier run left; return why it is still there, empty once it is gone.

        Raises:
            ConflictError: it is not ours.
        """
        owner = marks.owner_of(live.meta, hook.object, hook.mark)
        if owner.standing is not Standing.OURS:
            message = f"it exists already, and is {owner.name or 'nobody'}'s"
            raise ConflictError(message)
        if not live.meta.deletion_timestamp:
            if self._state(hook, live)[0] is HookState.ACTIVE:
                return "the one of an earlier run is still under way"
            self._delete(hook, live)
        deadline = self._ports.clock.monotonic() + GOING.total_seconds()
        while (left := self._cluster.get(hook.target)) is not None:
            if self._ports.clock.monotonic() > deadline:
                return f"the one of an earlier run is still being deleted{left.meta.waits}"
            self._ports.clock.sleep(POLL.total_seconds())
        return ""

    def _begun(self, hook: Wanted, stage: Stage) -> Progress:
        item = replace(planned_item(hook, None), hook_run=self._run, hook_state=HookState.ACTIVE)
        self._ports.journal.plan([item], [PlannedChange(hook.object, Action.CREATED)])
        metadata = hook.manifest["metadata"]
        annotations = {**metadata["annotations"], marks.HOOK_RUN: self._run}
        body = sealed({**hook.manifest, "metadata": {**metadata, "annotations": annotations}}, None)
        self._ports.fence.check(self._cluster.request_timeout)
        live = self._cluster.apply(hook.target, body, write=Write.REAL, ownership=Ownership.RESPECT).live
        item = self._item(hook, live)
        self._outcomes.add(Change(hook.object, Action.CREATED, f"hook {stage.words}"), item)
        return self._judged(hook, stage, item, live)

    def _judged(self, hook: Wanted, stage: Stage, item: InventoryItem, live: Live) -> Progress:
        state, reason = self._state(hook, live)
        if state is HookState.FAILED:
            return self._failed(hook, stage, item, reason, live)
        if state is HookState.SUCCEEDED:
            self._ended(hook, stage, replace(item, hook_state=state), "", live)
        elif item != self._items.get(hook.object):
            # Made by an attempt that could not note it any more.
            self._ports.journal.plan([item], [])
        return Progress(hook, state, reason)

    def _state(self, hook: Wanted, live: Live) -> tuple[HookState, str]:
        body = live.body()
        context = Context(self._ports.clock.now(), late_binding(self._cluster, [body]))
        return hook_state(hook.object, body, context, self._own)

    def _failed(
        self, hook: Wanted, stage: Stage, item: InventoryItem, reason: str, live: Live | None = None
    ) -> Progress:
        item = replace(item, hook_run=self._run, hook_state=HookState.FAILED)
        self._ended(hook, stage, item, reason, live)
        return Progress(hook, HookState.FAILED, reason)

    def _ended(self, hook: Wanted, stage: Stage, item: InventoryItem, reason: str, live: Live | None = None) -> None:
        """Record the end of a hook, with the last lines that it wrote, and delete its object where that is asked."""
        failed = item.hook_state is HookState.FAILED
        said = f"hook {stage.words} failed: {reason}" if failed else f"hook {stage.words} succeeded"
        lines = self._last_lines(hook) if live is not None else ""
        detail = f"{said}\n{lines}" if lines else said
        change = Change(hook.object, Action.FAILED if failed else Action.UNCHANGED, detail)
        self._outcomes.add(change, item, error_code=_FAILED if failed else "")
        wanted = Deletion.FAILED if failed else Deletion.SUCCEEDED
        if live is not None and wanted in hook.place.deletion:
            self._delete(hook, live)

    def _delete(self, hook: Wanted, live: Live | None) -> None:
        for _ in range(JUDGEMENTS):
            if live is None or live.meta.deletion_timestamp:
                return
            self._ports.fence.check(self._cluster.request_timeout)
            try:
                self._cluster.delete(hook.target, uid=live.meta.uid, resource_version=live.meta.resource_version)
            except ConflictError:
                uid, live = live.meta.uid, self._cluster.get(hook.target)
                live = live if live is not None and live.meta.uid == uid else None
            else:
                return

    def _last_lines(self, hook: Wanted) -> str:
        """Return what a hook's containers wrote last; empty where it cannot be read: it is a help, not a condition."""
        if (hook.object.group, hook.object.kind) not in _LOGGED:
            return ""
        try:
            return redacted(self._cluster.last_lines(hook.target, lines=LOG_LINES)[-_LOG_BYTES:].strip())
        except FlotillaError:
            return ""

    def _item(self, hook: Wanted, live: Live) -> InventoryItem:
        base = replace(planned_item(hook, None), uid=live.meta.uid)
        return replace(base, hook_run=self._run, hook_state=HookState.ACTIVE)
