"""One attempt at bringing a placement to a revision, told step by step.

Each function is a way that an attempt goes, and each of its lines a step. Nothing of a wave is written before all of it
has passed its dry-run; nothing is removed because something could not be read.
"""

from __future__ import annotations

from dataclasses import replace

from common.domain.changes import Action, Change
from common.domain.codes import ObjectReason, SyncReason
from common.domain.reasons import nested
from common.domain.status import Reason
from workers.sync.attempt import Attempt
from workers.sync.errors import ClaimedError, briefly
from workers.sync.objects.moving import claimed_by
from workers.sync.plan.places import Stage
from workers.sync.plan.unserved import Brought
from workers.sync.plan.waves import objects_of
from workers.sync.ports import Ports
from workers.sync.preparing import prepared
from workers.sync.pruning import Pruning
from workers.sync.removals import departure
from workers.sync.requests import Deadline, Phase, SyncRequest
from workers.sync.results import Ending, SyncResult
from workers.sync.steps import StepObjects
from workers.sync.timings import Timings
from workers.sync.waves import Halt


def run(request: SyncRequest, ports: Ports) -> SyncResult:
    """Carry out one attempt and return what came of it.

    Raises:
        TransientError: the cluster or the network failed; another attempt may fare better.
        PermanentError: the manifests or the project's rules forbid it, or the cluster refuses us.
        LeaseLostError: this attempt may not write any more.
    """
    if request.phase is Phase.REMOVE:
        return _leave(request, ports)
    attempt = _begun(request, ports)
    if request.phase is Phase.CHECK:
        return _look(attempt)
    if request.phase is Phase.SETTLE:
        return _settle(attempt)
    return _sync(attempt)


def _begun(request: SyncRequest, ports: Ports) -> Attempt:
    """Return an attempt whose manifests are normalised, and allowed by its project."""
    timings = Timings(ports.clock)
    with timings.of("prepare"):
        todo = prepared(request, ports)
    return Attempt(todo, ports, timings)


def _sync(attempt: Attempt) -> SyncResult:
    """Bring the placement to its revision; what an attempt that goes on finds done is not done again."""
    request, waves, pruning = attempt.request, attempt.waves, Pruning(attempt)
    if request.phase is Phase.RESUME and attempt.prepared.plan.simple:
        if request.deadline is Deadline.PASSED:
            return attempt.halted(Halt(Ending.FAILED, Reason(SyncReason.UNHEALTHY)))
        if not request.awaited:
            return pruning.within_bounds()  # all was written at once, and has become healthy
    waves.take_over()
    attempt.look()
    objects = StepObjects(attempt)
    for step in attempt.prepared.plan.steps:
        halt = (
            waves.kinds(step, Brought.BEFORE)  # that an earlier wave brings
            or objects.dry_run(step)  # all of them, before the first write
            or objects.write(step)  # the inventory and what is planned, then the objects in order
            or waves.kinds(step, Brought.BESIDE)  # that this wave brings
            or waves.after(step, objects.plans)  # its hooks, then health
        )
        if halt is not None:
            return attempt.halted(halt)
    return pruning.after(objects.plans)


def _settle(attempt: Attempt) -> SyncResult:
    """See the hooks of a revision that is outdated to their end, and begin nothing."""
    attempt.waves.take_over()
    return attempt.halted(attempt.waves.settle_hooks())


def _look(attempt: Attempt) -> SyncResult:
    """Say what a sync would do, and write nothing."""
    comparing, outcomes = attempt.comparing, attempt.outcomes
    attempt.look()
    with attempt.timings.of("dry-run"):
        plans = comparing.plans(objects_of(attempt.prepared.wanted))
    for planned in plans:
        attempt.writer.settle_unwritten(planned)
    for one in attempt.prepared.unserved:
        why = {"why": nested(briefly(one.error))}
        outcomes.add(Change(one.object, Action.CREATED, Reason(ObjectReason.UNSERVED, why)))
    Pruning(attempt).would_remove()
    outcomes.flush()
    comparing.give_up_waiting()
    if outcomes.failed:
        return attempt.result(Ending.FAILED, outcomes.failure())
    return replace(attempt.result(Ending.SUCCEEDED), partial=True)


def _leave(request: SyncRequest, ports: Ports) -> SyncResult:
    """Remove all that the placement owns, between the hooks that were kept for it."""
    plan = departure(request)
    attempt = _begun(request, ports)
    halt = attempt.waves.hooks_of(Stage.PRE_DELETE)
    if halt is not None:
        return attempt.halted(halt)
    for object_id, ref in attempt.removals.claims(plan).takers.items():
        raise ClaimedError(claimed_by(ref, object_id))
    result = Pruning(attempt).remove(plan)
    if result.ending is not Ending.SUCCEEDED:
        return result
    halt = attempt.waves.hooks_of(Stage.POST_DELETE)
    if halt is not None:
        return attempt.halted(halt)
    attempt.waves.clear_hooks()
    return attempt.result(Ending.SUCCEEDED)
