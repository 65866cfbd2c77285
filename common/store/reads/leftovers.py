"""What is on clusters and is no longer in Git: orphans, what placements left behind, what waits to be pruned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, not_, select, tuple_, union_all

from common.domain.codes import FaultReason, ObjectReason
from common.domain.holds import Leftover
from common.domain.placements import PlacementState
from common.domain.reasons import nested, sentence
from common.domain.refs import ObjectId
from common.domain.rights import Scope
from common.domain.status import Reason
from common.store.reads.cut import within
from common.store.reads.page import Page, page_of
from common.store.schema.tables import FaultRow, InventoryRow, PlacementRow
from common.store.state.stored_reasons import reason_in


@dataclass(frozen=True, slots=True)
class LeftoverView:
    """One object that Git does not ask for.

    Attributes:
        placement: whose it is, or whose mark it carries.
        owned: whether an inventory holds it; the others are orphans, that nothing here will ever remove.
        why: it is still there, in words, with its code and what it was made with.
    """

    object: str
    placement: str
    owned: bool
    why: str
    why_code: str
    why_params: Mapping[str, Any]


_KEY = (
    PlacementRow.cluster, PlacementRow.application,
    InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name,
)  # fmt: skip


_NOT_PLACED = PlacementRow.state.in_(tuple(state for state in PlacementState if state is not PlacementState.PLACED))
_OWNED = (
    select(*InventoryRow.__table__.c, PlacementRow.cluster, PlacementRow.application, PlacementRow.state)
    .add_columns(PlacementRow.hold_code, PlacementRow.hold_params)
    .join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
    .where(InventoryRow.hook_state == "")
)


def leftovers(connection: Connection, scope: Scope, *, after: str = "", limit: int = 100) -> Page[LeftoverView]:
    """Return what Git does not ask for: orphans on the first page, then what placements own, by placement and object.

    Args:
        connection: to read on.
        scope: of whose projects.
        after: as the page before gave it.
        limit: rows at most, orphans not counted.

    Raises:
        ValueError: ``after`` ended no page.
    """
    last = after.split("\n")
    if after and len(last) != len(_KEY):
        message = f"a page of leftovers ends with {len(_KEY)} parts, not {len(last)}"
        raise ValueError(message)
    query = _OWNED.where(*within(scope, PlacementRow.project))
    if after:
        query = query.where(tuple_(*_KEY) > tuple_(*last))
    # By an index each: what is placed and no longer wanted, and all that is of no placed one.
    found_by = ((PlacementRow.state == PlacementState.PLACED, not_(InventoryRow.wanted)), (_NOT_PLACED,))
    each = (query.where(*which).order_by(*_KEY).limit(limit + 1).subquery() for which in found_by)
    whole = union_all(*map(select, each)).subquery()
    in_order = select(whole).order_by(*(whole.c[column.key] for column in _KEY)).limit(limit + 1)
    rows = connection.execute(in_order).all()
    found = page_of(rows, limit, _key)
    views = tuple(map(_view, found.items))
    return Page(views if after else (*_orphans(connection, scope), *views), found.after)


def _key(row: Any) -> str:
    return "\n".join((row.cluster, row.application, row.group, row.kind, row.namespace, row.name))


def _orphans(connection: Connection, scope: Scope) -> tuple[LeftoverView, ...]:
    query = select(FaultRow.params).where(FaultRow.code == FaultReason.ORPHAN, FaultRow.cleared_at.is_(None))
    query = query.where(*within(scope, FaultRow.project))
    found = connection.execute(query).scalars()
    each = ((str(one.get("object", "")), str(one.get("placement", ""))) for one in found if one)
    named = sorted(each, key=lambda one: (one[1], one[0]))
    return tuple(_told(what, ref, Reason(Leftover.ORPHAN), owned=False) for what, ref in named)


def _view(row: Any) -> LeftoverView:
    object_id = ObjectId(row.group, row.kind, row.namespace, row.name)
    return _told(str(object_id), f"{row.cluster}/{row.application}", _why(row), owned=True)


def _told(what: str, ref: str, why: Reason, *, owned: bool) -> LeftoverView:
    return LeftoverView(what, ref, owned=owned, why=sentence(why), why_code=why.code, why_params=why.params)


def _why(row: Any) -> Reason:
    if row.refused_code:
        return reason_in(row, "refused")
    if row.keep:
        return Reason(ObjectReason.PRUNE_NEVER)
    match PlacementState(row.state):
        case PlacementState.PLACED:
            return Reason(Leftover.WAITS)
        case PlacementState.LEAVING:
            return Reason(Leftover.LEAVES)
        case PlacementState.RETAINED:
            return Reason(Leftover.RETAINED, {"hold": nested(reason_in(row, "hold"))})
        case PlacementState.LEFT:
            return Reason(ObjectReason.PROTECTED, {"kind": row.kind})
