"""What is to be said of an attempt and of its objects, as reasons. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from common.domain.changes import Change, differing
from common.domain.codes import RunReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId
from common.domain.status import NONE, Found, Reason
from workers.sync.requests import Phase
from workers.sync.results import Fight, SyncResult


def success(phase: Phase | None, result: SyncResult, warnings: Sequence[Reason]) -> Reason:
    """Return what is to be said of an attempt that succeeded; none where that is nothing."""
    objects, adopted = differing(result.changes) if phase is Phase.CHECK else (0, 0)
    warned = {"warnings": [nested(one) for one in warnings]} if warnings else {}
    if objects or adopted:
        return Reason(RunReason.DIFFERS, {"objects": objects, "adopted": adopted, **warned})
    return Reason(RunReason.WARNINGS, warned) if warned else NONE


def difference(different: Sequence[Change], code: Found) -> Reason:
    """Return what differs as a reason; none where nothing does."""
    if not different:
        return NONE
    objects, adopted = differing(different)
    first = different[0].object
    return Reason(code, {"objects": objects, "adopted": adopted, "first": f"{first.kind} {first.name}"})


def _unended(hooks: Sequence[ObjectId]) -> Reason:
    """Return which hooks are not through; none where all are."""
    if not hooks:
        return NONE
    return Reason(Found.HOOKS, {"objects": len(hooks), "first": f"{hooks[0].kind} {hooks[0].name}"})


def left_over(result: SyncResult, hooks: Sequence[ObjectId]) -> Reason:
    """Return what an attempt that succeeded left as it should not be; none where there is nothing.

    What goes comes last: a sweep sees it gone, and takes that back alone.
    """
    if not result.going or result.fights or hooks:
        return _fight(result.fights) or _unended(hooks)
    first, finalizers = min(result.going)
    named = {"first": f"{first.kind} {first.name}", "finalizers": finalizers}
    return Reason(Found.PRUNE_HELD, {"objects": len(result.going), **named})


def _fight(fights: Sequence[Fight]) -> Reason:
    """Return which objects were left alone since somebody keeps changing them back; none where none were."""
    if not fights:
        return NONE
    first = min(fights, key=lambda one: one.until)
    named = {"first": f"{first.object.kind} {first.object.name}", "manager": first.manager}
    return Reason(Found.FIGHT, {"objects": len(fights), **named, "until": first.until.isoformat()})
