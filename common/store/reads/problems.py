"""What is wrong over the fleet, each thing once: placements of which the same is said stand together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Text, cast, func, select

from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.domain.status import Reason
from common.store.engine.dialect import table_of
from common.store.reads import placements
from common.store.reads.alike import MOST_NAMED
from common.store.reads.placements import IN_TROUBLE, PlacementFilter, PlacementView, chosen
from common.store.schema.tables import PlacementRow

MOST = 200
"""Problems that are told, the worst first."""


@dataclass(frozen=True, slots=True)
class Trouble:
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
        items: as many as were asked for, ``MOST`` at most.
        more: problems that are not among them.
    """

    items: tuple[Trouble, ...]
    more: int


class _Key(NamedTuple):
    """What makes two placements' problems the same: how often and since when is no part of it."""

    severity: int
    state: str
    sync: str
    health: str
    said: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Group:
    first: tuple[str, str]
    count: int = 0
    refs: list[tuple[str, str]] = field(default_factory=list)

    def take(self, other: _Group) -> None:
        """Take in a group that turned out to be the same."""
        self.first = min(self.first, other.first)
        self.count += other.count
        if len(self.refs) < MOST_NAMED:
            self.refs += other.refs


_SAID = ("contact", "hold", "found", "failure", "health_reason")
_WORDED = 2_000
"""Groups of which all is read that is said of them, the worst first."""
_TABLE = table_of(PlacementRow)
_REFS = func.aggregate_strings(_TABLE.c.cluster + "/" + _TABLE.c.application, " ")
"""The names of all that have a problem; there is no space in any."""
# As texts: what is said of a hundred thousand placements need not be read to see that it is the same.
_COLUMNS = (
    _TABLE.c.severity,
    _TABLE.c.state,
    _TABLE.c.sync_status,
    _TABLE.c.health,
    _TABLE.c.paused_by,
    _TABLE.c.pause_reason,
    *(_TABLE.c[f"{name}_code"] for name in _SAID),
    *(cast(_TABLE.c[f"{name}_params"], Text).label(f"{name}_params") for name in _SAID),
)


def problems(connection: Connection, scope: Scope, which: PlacementFilter, *, limit: int = MOST) -> Problems:
    """Return what is wrong with the placements of a filter within a scope, ``limit`` problems at most."""
    query = select(_REFS, *_COLUMNS).where(IN_TROUBLE, *chosen(scope, which)).group_by(*_COLUMNS)
    raw: dict[tuple[Any, ...], _Group] = {}
    for row in connection.execute(query):
        refs = sorted(_ref(name) for name in row[0].split(" "))
        raw[tuple(row[1:])] = _Group(refs[0], len(refs), refs[:MOST_NAMED])
    ordered = sorted(raw.items(), key=lambda one: (one[0][0], -one[1].count, one[1].first))
    groups: dict[_Key, _Group] = {}
    for key, group in ordered[:_WORDED]:
        groups.setdefault(_key(key), _Group(group.first)).take(group)
    found = sorted(groups.items(), key=lambda one: (one[0].severity, -one[1].count, one[1].first))
    shown = [group for _, group in found[:limit]]
    views = placements.some(connection, scope, [PlacementRef(*group.first) for group in shown])
    items = tuple(_problem(views[PlacementRef(*one.first)], one) for one in shown if PlacementRef(*one.first) in views)
    return Problems(items, max(0, len(found) - limit) + max(0, len(ordered) - _WORDED))


def _ref(name: str) -> tuple[str, str]:
    cluster, _, application = name.partition("/")
    return cluster, application


def _problem(view: PlacementView, group: _Group) -> Trouble:
    refs = sorted({group.first, *group.refs})[:MOST_NAMED]
    return Trouble(view, group.count, tuple(str(PlacementRef(*one)) for one in refs))


def _key(raw: tuple[Any, ...]) -> _Key:
    severity, state, sync, health, paused_by, pause_reason, *said = raw
    codes, params = said[: len(_SAID)], said[len(_SAID) :]
    words = [(code, sentence(Reason(code, _read(text)))) for code, text in zip(codes, params, strict=True) if code]
    if paused_by:
        words.append((paused_by, pause_reason))
    return _Key(severity, state, sync, health, tuple(words))


def _read(text: str | None) -> dict[str, Any]:
    found = None if text is None else orjson.loads(text)
    return found if isinstance(found, dict) else {}
