"""Whether a placement whose time has come gets a run now: a pure decision on one placement."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from common.domain.admission import Held, Wish, admit
from common.domain.codes import CauseReason
from common.domain.fleet import Cluster, Placement
from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.revisions import Revision
from common.domain.runs import RunState, Trigger
from common.domain.status import NONE, Reason


@dataclass(frozen=True, slots=True)
class Waiting:
    """A placement that wants a run, as SQL knows it.

    Attributes:
        applied: identity of what it runs.
        owner: project that its objects belong to; empty for none.
        changed: whether its cluster, or what the registry says of it, has changed since the last of these failures.
        hook_failed: whether that was a hook's.
        run_state: of its run that has not ended; None where there is none.
        run_identity: revision of that run; None for one that removes everything.
    """

    state: PlacementState
    desired: Revision | None
    applied: tuple[str, str] | None
    paused: bool
    failures: int
    owner: str
    changed: bool = False
    hook_failed: bool = False
    run_state: RunState | None = None
    run_identity: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MakeRun:
    """A run is made; ``supersede`` ends the one it has, which is for another revision and which no worker holds."""

    trigger: Trigger
    revision: Revision | None
    cause: Reason
    supersede: bool


@dataclass(frozen=True, slots=True)
class Later:
    """No run is made yet: the one there is must end first. The placement is looked at again."""


@dataclass(frozen=True, slots=True)
class NoRun:
    """No run is made until something changes; ``hold`` is ``NONE`` where none is needed, and else came of ``wish``."""

    hold: Reason = NONE
    wish: Wish | None = field(default=None, compare=False)


Decision = MakeRun | Later | NoRun


def decide(
    waiting: Waiting, placement: Placement | None, *, cluster: Cluster | None, now: datetime, blocked: Reason = NONE
) -> Decision:
    """Return whether the placement gets a run now.

    Args:
        waiting: the placement in SQL.
        placement: the same in the registry; None where nothing places it (any more).
        cluster: the placement's, in the registry.
        now: by the database's clock.
        blocked: why nothing may be written to it; ``NONE`` where it may.
    """
    at = (waiting.state, placement, cluster, waiting.owner)
    wish = Wish(Trigger.REVISION, *at, now=now, blocked=blocked, paused=waiting.paused)
    if waiting.state is PlacementState.LEAVING:
        return _held(replace(wish, trigger=Trigger.LEAVING)) or _leave(waiting)
    if waiting.state is not PlacementState.PLACED or placement is None or waiting.desired is None:
        return NoRun()
    if not waiting.desired.covers(placement.to_resolve):
        # Of a source that the registry no longer names: planning says what holds it, until the new one is resolved.
        return NoRun(Reason(Hold.UNRESOLVED))
    as_wanted = waiting.applied == waiting.desired.identity
    if as_wanted and not waiting.failures:
        return NoRun()
    corrects = as_wanted and not (waiting.hook_failed and waiting.changed)
    return _held(wish) or (_correct if corrects else _advance)(waiting, waiting.desired)


def _held(wish: Wish) -> NoRun | None:
    admitted = admit(wish)
    return NoRun(admitted.hold, wish) if isinstance(admitted, Held) else None


def _leave(waiting: Waiting) -> Decision:
    cause = Reason(CauseReason.LEAVES)
    if waiting.run_state is None:
        return MakeRun(Trigger.LEAVING, None, cause, supersede=False)
    if waiting.run_identity is None:
        return NoRun()
    return Later() if waiting.run_state is RunState.RUNNING else MakeRun(Trigger.LEAVING, None, cause, supersede=True)


def _correct(waiting: Waiting, desired: Revision) -> Decision:
    """Try again to correct what is at its revision: hooks are for a revision that is brought about."""
    if waiting.run_state is None:
        cause = Reason(CauseReason.UNCORRECTED, {"runs": waiting.failures})
        return MakeRun(Trigger.DRIFT, desired, cause, supersede=False)
    return Later() if waiting.run_state is RunState.RUNNING else NoRun()


def _advance(waiting: Waiting, desired: Revision) -> Decision:
    if waiting.run_state is None:
        trigger, cause = _why(waiting)
        return MakeRun(trigger, desired, cause, supersede=False)
    if waiting.run_state is RunState.RUNNING:
        return Later()
    if waiting.run_identity == desired.identity:
        return NoRun()
    return MakeRun(Trigger.REVISION, desired, Reason(CauseReason.NEWER_REVISION), supersede=True)


def _why(waiting: Waiting) -> tuple[Trigger, Reason]:
    """Return why it is brought to its revision: time alone runs no hook a second time, a change does."""
    if not waiting.failures:
        return Trigger.REVISION, Reason(CauseReason.NEW_REVISION)
    failed = Reason(CauseReason.FAILED, {"runs": waiting.failures, "changed": waiting.changed})
    return (Trigger.REVISION if waiting.changed else Trigger.RETRY), failed
