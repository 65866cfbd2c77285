"""Sentences of what was done to objects, what became of hooks, what sweeps saw, and what led to runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain import formatting
from common.domain.catalogue import Params, inner, nested, sentence, spoken, spoken_each
from common.domain.codes import CauseReason, HookReason, ObjectReason, SweepReason
from common.domain.status import NONE, Reason

_APPLY, _PRUNE = "flotilla.dev/apply", "flotilla.dev/prune"


def together(*reasons: Reason) -> Reason:
    """Return several reasons as one; those that say nothing are left out."""
    said = [reason for reason in reasons if reason]
    if len(said) < 2:
        return said[0] if said else NONE
    return Reason(ObjectReason.SEVERAL, {"parts": [nested(reason) for reason in said]})


def _recreatable(params: Params) -> str:
    why = "the live object has a field that does not go with the rest"
    why = "the field cannot change" if params.get("immutable") else why
    how = f"annotate the object with {' and '.join(params['annotations'])} to have it deleted and created again"
    if not params.get("data"):
        return f"{why}: {how}"
    return (
        f"{why}: take the change back, or give the new one another name and move over what the old one holds; "
        f"to lose that, {how}"
    )


def _fields_owned(params: Params) -> str:
    listed = "; ".join(f"field {one.get('field', '')} is owned by {one.get('owner', '')!r}" for one in params["fields"])
    return f"{listed}; remove it from the manifest, or set `conflicts: take-over`"


def _owned(params: Params) -> str:
    way_out = "; set `adopt: any` once that tool no longer manages it" if params.get("tool") else ""
    return f"conflict: owned by {params['owner']}{way_out}"


def _asked(params: Params) -> str:
    project = params.get("project") or "that is not known"
    return f"{params['owner']} of project {project} owns it: waits for an approval to take it over"


def _waiting(params: Params) -> str:
    """Return which finalizers are waited for, to be put behind what goes."""
    finalizers = ", ".join(params.get("finalizers", ()))
    return f", and waits for its finalizers: {finalizers}" if finalizers else ""


def _hook(params: Params, how: str) -> str:
    lines = params.get("lines")
    said = f"hook {params['stage']} {how}"
    return f"{said}\n{lines}" if lines else said


def _failed_before(params: Params) -> str:
    failed = f"{formatting.of(int(params['runs']), 'run')} failed at this revision"
    return f"{failed}, and its cluster or the registry has changed since" if params.get("changed") else failed


def _drifted(params: Params) -> str:
    by = f" by {params['by']}" if params.get("by") else ""
    what = sentence(Reason(str(params["what"])))
    drifted = formatting.of(int(params["objects"]), "object")
    return _fought(params, f"{drifted} drifted: {params['kind']} {params['name']} {what}{by}")


def _fought(params: Params, said: str) -> str:
    return f"a fight: {said}" if params.get("fight") else said


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    ObjectReason.SEVERAL: lambda params: spoken_each(params, "parts"),
    ObjectReason.NEVER: lambda _: f"{_APPLY}: never",
    ObjectReason.IF_ABSENT: lambda _: f"{_APPLY}: if-absent, and it exists",
    ObjectReason.COLLECTED: lambda _: "it ended, and was collected since",
    ObjectReason.UNCHECKED: lambda params: f"not checked: {inner(params, 'why')}",
    ObjectReason.KIND_COMES: lambda _: "its kind arrives in this run",
    ObjectReason.NAMESPACE_COMES: lambda _: "its namespace is made in this run",
    ObjectReason.POSTPONED: lambda params: f"not checked yet: {params['until']} comes first",
    ObjectReason.UNSERVED: lambda params: f"not checked yet: {inner(params, 'why')}",
    ObjectReason.RECREATED: lambda params: f"deleted and created again: {inner(params, 'why')}",
    ObjectReason.RECREATABLE: _recreatable,
    ObjectReason.ADOPTED: lambda _: "adopted",
    ObjectReason.TAKEN_FROM: lambda params: f"taken over from {params['placement']}",
    ObjectReason.TIDIED: lambda params: f"removed what was added by hand: {', '.join(params['fields'])}",
    ObjectReason.LEFT: lambda params: f"{params['field']} is left to {params['to']}",
    ObjectReason.RECLAIMED: lambda params: f"reclaimed from {', '.join(params['managers'])}",
    ObjectReason.TAKEN_OVER: lambda params: f"taken over from {', '.join(params['managers'])}",
    ObjectReason.FIELDS_OWNED: _fields_owned,
    ObjectReason.OWNED: _owned,
    ObjectReason.UNMARKED: lambda _: "conflict: it exists and carries no mark of ours; set `adopt: unowned` to take it",
    ObjectReason.OWNER_SYNCS: lambda params: f"{params['owner']} owns it and is being synced",
    ObjectReason.OWNER_BEHIND: lambda params: f"{params['owner']} owns it and has not run its wanted revision yet",
    ObjectReason.OWNER_RENDERS: lambda params: (
        f"conflict: owned by {params['owner']}, whose wanted revision renders it too"
    ),
    ObjectReason.OWNER_UNPLANNED: lambda params: (
        f"owned by {params['owner']}; it is taken over if that one's next revision does not render it"
    ),
    ObjectReason.OWNER_ASKED: _asked,
    ObjectReason.FIGHT: lambda params: (
        f"{params.get('manager') or 'somebody'} keeps changing it back: it is left alone for a while"
    ),
    ObjectReason.HIDDEN: lambda _: "values that are not shown",
    ObjectReason.WOULD_GO: lambda _: "would be removed",
    ObjectReason.ABSENT: lambda _: "already gone",
    ObjectReason.KIND_GONE: lambda _: "already gone: the cluster no longer serves its kind",
    ObjectReason.GOES: lambda params: f"it goes once its finalizers are done: {', '.join(params['finalizers'])}",
    ObjectReason.GOING: lambda params: f"it is being deleted already{_waiting(params)}",
    ObjectReason.KEPT: lambda params: f"not removed: {inner(params, 'why')}",
    ObjectReason.PRUNE_OFF: lambda _: "pruning is off",
    ObjectReason.UNAPPROVED: lambda _: "not on the approved list",
    ObjectReason.PRUNE_NEVER: lambda _: f"{_PRUNE}: never",
    ObjectReason.PROTECTED: lambda params: f"a {params['kind']} is removed only with {_PRUNE}: allow",
    ObjectReason.DISALLOWED: lambda params: f"project {params['project']} does not allow it: {spoken(params, 'why')}",
    ObjectReason.CLAIMED: lambda params: f"{params['placement']} takes it over",
    ObjectReason.OWNED_NOW: lambda params: f"owned by {params['owner']}",
    ObjectReason.MARK_GONE: lambda _: "it does not carry our mark any more",
    ObjectReason.REPLACED: lambda _: "another object took its place",
    HookReason.BEGUN: lambda params: f"hook {params['stage']}",
    HookReason.SUCCEEDED: lambda params: _hook(params, "succeeded"),
    HookReason.ENDED: lambda params: _hook(params, f"failed: {inner(params, 'why')}"),
    HookReason.UNSETTLED: lambda params: f"hook {params['stage']}: {inner(params, 'why')}",
    HookReason.BEFORE: lambda _: "it failed before",
    HookReason.NOT_AGAIN: lambda params: (
        f"{inner(params, 'why')}, and runs again only for a new revision, a change of the registry or of the cluster, "
        "or `flotilla sync`"
    ),
    HookReason.DELETED: lambda _: "somebody deleted it before it ended",
    HookReason.LATE: lambda _: "it did not end in time",
    HookReason.EARLIER: lambda _: "it is of an earlier run, and still under way",
    HookReason.FORMER: lambda _: "the one of an earlier run is still under way",
    HookReason.FORMER_GOES: lambda params: f"the one of an earlier run is still being deleted{_waiting(params)}",
    SweepReason.GONE: lambda _: "is gone, or lost our label",
    SweepReason.UNMARKED: lambda _: "lost our mark",
    SweepReason.CHANGED: lambda _: "was changed",
    SweepReason.UNLISTED: lambda params: f"{params['kind']} could not be listed",
    SweepReason.UNREADABLE: lambda params: f"{params['object']}: {inner(params, 'why')}",
    SweepReason.UNAPPLIED: lambda params: f"{params['object']} was not applied yet",
    SweepReason.DELETING: lambda params: f"{params['object']} is being deleted",
    CauseReason.NEW_REVISION: lambda _: "a new revision",
    CauseReason.NEWER_REVISION: lambda _: "a newer revision",
    CauseReason.FAILED: _failed_before,
    CauseReason.UNCORRECTED: lambda params: f"{formatting.of(int(params['runs']), 'run')} failed to correct it",
    CauseReason.LEAVES: lambda _: "the placement leaves",
    CauseReason.DRIFTED: _drifted,
    CauseReason.CREATED_LATE: lambda params: f"{params['object']} was created late by an attempt that was interrupted",
    CauseReason.BACK: lambda params: _fought(params, "what had drifted is as it was"),
    CauseReason.FULL_CHECK: lambda _: "the daily full check",
    CauseReason.TAKE_OVER: lambda params: f"{params['placement']} waits to know what it takes over",
    CauseReason.ASKED: lambda params: str(params.get("why", "")),
}
