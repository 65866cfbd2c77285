"""Sentences of why a sync ends before its end, or waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain import formatting
from common.domain.catalogue import Params, inner
from common.domain.codes import SyncReason


def _refused(params: Params) -> str:
    more = int(params["objects"]) - 1
    return f"{params['object']}: {inner(params, 'why')}{f', and {more} more' if more else ''}"


def _held(params: Params) -> str:
    return f"{params['object']}: {inner(params, 'why')}{_and_more(params)}"


def _and_more(params: Params) -> str:
    more = int(params["objects"]) - 1
    return f" (and {more} more)" if more else ""


def _wrote(params: Params) -> str:
    return f"{_written(params)}: {inner(params, 'why')}"


def _written(params: Params) -> str:
    """Return what a run that is refused now has written: often nothing, and only then is that said."""
    written = int(params["objects"])
    if written:
        return f"{formatting.of(written, 'object')} {'was' if written == 1 else 'were'} written before"
    if params.get("before"):
        return "nothing more was written than by this run's earlier attempts"
    return "nothing was written"


def _later(params: Params) -> str:
    count = int(params["objects"])
    return f"{formatting.of(count, 'object')} {formatting.are(count)} removed once the rest is healthy"


def _ill(params: Params) -> str:
    more = int(params["objects"]) - 1
    why = inner(params, "why") or params["health"]
    return f"{params['kind']} {params['name']}: {why}{f', and {more} more' if more else ''}"


def _kind(params: Params) -> str:
    said = f"{params['step']}: {inner(params, 'why')}"
    if params.get("late"):
        return f"{said} in time{_and_more(params)}. {params.get('remedy', '')}"
    return f"{said} yet{_and_more(params)}"


def _would_go(params: Params) -> str:
    return f"{formatting.of(int(params['objects']), 'object')} would be removed"


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    SyncReason.STEP: lambda params: f"{params['step']}: {inner(params, 'why')}",
    SyncReason.REFUSED: _refused,
    SyncReason.WROTE: _wrote,
    SyncReason.HELD: _held,
    SyncReason.UNHEALTHY: lambda _: "not healthy in time, so that nothing was pruned",
    SyncReason.PRUNES_LATER: _later,
    SyncReason.ILL: _ill,
    SyncReason.HOOK: lambda params: (
        f"hook {params['kind']} {params['name']}: {inner(params, 'why') or params['state']}"
    ),
    SyncReason.LATE: lambda params: f"{params['step']} did not end in time: {inner(params, 'why')}",
    SyncReason.KIND: _kind,
    SyncReason.EMPTY: lambda params: f"the manifests are empty, and {_would_go(params)}",
    SyncReason.MAX_OBJECTS: lambda params: f"{_would_go(params)}, more than maxObjects {params['most']}",
    SyncReason.MAX_PERCENT: lambda params: (
        f"{params['objects']} of {params['of']} objects would be removed, more than maxPercent {params['most']}"
    ),
    SyncReason.BUDGET: lambda params: (
        f"{_would_go(params)} here after {params['before']} on other clusters, "
        f"together more than the fleet's pruneBudget {params['most']}"
    ),
}
