"""Sentences of answers: what is waited for, and what a person does next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from common.domain.answers import Await, NextStep
from common.domain.catalogue import Params


def _decide(params: Params) -> str:
    numbers = [str(int(number)) for number in params["approvals"]]
    shown = ", ".join(numbers)
    one = numbers[0] if len(numbers) == 1 else "NUMBER"
    return (
        f"decide on {'approval' if len(numbers) == 1 else 'approvals'} {shown}: "
        f"`flotilla approvals`, then `flotilla approve {one}` or `flotilla reject {one}`"
    )


def _retry(params: Params) -> str:
    at = datetime.fromisoformat(params["at"])
    return f"wait: it is tried again at {at:%H:%M:%S} UTC, or now with `flotilla sync {params['ref']}`"


def _install(params: Params) -> str:
    kinds = [str(kind) for kind in params["kinds"]]
    return f"bring what defines {', '.join(kinds)} to the cluster; it is tried again by itself then"


def _check(params: Params) -> str:
    return f"`flotilla cluster check {params['cluster']}`"


def _fight(params: Params) -> str:
    who = params["manager"] or "whoever does it"
    return f"have {who} leave {params['first']} alone, or name the field under `sync.ignore`"


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    Await.PLAN: lambda _: "the next turn of the scheduler",
    Await.RUN: lambda _: "its run is on its way",
    NextStep.NOTHING: lambda _: "nothing: all is as it should be",
    NextStep.WAIT: lambda params: f"wait: it goes on by itself; `flotilla runs {params['ref']}` shows how far it is",
    NextStep.WAIT_HEALTH: lambda params: (
        f"wait: its objects come up; `flotilla tree {params['ref']}` shows which are not ready, and why"
    ),
    NextStep.WAIT_RETRY: _retry,
    NextStep.RESUME: lambda params: f"{params['by']} paused it: `flotilla resume {params['ref']}` lets it go on",
    NextStep.DECIDE: _decide,
    NextStep.SYNC: lambda params: f"start it: `flotilla sync {params['ref']}`",
    NextStep.READ_FAULTS: lambda _: "correct what `flotilla status --faults` shows, and commit",
    NextStep.ACTIVATE: lambda params: (
        f"set `state: active` in the document of cluster {params['cluster']} and commit, if it is to be written to"
    ),
    NextStep.PLACE: lambda _: "nothing, if it is to be left alone; else have the registry place it there again",
    NextStep.SEE_CLUSTERS: lambda params: f"see which cluster answers there: {_check(params)}",
    NextStep.REACH: lambda params: (
        f"find out why not all of the cluster can be read: {_check(params)}; it goes on by itself once it can be"
    ),
    NextStep.INSTALL: _install,
    NextStep.MEND: lambda params: (
        f"correct it and commit: that is taken up by itself; `flotilla sync {params['ref']}` tries the same again"
    ),
    NextStep.LOOK: lambda params: (
        f"see what differs with `flotilla diff {params['ref']}`; `flotilla sync {params['ref']}` corrects it"
    ),
    NextStep.END_FIGHT: _fight,
    NextStep.SEE_NEWER: lambda params: (
        f"there is a newer run: `flotilla run {params['run'][-12:]}`; `flotilla why {params['ref']}` says how it stands"
    ),
    NextStep.SEE_OBJECTS: lambda params: f"see which objects are not well, and why: `flotilla tree {params['ref']}`",
}
