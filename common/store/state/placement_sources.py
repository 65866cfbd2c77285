"""What each source of placements' desired revisions was resolved to; planning alone writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Select, bindparam, delete, select, tuple_

from common.domain.revisions import Revision, SourceRevision
from common.store.engine.dialect import batched, insert, table_of
from common.store.schema.tables import PlacementRow, PlacementSourceRow
from common.store.state.stored_sources import source_in, stored

_TABLE = table_of(PlacementSourceRow)
_PLACEMENT = table_of(PlacementRow)
_BY_POSITION = select(*_TABLE.c).order_by(_TABLE.c.placement_id, _TABLE.c.position)
_DESIRED = (
    select(_PLACEMENT.c.desired_source_digest, _PLACEMENT.c.desired_parameters_digest, *_TABLE.c)
    .select_from(_PLACEMENT.outerjoin(_TABLE, _TABLE.c.placement_id == _PLACEMENT.c.id))
    .where(_PLACEMENT.c.id == bindparam("placement"))
    .order_by(_TABLE.c.position)
)
Sources = Mapping[int, tuple[SourceRevision, ...]]
"""By placement; one without any is left out."""


def everywhere(connection: Connection) -> Sources:
    """Return the sources of all placements."""
    return _found(connection, _BY_POSITION)


def of(connection: Connection, placement_ids: Sequence[int]) -> Sources:
    """Return the sources of some placements."""
    found: dict[int, tuple[SourceRevision, ...]] = {}
    for batch in batched(placement_ids):
        found |= _found(connection, _BY_POSITION.where(_TABLE.c.placement_id.in_(batch)))
    return found


def desired(connection: Connection, placement_id: int) -> Revision | None:
    """Return a placement's desired revision, as one statement sees it; None while there is none."""
    rows = connection.execute(_DESIRED, {"placement": placement_id}).mappings().all()
    if not rows or rows[0]["desired_source_digest"] is None:
        return None
    sources = tuple(source_in(dict(row)) for row in rows if row["position"] is not None)
    return Revision(rows[0]["desired_source_digest"], rows[0]["desired_parameters_digest"], sources)


def replace(connection: Connection, wanted: Sources) -> None:
    """Make these the sources of placements, each a thousand in one round trip; an empty tuple takes them away."""
    for batch in batched(sorted(wanted)):
        known = of(connection, batch)
        changed = {id_: wanted[id_] for id_ in batch if wanted[id_] != known.get(id_, ())}
        _drop(connection, [(id_, at) for id_ in changed for at in range(len(changed[id_]), len(known.get(id_, ())))])
        rows = [
            {"placement_id": id_, "position": position, **stored(one)}
            for id_, sources in changed.items()
            for position, one in enumerate(sources)
        ]
        if rows:
            statement = insert(connection, PlacementSourceRow)
            new = {name: statement.excluded[name] for name in ("repo", "credentials", "ref", "commit", "renderers")}
            key = ["placement_id", "position"]
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)


def _drop(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    for batch in batched(keys):
        key = tuple_(_TABLE.c.placement_id, _TABLE.c.position)
        connection.execute(delete(_TABLE).where(key.in_(batch)))


def _found(connection: Connection, query: Select[*tuple[object, ...]]) -> dict[int, tuple[SourceRevision, ...]]:
    found: dict[int, list[SourceRevision]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["placement_id"], []).append(source_in(dict(row)))
    return {id_: tuple(sources) for id_, sources in found.items()}
