"""What the format has but this version does not do yet, refused where ignoring it would change what happens.

One line each: the milestone that brings a thing deletes its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.yaml import Path


@dataclass(frozen=True, slots=True)
class NotYet:
    """A path of keys in documents of one kind."""

    kind: str
    path: tuple[str, ...]


NOT_YET: tuple[NotYet, ...] = (
    NotYet("Application", ("spec", "strategy")),
    NotYet("Application", ("spec", "dependsOn")),
    NotYet("Application", ("spec", "sync", "windows")),
    NotYet("Application", ("spec", "notify")),
)


def not_yet(kind: str, value: Any) -> Iterator[Path]:
    """Yield the path of everything in a document that is not carried out yet; empty lists and nulls ask for nothing."""
    for entry in NOT_YET:
        if entry.kind == kind:
            yield from _found(value, entry.path, ())


def _found(value: Any, rest: tuple[str, ...], behind: Path) -> Iterator[Path]:
    if not rest:
        if value is not None and value != []:
            yield behind
    elif isinstance(value, dict) and rest[0] in value:
        yield from _found(value[rest[0]], rest[1:], (*behind, rest[0]))
