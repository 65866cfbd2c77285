"""Fleet snapshots of this process: each parsed once, whatever many threads ask for it.

What tenants wrote may take seconds to parse. So it is asked for before a transaction is opened, never within one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import timedelta

from common.domain.errors import TransientError
from common.domain.fleet import Fleet
from common.registry import Documents, restore
from common.single_flight import SingleFlight
from common.store.engine.session import Database
from common.store.state import fleet as fleets

KEPT = 3
PATIENCE = timedelta(seconds=60)
"""Longest that a thread waits for another that reads the same snapshot; the largest fleet takes some seconds."""
NO_COMMIT = "no registry commit was accepted yet"


class NoFleetError(TransientError):
    """There is no fleet in force, or this version of Flotilla cannot read it."""

    code = "fleet.none"


class Snapshots:
    """Fleets by snapshot, the last few kept parsed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._fleets: OrderedDict[int, Fleet] = OrderedDict()
        self._lock = threading.Lock()
        self._readings = SingleFlight[int, Fleet]("reading a snapshot of the registry", patience=PATIENCE)

    def in_force(self, database: Database) -> tuple[int, Fleet]:
        """Return the snapshot in force and its fleet.

        Raises:
            NoFleetError: there is none.
        """
        found = self.find(database)
        if found is None:
            raise NoFleetError(NO_COMMIT)
        return found

    def find(self, database: Database) -> tuple[int, Fleet] | None:
        """Return the snapshot in force and its fleet; None before a first registry commit was accepted.

        Raises:
            NoFleetError: it cannot be read by this version.
        """
        with database.read() as connection:
            state = fleets.state(connection)
        if state is None or state.snapshot_id is None:
            return None
        return state.snapshot_id, self.fleet(database, state.snapshot_id)

    def fleet(self, database: Database, snapshot_id: int | None) -> Fleet:
        """Return the fleet of a snapshot, which is read only if this process has not met it.

        Raises:
            NoFleetError: there is none, or it cannot be read.
        """
        if snapshot_id is None:
            raise NoFleetError(NO_COMMIT)
        with self._lock:
            known = self._fleets.get(snapshot_id)
            if known is not None:
                self._fleets.move_to_end(snapshot_id)
                return known
        return self._readings.run(snapshot_id, lambda: self._read(database, snapshot_id))

    def _read(self, database: Database, snapshot_id: int) -> Fleet:
        with database.read() as connection:
            stored = fleets.snapshot(connection, snapshot_id).documents
        fleet = restore(Documents.from_json(stored))
        if fleet is None:
            message = f"snapshot {snapshot_id} of the registry cannot be read by this version"
            raise NoFleetError(message, remedy="Run the same version of scheduler and workers.")
        with self._lock:
            self._fleets[snapshot_id] = fleet
            while len(self._fleets) > KEPT:
                self._fleets.popitem(last=False)
        return fleet
