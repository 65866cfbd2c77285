"""How many placements stand how: read from what triggers count, not from the placements."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Subquery, func, literal, select

from common.domain.rights import Scope
from common.store.reads.cut import within
from common.store.reads.placements import PlacementFilter
from common.store.schema.counters import KINDS
from common.store.schema.tables import PlacementCountRow, PlacementRow


def counted(scope: Scope, which: PlacementFilter) -> Subquery:
    """Return the placements of a filter within a scope by how they stand, as rows to be summed.

    Each has ``placements``, which is how many more, or fewer, are of the kind that its other columns say; see
    ``PlacementCountRow``. Those of one application, which are not counted apart, are one each.
    """
    if which.application:
        paused = PlacementRow.paused_by.is_not(None).label("paused")
        kinds = (getattr(PlacementRow, name) for name in KINDS)
        one = select(*kinds, paused, literal(1).label("placements"))
        return one.where(PlacementRow.application == which.application, *_chosen(PlacementRow, scope, which)).subquery()
    return select(*PlacementCountRow.__table__.c).where(*_chosen(PlacementCountRow, scope, which)).subquery()


def marker(connection: Connection, scope: Scope) -> str:
    """Return what is another text once any placement of a scope has come, gone, or stands otherwise.

    It is made of which rows count them: whatever changes adds one. What is only told of a placement, as a reason or an
    instant, changes nothing here.
    """
    which = select(func.count(), func.max(PlacementCountRow.id), func.sum(PlacementCountRow.id))
    row = connection.execute(which.where(*within(scope, PlacementCountRow.project))).one()
    return ".".join(str(one or 0) for one in row)


def _chosen(
    row: type[PlacementRow | PlacementCountRow], scope: Scope, which: PlacementFilter
) -> list[ColumnElement[bool]]:
    asked = ((row.cluster, which.cluster), (row.sync_status, which.sync), (row.health, which.health))
    found = [*within(scope, row.project), *(column == wanted for column, wanted in asked if wanted)]
    return found if which.clusters is None else [*found, row.cluster.in_(which.clusters)]
