"""Placements that a person means by what they have in common, and how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, select, true, tuple_, union

from common.domain.reasons import hold_sentence
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.domain.status import Reason
from common.store.engine.dialect import batched, table_of
from common.store.reads.cut import of_sources, within
from common.store.reads.placements import PlacementFilter, chosen
from common.store.schema.tables import ClusterRow, PlacementRow, SourceRow
from common.store.state.stored_reasons import reason_in

_PLACEMENT = table_of(PlacementRow)
_CLUSTER = table_of(ClusterRow)


@dataclass(frozen=True, slots=True)
class Seen:
    """A placement, as far as something that is to be done with it goes.

    Attributes:
        revision: digests of what it should run; empty while that is unresolved.
        obstacle: what keeps it from getting a run, as last planned; false for nothing.
        paused: whether a person has paused it.
        unreachable: whether its cluster did not answer when it was last asked.
    """

    ref: PlacementRef
    project: str
    state: str
    sync: str
    health: str
    revision: str
    obstacle: Reason
    paused: bool
    unreachable: bool

    @property
    def sentence(self) -> str:
        """Return the obstacle in words."""
        return hold_sentence(self.obstacle)


def named(connection: Connection, refs: Sequence[PlacementRef], scope: Scope) -> tuple[Seen, ...]:
    """Return those of the placements that exist and that the scope covers, whatever their state; in their order."""
    found: list[Seen] = []
    for batch in batched([(ref.cluster, ref.application) for ref in refs]):
        pairs = tuple_(_PLACEMENT.c.cluster, _PLACEMENT.c.application).in_(batch)
        found += _seen(connection, pairs, scope, limit=len(batch))
    return tuple(sorted(found, key=lambda one: one.ref))


def matching(
    connection: Connection, which: PlacementFilter, project: str, scope: Scope, *, limit: int
) -> tuple[Seen, ...]:
    """Return placed placements that a filter chooses, of one project where it is named, that the scope covers."""
    of_project = [_PLACEMENT.c.project == project] if project else []
    mine = and_(_PLACEMENT.c.state == "placed", *chosen(scope, which), *of_project)
    return _seen(connection, mine, scope, limit=limit)


def numbered(connection: Connection, scope: Scope, ref: PlacementRef) -> tuple[int, str] | None:
    """Return the number and the project of a placement; None where the scope does not cover one of that name.

    It takes one statement, whichever it is: how many it takes would tell of placements that may not be read.
    """
    query = select(_PLACEMENT.c.id, _PLACEMENT.c.project).where(*within(scope, _PLACEMENT.c.project))
    mine = (_PLACEMENT.c.cluster == ref.cluster, _PLACEMENT.c.application == ref.application)
    row = connection.execute(query.where(*mine)).one_or_none()
    return None if row is None else (row.id, row.project)


def owned(connection: Connection, refs: Sequence[PlacementRef]) -> int:
    """Return how many objects the placements own together, as last counted; those that do not exist own none."""
    key = tuple_(_PLACEMENT.c.cluster, _PLACEMENT.c.application)
    total = func.coalesce(func.sum(_PLACEMENT.c.objects), 0)
    batches = batched([(ref.cluster, ref.application) for ref in refs])
    return sum(int(connection.execute(select(total).where(key.in_(batch))).scalar_one()) for batch in batches)


def followed(connection: Connection, scope: Scope) -> tuple[str, ...]:
    """Return the repositories that placements within the scope come from, by any of their sources."""
    used = select(SourceRow.repo).where(SourceRow.used)
    # Of one that was not resolved yet its first source alone is known.
    first = used.join(PlacementRow, PlacementRow.source_id == SourceRow.id).where(_within(scope))
    return tuple(connection.execute(union(first, used.where(*of_sources(scope, SourceRow.id)))).scalars())


def _seen(connection: Connection, which: ColumnElement[bool], scope: Scope, *, limit: int) -> tuple[Seen, ...]:
    columns = (_PLACEMENT, _CLUSTER.c.blocked_code, _CLUSTER.c.blocked_params, _CLUSTER.c.reachable)
    query = select(*columns).join(_CLUSTER, _CLUSTER.c.name == _PLACEMENT.c.cluster, isouter=True)
    ordered = query.where(which, _within(scope)).order_by(_PLACEMENT.c.cluster, _PLACEMENT.c.application)
    return tuple(map(_one, connection.execute(ordered.limit(limit))))


def _one(row: Any) -> Seen:
    blocked = reason_in(row, "blocked") if row.blocked_code else None
    return Seen(
        ref=PlacementRef(row.cluster, row.application),
        project=row.project,
        state=row.state,
        sync=row.sync_status,
        health=row.health,
        revision=f"{row.desired_source_digest or ''}{row.desired_parameters_digest or ''}",
        obstacle=blocked or reason_in(row, "hold"),
        paused=row.paused_by is not None,
        unreachable=row.reachable is False,
    )


def _within(scope: Scope) -> ColumnElement[bool]:
    if scope.projects is None:
        return true()
    return _PLACEMENT.c.project.in_(sorted(scope.projects)) if scope.projects else false()
