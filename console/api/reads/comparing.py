"""In what two placements differ, as far as SQL and the registry say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.fleet import ExplainedValue, Fleet, Placement
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.store.engine.connection import Connection
from common.store.reads import answers, placements
from common.store.reads.answers import SourceCommit
from common.store.reads.placements import PlacementView
from console.api.reads import known

Path = tuple[str, ...]
_ITSELF = ("cluster", "name")
"""Differs wherever two clusters are compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        wanted: where its wanted revision comes from, source by source.
        applied: where the applied one came from, alike.
        target: the target that takes it; empty where the registry does not place it any more.
    """

    placement: PlacementView
    wanted: tuple[SourceCommit, ...]
    applied: tuple[SourceCommit, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and which document gave it where."""

    value: Any
    origin: str
    where: str


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """A value in which the two differ; None where one has none there."""

    path: Path
    first: Given | None
    second: Given | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """In what two placements differ.

    Attributes:
        same_revision: whether what was applied came from the same commits; values may differ still.
        values: in which they differ, by path.
        same_values: how many are the same.
        only_first: objects that the first alone has, as ``group/Kind:namespace/name``.
        only_second: objects that the second alone has.
        both: how many objects they both have by name; in what these differ, their rendering tells.
    """

    first: Side
    second: Side
    same_revision: bool
    values: tuple[ValueDifference, ...]
    same_values: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    both: int


def comparison(
    connection: Connection, scope: Scope, fleet: Fleet, first: PlacementRef, second: PlacementRef
) -> Comparison:
    """Return in what two placements differ.

    Raises:
        NotFoundError: there is no such placement.
    """
    sides = tuple(_side(connection, scope, fleet.placement(ref), ref) for ref in (first, second))
    left, right = (_values(fleet.placement(ref)) for ref in (first, second))
    differing = tuple(_differing(left, right))
    mine, theirs = (_objects(connection, scope, ref) for ref in (first, second))
    return Comparison(
        first=sides[0],
        second=sides[1],
        same_revision=sides[0].applied == sides[1].applied != (),
        values=differing,
        same_values=len(left.keys() | right.keys()) - len(differing),
        only_first=tuple(sorted(mine - theirs)),
        only_second=tuple(sorted(theirs - mine)),
        both=len(mine & theirs),
    )


def _side(connection: Connection, scope: Scope, declared: Placement | None, ref: PlacementRef) -> Side:
    view = known.placement(connection, scope, ref)
    wanted, applied = answers.source_commits(connection, scope, ref)
    return Side(view, wanted, applied, "" if declared is None else declared.target.name)


def _values(declared: Placement | None) -> Mapping[Path, ExplainedValue]:
    """Return values by path; one called ``cluster`` that charts see stands beside the cluster's own of that name."""
    found: dict[Path, ExplainedValue] = {}
    for one in () if declared is None else declared.explain():
        if one.path == _ITSELF:
            continue
        path = (*one.path[:-1], f"{one.path[-1]} (for charts)") if one.path in found else one.path
        found[path] = one
    return found


def _differing(left: Mapping[Path, ExplainedValue], right: Mapping[Path, ExplainedValue]) -> Iterator[ValueDifference]:
    for path in sorted(left.keys() | right.keys()):
        one, other = left.get(path), right.get(path)
        if one is None or other is None or one.value != other.value or type(one.value) is not type(other.value):
            yield ValueDifference(path, _given(one), _given(other))


def _given(one: ExplainedValue | None) -> Given | None:
    return None if one is None else Given(one.value, one.origin, str(one.where))


def _objects(connection: Connection, scope: Scope, ref: PlacementRef) -> frozenset[str]:
    return frozenset(one.object for one in placements.objects(connection, scope, ref) if one.wanted)
