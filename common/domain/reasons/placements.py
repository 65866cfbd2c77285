"""Sentences of what is said of placements and clusters: holds, contact, what runs found, and what is left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from common.domain import formatting
from common.domain.catalogue import Params, inner, parameter, sentence, spoken
from common.domain.changes import difference
from common.domain.holds import BLOCKING, Denial, Hold, Leftover, Taking
from common.domain.runs import SyncStatus
from common.domain.status import UNKNOWN_KINDS, Contact, Failure, Found, Reason, Remedy


def hold_sentence(hold: Reason) -> str:
    """Return in words what keeps a placement from its desired revision; empty for nothing."""
    said = sentence(hold)
    if hold.code in BLOCKING:
        return f"blocked: {said}"
    return f"waits for an approval: {said}" if hold.code == Hold.ASKED else said


def failure_sentence(failure: Failure, *, ref: str, retry_at: datetime | None) -> str:
    """Return why the wanted revision did not go in, how often and since when, and what is waited for.

    Args:
        failure: what was met.
        ref: the placement, ``cluster/application``.
        retry_at: when it is tried again by itself; None when a run is on its way, or when only a change helps.
    """
    times = "failed" if failure.count == 1 else f"failed {failure.count} times since {_at(failure.since)}, last"
    said = sentence(Reason(failure.code, failure.params))
    return f"{said} ({times} {_at(failure.last)}); {_waits_for(failure, ref, retry_at)}"


def reason_sentence(
    status: SyncStatus,
    *,
    contact: Reason,
    found: Reason,
    hold: Reason,
    failure: str,
) -> str:
    """Return why a placement has its status; empty when there is nothing to say.

    Args:
        status: as derived from the same facts.
        contact: what keeps its objects from being read.
        found: what the last run that judged them found.
        hold: why planning gives it no run.
        failure: the sentence of its failure.
    """
    if status is SyncStatus.UNKNOWN:
        return sentence(contact)
    held = hold_sentence(hold)
    if status is SyncStatus.FAILED:
        return f"{held}; {failure}" if held else failure
    if status is SyncStatus.OUT_OF_SYNC:
        return "; ".join(filter(None, (held, sentence(found)))) or "its run is on its way"
    return held


def _waits_for(failure: Failure, ref: str, retry_at: datetime | None) -> str:
    if retry_at is not None:
        return f"tried again at {_at(retry_at)}"
    if failure.remedy is Remedy.TIME:
        return "tried again with its next run"
    kinds = failure.params.get(UNKNOWN_KINDS)
    waits = f"waits for the cluster to serve {', '.join(kind[2] for kind in kinds)}, " if kinds else "waits for "
    return f"{waits}a new revision, a change of the registry or of the cluster, or `flotilla sync {ref}`"


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _lost(params: Params) -> str:
    return f"the cluster cannot be read: {params.get('message') or params['code']}"


def _partial(params: Params) -> str:
    return f"not everything could be read: {spoken(params, 'what')}"


def _differences(params: Params) -> str:
    first = f" ({params['first']})" if params.get("first") else ""
    return difference(int(params["objects"]), int(params.get("adopted", 0))) + first


def _warned(params: Params) -> str:
    return f"sync.mode is warn: {_differences(params)}"


def _fight(params: Params) -> str:
    who = params.get("manager") or "somebody"
    more = int(params["objects"]) - 1
    others = f" and {formatting.of(more, 'other object')}" if more else ""
    until = datetime.fromisoformat(params["until"]) if params.get("until") else None
    then = f"; corrected again after {until:%H:%M:%S} UTC" if until is not None else ""
    return f"a fight: {who} keeps changing {params['first']}{others}{then}"


def _refused(params: Params) -> str:
    return f"what differs could not be judged: {params.get('message') or params['code']}"


def _retries(params: Params) -> str:
    return f"its run is tried again: {params.get('message') or params['code']}"


def _asked(params: Params) -> str:
    why = spoken(params, "why")
    return f"{why}: nothing is removed before a person approves it, see `flotilla approvals`"


def _held(params: Params) -> str:
    more = int(params["objects"]) - 1
    others = f", and {formatting.of(more, 'other object')} alike" if more else ""
    return (
        f"{params['first']} was deleted and stays until its finalizers are done: "
        f"{params['finalizers']}{others}; see whether what handles them runs"
    )


def _hooks(params: Params) -> str:
    more = int(params["objects"]) - 1
    others = f" and {formatting.of(more, 'other hook')}" if more else ""
    return (
        f"hook {params['first']}{others} of this revision {'have' if more else 'has'} not succeeded; "
        f"a new revision or `flotilla sync` runs {'them' if more else 'it'}"
    )


def _rejected(params: Params) -> str:
    why = f" ({params['why']})" if params.get("why") else ""
    count = int(params["objects"])
    return (
        f"{params['by']} rejected the removal of {formatting.of(count, 'object')}{why}: "
        f"{'it stays' if count == 1 else 'they stay'} on the cluster until Git asks for "
        f"{'it' if count == 1 else 'them'} again, "
        "the list of removals changes, or `flotilla sync` has the question asked again"
    )


def _identity_changed(params: Params) -> str:
    return f"identity changed: another cluster answers at its address ({params['identity']}, was {params['was']})"


def _same_cluster(params: Params) -> str:
    return f"the same cluster as {', '.join(params['others'])}"


def _transferred(params: Params) -> str:
    owner, project = params["owner"], params["project"]
    return (
        f"project {owner} wrote its objects, and the application is one of project {project} now: they are left alone "
        f"until `flotilla sync` of just this placement hands them over, or the application is one of {owner} again"
    )


def _leaving_asked(params: Params) -> str:
    why = sentence(Reason(str(params["why"])))
    return f"{formatting.of(int(params['placements']), 'placement')} would leave ({why})"


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    Contact.LOST: _lost,
    Contact.PARTIAL: _partial,
    Found.WARNED: _warned,
    Found.DRIFTED: _differences,
    Found.FIGHT: _fight,
    Found.REFUSED: _refused,
    Found.WAITS: lambda params: spoken(params, "what"),
    Found.RETRIES: _retries,
    Found.HOOKS: _hooks,
    Found.PRUNE_ASKED: _asked,
    Found.PRUNE_HELD: _held,
    Found.PRUNE_REJECTED: _rejected,
    Found.TOLD: lambda params: str(params["text"]),
    Hold.IDENTITY_CHANGED: _identity_changed,
    Hold.SAME_CLUSTER: _same_cluster,
    Hold.CLUSTER_UNKNOWN: lambda _: "the cluster is unknown",
    Hold.JOINING: lambda _: "the cluster is joining: nothing is written until its state is active",
    Hold.FROZEN: lambda _: "frozen: the cluster's state is frozen",
    Hold.UNDECLARED: lambda _: "frozen: the cluster's document is gone from the registry",
    Hold.DRAINING: lambda _: "its cluster is draining",
    Hold.CLUSTER_RETIRED: lambda _: "the cluster is retired: it is left alone",
    Hold.APPLICATION_BLOCKED: lambda params: f"blocked: {params['message']}",
    Hold.APPLICATION_RETIRED: lambda _: "its application is retired",
    Hold.UNMATCHED: lambda _: "no target matches it any more and onUnmatch is delete",
    Hold.UNPLACED: lambda _: "nothing places it any more; its objects are left alone",
    Hold.TRANSFERRED: _transferred,
    Hold.WANTED: lambda _: "it is wanted again",
    Hold.ASKED: _leaving_asked,
    Hold.UNRESOLVED: lambda _: "its source was not resolved yet",
    Hold.UNREADABLE: lambda params: str(params["message"]),
    Taking.TAKES: lambda params: f"{params['placement']} takes over {params['object']}",
    Taking.MAY: lambda params: f"{params['placement']} {inner(params, 'why')}, and may take it over",
    Taking.UNREAD: lambda _: "has not looked at its wanted revision yet",
    Taking.PAUSED: lambda params: f"is paused by {params['by']}",
    Taking.HELD: lambda params: f"is held up ({hold_sentence(parameter(params, 'hold'))})",
    Taking.FAILED: lambda params: f"failed at its wanted revision ({params['code']})",
    Taking.UNREADABLE: lambda params: f"has a source that cannot be read ({params['message']})",
    Taking.UNRESOLVED: lambda _: "has a source that was not resolved yet",
    Taking.UNPLANNED: lambda _: "is not planned at its newest revision yet",
    Denial.KIND: lambda params: f"kind {params['kind']}",
    Denial.RIGHTS: lambda params: f"kind {params['kind']}, which needs a serviceAccount or kinds.allow",
    Denial.CLUSTER_KIND: lambda params: f"cluster-scoped kind {params['kind']}, which needs {params['needs']}",
    Denial.NAMESPACE: lambda params: f"namespace {params['namespace']}",
    Leftover.ORPHAN: lambda _: "no inventory holds it",
    Leftover.WAITS: lambda _: "it waits to be removed",
    Leftover.LEAVES: lambda _: "its placement is being removed",
    Leftover.RETAINED: lambda params: f"its placement is retained: {hold_sentence(parameter(params, 'hold'))}",
}
