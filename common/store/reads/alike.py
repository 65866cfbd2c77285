"""The same said of several placements, told once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from common.domain.reasons import sentence
from common.domain.status import Reason

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Alike:
    """Placements of which the same is said.

    Attributes:
        reason: in words, made of code and parameters.
        count: how many they are.
        refs: the first of them by name, ``MOST_NAMED`` at most.
    """

    reason: str
    code: str
    params: dict[str, Any]
    count: int
    refs: tuple[str, ...]


def grouped(said: Iterable[tuple[str, Reason]]) -> tuple[Alike, ...]:
    """Return placements by what is said of them, the most numerous first.

    Args:
        said: each placement with the reason; what reads alike is alike, whatever the parameters.
    """
    found: dict[tuple[str, str], list[str]] = {}
    reasons: dict[tuple[str, str], Reason] = {}
    for ref, why in said:
        key = (str(why.code), sentence(why))
        found.setdefault(key, []).append(ref)
        reasons.setdefault(key, why)
    groups = (
        Alike(words, code, dict(reasons[code, words].params), len(refs), tuple(sorted(refs)[:MOST_NAMED]))
        for (code, words), refs in found.items()
    )
    return tuple(sorted(groups, key=lambda one: (-one.count, one.reason, one.refs)))
