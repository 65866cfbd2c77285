"""Sentences of what came of requests, why people are asked, what is wrong, and why messages are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain import formatting
from common.domain.catalogue import Params, told
from common.domain.codes import ApprovalReason, FaultReason, InspectionReason, MessageReason, RequestReason
from common.domain.runs import RunState

_UNDER_WAY = {
    RunState.RUNNING: "a run is under way",
    RunState.WAITING: "a run of this revision waits already",
    RunState.QUEUED: "a run is about to go on",
}


def _refreshed(params: Params) -> str:
    return f"{formatting.of(int(params['sources']), 'source')}, the registry and every cluster are looked at now"


def _leaves(params: Params) -> str:
    leaving = int(params["placements"])
    return f"{formatting.of(leaving, 'placement')} {'leaves' if leaving == 1 else 'leave'}"


def _each(params: Params) -> str:
    came = ", ".join(f"{params[one]} {one}" for one in ("done", "joined", "refused", "broken") if params.get(one))
    return f"{formatting.of(int(params['placements']), 'placement')}: {came}"


def _removed(params: Params) -> str:
    of = f" of {params['of']} placed" if "of" in params else ""
    return f"{formatting.of(int(params['placements']), 'placement')}{of} would be removed"


def _moves(params: Params) -> str:
    moving = formatting.of(int(params["objects"]), "object")
    return f"{moving} from {params['from']} may go to {params['to']} with its next run"


def _orphan(params: Params) -> str:
    if "object" not in params:
        return told(params)
    return f"{params['object']} carries the mark of {params['placement']}, which does not own it"


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    RequestReason.RUN_MADE: lambda _: "a run was made",
    RequestReason.LOOK_MADE: lambda _: "a run that only looks was made",
    RequestReason.UNDER_WAY: lambda params: _UNDER_WAY[RunState(params["state"])],
    RequestReason.LOOKS: lambda _: "one looks already",
    RequestReason.ASK_AGAIN: lambda _: "another run has just ended; ask again",
    RequestReason.NO_PLACEMENT: lambda _: "there is no such placement",
    RequestReason.NOT_PLACED: lambda params: f"the placement is {params['state']}: nothing places it",
    RequestReason.OTHER_PROJECT: lambda params: (
        f"it was asked for in project {params['project']}, and the placement has gone to another one since"
    ),
    RequestReason.EACH: _each,
    RequestReason.REFRESHED: _refreshed,
    RequestReason.UNFOLLOWED: lambda params: f"nothing in the fleet follows {params['repo']}",
    RequestReason.PAUSED: lambda _: "paused; a run that is under way ends by itself",
    RequestReason.RESUMED: lambda _: "resumed",
    RequestReason.NO_APPROVAL: lambda _: "there is no such approval",
    RequestReason.BY_SELF: lambda params: (
        f"your own request led to it, and project {params['project']} wants another person to approve"
    ),
    RequestReason.ASKER_UNKNOWN: lambda params: (
        f"nobody knows whose request led to it, and project {params['project']} wants another person to approve"
    ),
    RequestReason.NO_PERSON: lambda params: f"project {params['project']} wants a person to approve",
    RequestReason.DECIDED: lambda params: f"it is {params['state']} already",
    RequestReason.REJECTED: lambda _: "rejected; nothing of it is done",
    RequestReason.ACCEPTED: lambda params: f"{params['cluster']} is written to again",
    RequestReason.LEAVES: _leaves,
    RequestReason.MOVES: _moves,
    RequestReason.GONE: lambda _: "the placement is gone",
    RequestReason.APPROVED_LATER: lambda _: "approved; it is carried out after the run that is under way",
    RequestReason.APPROVED: lambda _: "approved; a run was made",
    RequestReason.BROKEN: lambda params: (
        f"it could not be carried out ({params['error']}). The scheduler's log has the rest."
    ),
    ApprovalReason.LEAVING: _removed,
    ApprovalReason.IDENTITY: lambda params: f"another cluster answers at {params['server']}",
    FaultReason.ORPHAN: _orphan,
    InspectionReason.UNTAKEN: lambda params: f"no worker of pool {params['pool']} has taken it up",
    InspectionReason.LOST: lambda _: "the worker that took it up has not answered",
    InspectionReason.BROKEN: lambda _: "the worker failed while it looked; its log has the rest",
    InspectionReason.UNREADABLE: lambda _: "what the worker answered cannot be read",
    MessageReason.FOREIGN: lambda _: "it names no task of ours",
    MessageReason.UNSIGNED: lambda _: "it is not signed",
    MessageReason.UNKNOWN_KEY: lambda _: "it is signed with a key that is not ours",
    MessageReason.ALTERED: lambda _: "it was changed, or signed by somebody else",
    MessageReason.MOVED: lambda _: "it was meant for another queue",
    MessageReason.CALLBACKS: lambda _: "it carries callbacks",
    MessageReason.BODY: lambda _: "it carries something else than one id",
    MessageReason.OLD: lambda _: "it is too old, or from the future",
    MessageReason.UNREADABLE: lambda _: "it cannot be read as JSON",
    MessageReason.BOUNDS: lambda _: "it is larger, or nested deeper, than any of ours",
}
