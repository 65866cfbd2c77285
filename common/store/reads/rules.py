"""Which of a placement's kinds have no rule of health: what is said of them is a guess, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from common.domain.health_codes import HealthReason
from common.domain.refs import PlacementRef
from common.domain.rights import Scope
from common.store.reads.cut import within
from common.store.schema.tables import InventoryRow, PlacementRow

_WITHOUT = (HealthReason.NO_RULE, HealthReason.GUESSED)


@dataclass(frozen=True, slots=True)
class UnruledView:
    """A kind without a rule of health.

    Attributes:
        group: empty for the core one.
        code: ``health.no-rule``, or ``health.guessed`` where a word of its status was taken.
        objects: how many of it the placement has.
    """

    group: str
    kind: str
    code: str
    objects: int


def unruled(connection: Connection, scope: Scope, ref: PlacementRef) -> tuple[UnruledView, ...]:
    """Return the kinds without a rule among what a placement owns, as last seen, by group and kind."""
    kind = (InventoryRow.group, InventoryRow.kind, InventoryRow.health_reason_code)
    query = (
        select(*kind, func.count())
        .join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
        .where(PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
        .where(*within(scope, PlacementRow.project))
        .where(InventoryRow.wanted, InventoryRow.health_reason_code.in_(_WITHOUT))
        .group_by(*kind)
        .order_by(*kind)
    )
    return tuple(UnruledView(*row) for row in connection.execute(query))
