"""The fleet's name, its snapshots, and how far the registry has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from common.store.engine.dialect import insert as upsert
from common.store.schema.tables import FleetRow, FleetSnapshotRow

_ONLY = 1


@dataclass(frozen=True, slots=True)
class FleetState:
    """What is known of the fleet.

    Attributes:
        name: fixed at first start: every ownership mark holds it.
        snapshot_id: what is in force; None until a first registry commit was accepted.
        seen_commit: the registry's head as last parsed, accepted or not.
        broker_epoch: what we last wrote into the broker.
    """

    name: str
    snapshot_id: int | None
    seen_commit: str | None
    checked_at: datetime | None
    broker_epoch: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Documents in force after one registry commit, in their JSON form."""

    id: int
    commit: str
    documents: Mapping[str, Any]


def state(connection: Connection) -> FleetState | None:
    """Return the fleet; None before its name was fixed."""
    row = connection.execute(select(*FleetRow.__table__.c)).one_or_none()
    if row is None:
        return None
    return FleetState(row.name, row.snapshot_id, row.seen_commit, row.checked_at, row.broker_epoch)


def fix_name(connection: Connection, name: str, *, now: datetime) -> str:
    """Give the fleet its name if it has none yet; return the one it has."""
    values = {"id": _ONLY, "name": name, "created_at": now}
    connection.execute(upsert(connection, FleetRow).values(values).on_conflict_do_nothing(index_elements=["id"]))
    return connection.execute(select(FleetRow.name)).scalar_one()


def put_in_force(connection: Connection, commit: str, documents: Mapping[str, Any], *, now: datetime) -> int:
    """Store a snapshot, make it the one in force, and return its id."""
    values = {"commit": commit, "documents": dict(documents), "created_at": now}
    snapshot = connection.execute(insert(FleetSnapshotRow).values(values).returning(FleetSnapshotRow.id)).scalar_one()
    connection.execute(update(FleetRow).values(snapshot_id=snapshot))
    return snapshot


def note_commit(connection: Connection, commit: str) -> None:
    """Note which head of the registry was parsed last."""
    connection.execute(update(FleetRow).values(seen_commit=commit))


def note_checked(connection: Connection, *, now: datetime) -> None:
    """Note that the registry was reached."""
    connection.execute(update(FleetRow).values(checked_at=now))


def note_epoch(connection: Connection, epoch: str) -> None:
    """Note what the broker's epoch key holds."""
    connection.execute(update(FleetRow).values(broker_epoch=epoch))


def snapshot(connection: Connection, snapshot_id: int) -> Snapshot:
    """Return a snapshot by its id.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none, which a run's reference rules out.
    """
    row = connection.execute(select(*FleetSnapshotRow.__table__.c).where(FleetSnapshotRow.id == snapshot_id)).one()
    return Snapshot(row.id, row.commit, row.documents)
