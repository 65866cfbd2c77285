"""The fleet in force, parsed once per snapshot."""

from __future__ import annotations

from common.db import fleet as fleets
from common.db.connection import Connection
from common.domain.fleet import Fleet
from common.registry import Documents, restore


class FleetCache:
    """Holds the last fleet that was asked for; used by one thread."""

    def __init__(self) -> None:
        self._id: int | None = None
        self._fleet: Fleet | None = None

    def in_force(self, connection: Connection) -> tuple[int, Fleet] | None:
        """Return the snapshot in force and its fleet; None before a first registry commit was accepted."""
        state = fleets.state(connection)
        if state is None or state.snapshot_id is None:
            return None
        if self._id != state.snapshot_id:
            stored = fleets.snapshot(connection, state.snapshot_id)
            self._fleet = restore(Documents.from_json(stored.documents))
            self._id = state.snapshot_id
        return (state.snapshot_id, self._fleet) if self._fleet is not None else None
