"""Sentences of what is said of runs and attempts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.domain import formatting
from common.domain.catalogue import Params, inner, spoken, spoken_each, told
from common.domain.changes import difference
from common.domain.codes import RunReason, StuckReason


def _differs(params: Params) -> str:
    return "; ".join(
        filter(
            None,
            (difference(int(params.get("objects", 0)), int(params.get("adopted", 0))), spoken_each(params, "warnings")),
        )
    )


def _interrupted(params: Params) -> str:
    if told(params):
        return told(params)
    how = "died" if params.get("died", True) else "lost its lease"
    return f"worker {params['worker']} {how} during this attempt"


def _poison(params: Params) -> str:
    workers = params.get("workers")
    if workers is None:
        return told(params) or "workers died or hung again and again during its run"
    return f"{formatting.of(int(workers), 'worker')} died or hung during this run"


def _deadline(params: Params) -> str:
    waited = inner(params, "waited")
    return told(params) or (f"not in time: {waited}" if waited else "not in time")


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    RunReason.NEWER_REVISION: lambda _: "a newer revision",
    RunReason.REGISTRY_CHANGED: lambda _: "the registry has changed since",
    RunReason.ASKED_FOR: lambda params: f"asked for by {params['by']}",
    RunReason.APPROVED: lambda params: f"approved by {params['by']}",
    RunReason.ASKS: lambda params: spoken(params, "what"),
    RunReason.DIFFERS: _differs,
    RunReason.WARNINGS: lambda params: spoken_each(params, "warnings"),
    RunReason.INTERRUPTED: _interrupted,
    RunReason.STUCK: lambda params: told(params) or f"the attempt was given up: {spoken(params, 'why')}",
    StuckReason.IDLE: lambda params: f"it made no progress for {params['seconds']:g} s",
    StuckReason.LONG: lambda params: f"it took longer than {params['seconds']:g} s",
    RunReason.POISON: _poison,
    RunReason.DEADLINE: _deadline,
}
