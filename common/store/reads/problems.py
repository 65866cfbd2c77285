"""What is wrong over the fleet, each thing once: placements of which the same is said stand together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.status import Reason
from common.store.reads import placements
from common.store.reads.alike import MOST_NAMED
from common.store.reads.placements import IN_TROUBLE, WORST, PlacementFilter, PlacementView, chosen
from common.store.schema.tables import PlacementRow
from common.store.state.stored_reasons import reason_in

MOST = 200
"""Problems that are told, the worst first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Attributes:
        placement: the first that has it, by cluster and application.
        count: how many have it.
        refs: the first of them, ``MOST_NAMED`` at most.
    """

    placement: PlacementView
    count: int
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong, the worst first, then what most placements have.

    Attributes:
        items: ``MOST`` at most.
        more: problems that are not among them.
    """

    items: tuple[Problem, ...]
    more: int


class _Key(NamedTuple):
    """What makes two placements' problems the same: how often and since when is no part of it."""

    worst: int
    state: str
    sync: str
    health: str
    said: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Group:
    first: PlacementRef
    refs: list[str] = field(default_factory=list)
    count: int = 0


_SAID = ("contact", "hold", "found", "failure", "health_reason")
_COLUMNS = (
    PlacementRow.cluster,
    PlacementRow.application,
    PlacementRow.state,
    PlacementRow.sync_status,
    PlacementRow.health,
    PlacementRow.paused_by,
    PlacementRow.pause_reason,
    *(getattr(PlacementRow, f"{name}_{part}") for name in _SAID for part in ("code", "params")),
)


def problems(connection: Connection, which: PlacementFilter) -> Problems:
    """Return what is wrong with the placements of a filter."""
    query = select(*_COLUMNS, WORST.label("worst")).where(IN_TROUBLE, *chosen(which))
    rows = connection.execute(query.order_by(PlacementRow.cluster, PlacementRow.application))
    groups: dict[_Key, _Group] = {}
    words: dict[Any, str] = {}
    for row in rows:
        ref = PlacementRef(row.cluster, row.application)
        group = groups.setdefault(_key(row, words), _Group(ref))
        group.count += 1
        if len(group.refs) < MOST_NAMED:
            group.refs.append(str(ref))
    ordered = sorted(groups.items(), key=lambda one: (one[0].worst, -one[1].count, one[1].first))
    views = placements.some(connection, [group.first for _, group in ordered[:MOST]])
    items = (
        Problem(views[group.first], group.count, tuple(group.refs)) for _, group in ordered if group.first in views
    )
    return Problems(tuple(items), max(0, len(ordered) - MOST))


def _key(row: Any, words: dict[Any, str]) -> _Key:
    said = [(reason.code, _words(reason, words)) for name in _SAID if (reason := reason_in(row, name))]
    if row.paused_by:
        said.append((row.paused_by, row.pause_reason))
    return _Key(row.worst, row.state, row.sync_status, row.health, tuple(said))


def _words(reason: Reason, known: dict[Any, str]) -> str:
    """Return a reason in words, which are made once for all that have the same."""
    key = (reason.code, _frozen(reason.params))
    if key not in known:
        known[key] = sentence(reason)
    return known[key]


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((name, _frozen(each)) for name, each in sorted(value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
