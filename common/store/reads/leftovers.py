"""What lies on clusters and is no longer in Git: orphans, what placements left behind, what waits to be pruned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select, tuple_

from common.domain.codes import FaultReason
from common.domain.reasons import hold_sentence, sentence
from common.domain.refs import ObjectId
from common.store.reads.page import Page, page_of
from common.store.schema.tables import FaultRow, InventoryRow, PlacementRow
from common.store.state.stored_reasons import reason_in


@dataclass(frozen=True, slots=True)
class LeftoverView:
    """One object that Git does not ask for.

    Attributes:
        placement: whose it is, or whose mark it carries.
        owned: whether an inventory holds it; the others are orphans, that nothing here will ever remove.
        why: it is still there, in words.
    """

    object: str
    placement: str
    owned: bool
    why: str


_KEY = (
    PlacementRow.cluster, PlacementRow.application,
    InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name,
)  # fmt: skip


def leftovers(connection: Connection, *, after: str = "", limit: int = 100) -> Page[LeftoverView]:
    """Return what Git does not ask for: orphans on the first page, then what placements own, by placement and object.

    Args:
        connection: to read on.
        after: as the page before gave it.
        limit: rows at most, orphans not counted.

    Raises:
        ValueError: ``after`` ended no page.
    """
    last = after.split("\n")
    if after and len(last) != len(_KEY):
        message = f"a page of leftovers ends with {len(_KEY)} parts, not {len(last)}"
        raise ValueError(message)
    query = (
        select(*InventoryRow.__table__.c, PlacementRow.cluster, PlacementRow.application, PlacementRow.state)
        .add_columns(PlacementRow.hold_code, PlacementRow.hold_params)
        .join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
        .where(or_(PlacementRow.state != "placed", InventoryRow.wanted.is_(False)), InventoryRow.hook_state == "")
    )
    if after:
        query = query.where(tuple_(*_KEY) > tuple_(*last))
    rows = connection.execute(query.order_by(*_KEY).limit(limit + 1)).all()
    found = page_of(rows, limit, _key)
    views = tuple(map(_view, found.items))
    return Page(views if after else (*_orphans(connection), *views), found.after)


def _key(row: Any) -> str:
    return "\n".join((row.cluster, row.application, row.group, row.kind, row.namespace, row.name))


def _orphans(connection: Connection) -> tuple[LeftoverView, ...]:
    query = select(FaultRow.params).where(FaultRow.code == FaultReason.ORPHAN, FaultRow.cleared_at.is_(None))
    found = connection.execute(query).scalars()
    each = ((str(one.get("object", "")), str(one.get("placement", ""))) for one in found if one)
    named = sorted(each, key=lambda one: (one[1], one[0]))
    return tuple(LeftoverView(what, ref, owned=False, why="no inventory holds it") for what, ref in named)


def _view(row: Any) -> LeftoverView:
    object_id = ObjectId(row.group, row.kind, row.namespace, row.name)
    return LeftoverView(str(object_id), f"{row.cluster}/{row.application}", owned=True, why=_why(row))


def _why(row: Any) -> str:
    if row.refused_code:
        return sentence(reason_in(row, "refused"))
    if row.keep:
        return "flotilla.dev/prune: never"
    words = {
        "placed": "it waits to be removed",
        "leaving": "its placement is being removed",
        "retained": f"its placement is retained: {hold_sentence(reason_in(row, 'hold'))}",
        "left": "its kind is removed only with flotilla.dev/prune: allow",
    }
    return words[row.state]
