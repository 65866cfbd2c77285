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


_Tree = dict[str, "_Tree | ExplainedValue"]
"""Merged values by key, down to their leaves."""


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
    root: _Tree = {}
    for layer in layers:
        _lay(root, layer, layer.values, ())
    return tuple(_leaves(root))


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = _over(below, value) if both and below is not None else value
    return result


def _lay(tree: _Tree, layer: ValueLayer, values: Mapping[str, Any], prefix: ValuePath) -> None:
    """Lay what a layer gives below ``prefix`` over what is known of it; the rules are those of ``_over``."""
    for key, value in values.items():
        path, below = (*prefix, key), tree.get(key)
        if isinstance(value, Mapping) and (value or isinstance(below, dict)):
            inner = tree[key] = below if isinstance(below, dict) else {}
            _lay(inner, layer, value, path)
        else:
            line = layer.lines.get(path, layer.where.line)
            tree[key] = ExplainedValue(path, value, layer.origin, Where(layer.where.file, line))


def _leaves(tree: _Tree) -> Iterator[ExplainedValue]:
    for _, below in sorted(tree.items()):
        if isinstance(below, dict):
            yield from _leaves(below)
        else:
            yield below
