"""How instants and numbers are said to people, on pages and in the terminal alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

_STEPS = ((60, "s"), (60, "min"), (24, "h"))


def age(instant: datetime | None, *, now: datetime) -> str:
    """Return how long ago ``instant`` was: ``12 s``, ``3 min``, ``5 h``, ``2 d``; ``never`` for None."""
    if instant is None:
        return "never"
    amount = max(0, int((now - instant).total_seconds()))
    for size, unit in _STEPS:
        if amount < size:
            return f"{amount} {unit}"
        amount //= size
    return f"{amount} d"


def took(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took: ``0.4 s``, ``12 s``, ``3 min``; empty while it has not ended."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


_WOULD = {
    "created": "create",
    "configured": "change",
    "adopted": "adopt",
    "pruned": "prune",
}
"""What a look calls what a sync would do; other counts are as they are."""


def did(counts: Mapping[str, int], *, trigger: str) -> str:
    """Return what a run did to objects: ``3 created, 20 pruned``; of a check ``would create 3, would prune 20``."""
    shown = ((name, f"{count:,}") for name, count in sorted(counts.items()) if count)
    if trigger != "check":
        return ", ".join(f"{count} {name}" for name, count in shown)
    return ", ".join(f"would {_WOULD[name]} {count}" if name in _WOULD else f"{count} {name}" for name, count in shown)


def span(seconds: float) -> str:
    """Return a length of time: ``30 s``, ``5 min``, ``2 h``, ``1 d``; whole units only."""
    amount, unit = int(seconds), "s"
    for size, larger in ((60, "min"), (60, "h"), (24, "d")):
        if amount < size or amount % size:
            break
        amount, unit = amount // size, larger
    return f"{amount} {unit}"


def span_about(seconds: float) -> str:
    """Return about how long something takes or took: ``45 s``, ``12 min``, ``5 h``, ``2 d``."""
    amount = int(seconds)
    for size, unit in _STEPS:
        if amount < 2 * size:
            return f"{amount} {unit}"
        amount //= size
    return f"{amount} d"


def short(commit: str) -> str:
    """Return a commit as people write it."""
    return commit[:8]


def shortened(sources: Iterable[Mapping[str, Any]]) -> str:
    """Return the commits of sources, as the API gives these, as people write them."""
    return "+".join(short(one["revision"]) for one in sources)
