"""Layers of values, how they merge, and which line of which file gave each one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

ValuePath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """A line of a registry file; lines count from 1."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Where()


@dataclass(frozen=True, slots=True)
class ValueLayer:
    """Values that one document gives.

    Attributes:
        origin: who gives them, in words: ``application payments``, ``group eu-prod``, ``target prod``.
        values: JSON values.
        where: the line of the ``values`` key.
        lines: for each path of keys, the line of its last key; paths end at lists.
    """

    origin: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    where: Where = NOWHERE
    lines: Mapping[ValuePath, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExplainedValue:
    """One leaf of the merged values, and who gave it."""

    path: ValuePath
    value: Any
    origin: str
    where: Where


@dataclass(frozen=True)
class Layered:
    """The layers that apply to some placements, lowest first; merged once, when somebody asks for the values."""

    layers: tuple[ValueLayer, ...] = ()

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The layers as one mapping."""
        return merged(self.layers)


def merged(layers: Sequence[ValueLayer]) -> dict[str, Any]:
    """Return the layers as one mapping, lowest first: mappings merge by key, everything else is replaced whole.

    A null replaces like any other value.
    """
    result: dict[str, Any] = {}
    for layer in layers:
        result = _over(result, layer.values)
    return result


def explained(layers: Sequence[ValueLayer]) -> tuple[ExplainedValue, ...]:
    """Return every leaf of ``merged(layers)`` with the layer that gave it, ordered by path."""
    found: dict[ValuePath, ExplainedValue] = {}
    for layer in layers:
        for path, value in _leaves(layer.values, ()):
            if value == {} and any(len(p) > len(path) and p[: len(path)] == path for p in found):
                continue  # an empty mapping over a mapping changes nothing
            for former in [p for p in found if _overlap(p, path)]:
                del found[former]
            line = layer.lines.get(path, layer.where.line)
            found[path] = ExplainedValue(path, value, layer.origin, Where(layer.where.file, line))
    return tuple(found[path] for path in sorted(found))


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = _over(below, value) if both and below is not None else value
    return result


def _leaves(values: Mapping[str, Any], prefix: ValuePath) -> Iterator[tuple[ValuePath, Any]]:
    for key, value in values.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _overlap(one: ValuePath, other: ValuePath) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
