"""The objects placements own: written before they are first applied, dropped only once they are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, select, tuple_, update

from common.domain.health import Health, HealthReport
from common.domain.inventory import End, Healing, HookState, InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.store.engine.dialect import batched, insert, insert_in, table_of
from common.store.schema.tables import InventoryRow, PlacementRow
from common.store.state.stored_reasons import columns_of, reason_in

_KEY = ("placement_id", "group", "kind", "namespace", "name")
_NAMES = tuple(field.name for field in fields(InventoryItem) if field.name != "object")
_REFUSED = ("refused_code", "refused_params")
_READ = (*(name for name in _NAMES if name != "refused"), *_REFUSED)
_FIELDS = tuple(name for name in _READ if name != "ended")
"""What attempts write. How an object ended is written by who observes it."""
_COLUMNS = tuple(InventoryRow.__table__.c[name] for name in ("group", "kind", "namespace", "name", *_READ))
_TABLE = table_of(InventoryRow)
_ONE = update(_TABLE).where(
    _TABLE.c.placement_id == bindparam("of_placement"),
    _TABLE.c.group == bindparam("of_group"),
    _TABLE.c.kind == bindparam("of_kind"),
    _TABLE.c.namespace == bindparam("of_namespace"),
    _TABLE.c.name == bindparam("of_name"),
)
_OF = select(*_COLUMNS).where(InventoryRow.placement_id == bindparam("placement"))


def of(connection: Connection, placement_id: int) -> tuple[InventoryItem, ...]:
    """Return what one placement owns."""
    return tuple(map(_item, connection.execute(_OF, {"placement": placement_id})))


def of_cluster(connection: Connection, cluster: str) -> dict[PlacementRef, tuple[InventoryItem, ...]]:
    """Return what each placement of a cluster owns; those that own nothing are left out."""
    query = select(PlacementRow.application, *_COLUMNS).join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
    found: dict[PlacementRef, list[InventoryItem]] = {}
    for row in connection.execute(query.where(PlacementRow.cluster == cluster)):
        found.setdefault(PlacementRef(cluster, row.application), []).append(_item(row))
    return {ref: tuple(items) for ref, items in found.items()}


def replace(connection: Connection, placement_id: int, items: Sequence[InventoryItem]) -> None:
    """Insert or replace rows; health and healing, which others write, stay."""
    rows = [_row(placement_id, item) for item in items]
    for batch in batched(rows):
        connection.execute(_replace(connection.dialect.name), batch)


def take_in(connection: Connection, placement_id: int, item: InventoryItem) -> bool:
    """Insert a row; return False, and change nothing, where the object has one: a run knows it by now."""
    statement = insert(connection, InventoryRow).on_conflict_do_nothing(index_elements=list(_KEY))
    row = _row(placement_id, item)
    return connection.execute(statement.values(row).returning(InventoryRow.name)).first() is not None


def forget(connection: Connection, placement_id: int, objects: Sequence[ObjectId]) -> None:
    """Drop rows of objects that are gone from the cluster."""
    for batch in batched(objects):
        connection.execute(delete(InventoryRow).where(*_those(placement_id, batch)))


def forget_gone(connection: Connection, placement_id: int, objects: Sequence[ObjectId]) -> None:
    """Drop rows of objects that finalizers kept and that a sweep saw gone; one that a run wants again stays."""
    for batch in batched(objects):
        connection.execute(delete(InventoryRow).where(*_those(placement_id, batch), InventoryRow.going))


def owned_on(
    connection: Connection, cluster: str, objects: Sequence[ObjectId]
) -> frozenset[tuple[PlacementRef, ObjectId]]:
    """Return which of some objects of a cluster placements own by now, each with the placement."""
    columns = (InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    query = select(PlacementRow.application, *columns).join(PlacementRow, PlacementRow.id == InventoryRow.placement_id)
    found: set[tuple[PlacementRef, ObjectId]] = set()
    for batch in batched(objects):
        rows = connection.execute(query.where(PlacementRow.cluster == cluster, _named(batch)))
        found |= {(PlacementRef(cluster, application), ObjectId(*parts)) for application, *parts in rows}
    return frozenset(found)


def _those(placement_id: int, objects: Sequence[ObjectId]) -> tuple[ColumnElement[bool], ...]:
    return (InventoryRow.placement_id == placement_id, _named(objects))


def _named(objects: Sequence[ObjectId]) -> ColumnElement[bool]:
    key = tuple_(InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    return key.in_([(one.group, one.kind, one.namespace, one.name) for one in objects])


def record_healths(connection: Connection, seen: Sequence[tuple[int, ObjectId, HealthReport]]) -> None:
    """Store the health of objects, each with the id of its placement."""
    rows = [
        _key_of(placement_id, one) | {"health": report.health} | columns_of("health_reason", report.reason)
        for placement_id, one, report in seen
    ]
    for batch in batched(rows):
        connection.execute(_ONE, batch)


def healths(connection: Connection, placement_ids: Sequence[int]) -> dict[tuple[int, ObjectId], HealthReport]:
    """Return the health of each object of these placements as last stored."""
    columns = (InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    query = select(*columns, InventoryRow.placement_id, InventoryRow.health)
    query = query.add_columns(InventoryRow.health_reason_code, InventoryRow.health_reason_params)
    found: dict[tuple[int, ObjectId], HealthReport] = {}
    for batch in batched(placement_ids):
        for row in connection.execute(query.where(InventoryRow.placement_id.in_(batch))):
            of = ObjectId(row.group, row.kind, row.namespace, row.name)
            found[row.placement_id, of] = HealthReport(Health(row.health), reason_in(row, "health_reason"))
    return found


def record_ends(connection: Connection, seen: Sequence[tuple[int, InventoryItem, End]]) -> None:
    """Store how objects ended, each with the id of its placement; unless another object took its place meanwhile."""
    rows = [_key_of(placement_id, item.object) | {"of_uid": item.uid, "ended": end} for placement_id, item, end in seen]
    for batch in batched(rows):
        connection.execute(_ONE.where(_TABLE.c.uid == bindparam("of_uid")), batch)


def going(connection: Connection, placement_id: int) -> bool:
    """Return whether any object of a placement was deleted and is kept by finalizers."""
    query = select(InventoryRow.name).where(InventoryRow.placement_id == placement_id, InventoryRow.going)
    return connection.execute(query.limit(1)).first() is not None


def healings(connection: Connection, placement_ids: Sequence[int]) -> dict[tuple[int, ObjectId], Healing]:
    """Return how the objects of these placements that were ever corrected have held."""
    columns = (InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    query = select(*columns, InventoryRow.placement_id, InventoryRow.backoff_step, InventoryRow.healed_at)
    query = query.add_columns(InventoryRow.heal_after).where(InventoryRow.heal_after.is_not(None))
    found: dict[tuple[int, ObjectId], Healing] = {}
    for batch in batched(placement_ids):
        for row in connection.execute(query.where(InventoryRow.placement_id.in_(batch))):
            of = ObjectId(row.group, row.kind, row.namespace, row.name)
            found[row.placement_id, of] = Healing(row.backoff_step, row.healed_at, row.heal_after)
    return found


def record_healings(connection: Connection, placement_id: int, healed: Mapping[ObjectId, Healing]) -> None:
    """Store how the objects of a placement that were just corrected have held."""
    rows = [
        _key_of(placement_id, one) | {"backoff_step": of.step, "healed_at": of.healed_at, "heal_after": of.after}
        for one, of in healed.items()
    ]
    for batch in batched(rows):
        connection.execute(_ONE, batch)


@cache
def _replace(dialect: str) -> Any:
    statement = insert_in(dialect, InventoryRow)
    values: dict[str, Any] = {name: statement.excluded[name] for name in _FIELDS}
    values["ended"] = case((_TABLE.c.uid == statement.excluded.uid, _TABLE.c.ended), else_="")
    return statement.on_conflict_do_update(index_elements=list(_KEY), set_=values)


def _item(row: Any) -> InventoryItem:
    object_ = ObjectId(row.group, row.kind, row.namespace, row.name)
    values = {name: getattr(row, name) for name in _READ if name not in _REFUSED}
    values |= {"hook_state": HookState(row.hook_state), "ended": End(row.ended), "refused": reason_in(row, "refused")}
    return InventoryItem(object_, **values)


def _key_of(placement_id: int, one: ObjectId) -> dict[str, Any]:
    return {
        "of_placement": placement_id,
        "of_group": one.group,
        "of_kind": one.kind,
        "of_namespace": one.namespace,
        "of_name": one.name,
    }


def _row(placement_id: int, item: InventoryItem) -> dict[str, Any]:
    one = item.object
    values = {name: getattr(item, name) for name in _FIELDS if name not in _REFUSED}
    values |= columns_of("refused", item.refused)
    values["applied_fields"] = None if item.applied_fields is None else dict(item.applied_fields)
    key = {"placement_id": placement_id, "group": one.group, "kind": one.kind, "namespace": one.namespace}
    return {**key, "name": one.name, **values}
