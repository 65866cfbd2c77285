"""What an attempt is about to do and what it did, in SQL: each call one short transaction, waited for if it must be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from common.db import attempts, inventory, leases, results
from common.db.connection import Connection
from common.db.errors import DatabaseBusyError, DatabaseUnavailableError
from common.db.session import Database
from common.domain.changes import Action, Change
from common.domain.errors import LeaseLostError
from common.domain.inventory import InventoryItem
from common.domain.refs import AttemptRef, ObjectId
from workers.sync.ports import PlannedChange

T = TypeVar("T")


class SqlJournal:
    """The engine's journal of one attempt. Safe to use from several threads.

    Args:
        database: where it is written.
        attempt: whose it is; every call checks that it still holds its placement.
        placement_id: the placement.
    """

    def __init__(self, database: Database, attempt: AttemptRef, placement_id: int) -> None:
        self._database = database
        self._attempt = attempt
        self._placement_id = placement_id
        self._written = 0
        self._lock = threading.Lock()

    def plan(self, items: Sequence[InventoryItem], changes: Sequence[PlannedChange]) -> None:
        """Store the inventory to be and the planned changes; returns once they are committed."""
        planned = [(change.object, change.action) for change in changes]

        def write(connection: Connection) -> None:
            if not attempts.plan(connection, self._attempt, placement_id=self._placement_id, changes=planned):
                raise LeaseLostError(self._lost)
            inventory.replace(connection, self._placement_id, items)

        self._insist(write)

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Store outcomes and the inventory rows they changed; unchanged objects are counted elsewhere, not listed."""
        listed = [change for change in changes if change.action is not Action.UNCHANGED or change.detail]
        if not listed and not items:
            return
        with self._lock:
            first = self._written
            self._written += len(listed)

        def write(connection: Connection) -> None:
            self._hold(connection)
            results.append(connection, self._attempt, listed, first=first)
            inventory.replace(connection, self._placement_id, items)

        self._insist(write)

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Drop inventory rows of objects that are gone from the cluster."""

        def write(connection: Connection) -> None:
            self._hold(connection)
            inventory.forget(connection, self._placement_id, objects)

        self._insist(write)

    @property
    def _lost(self) -> str:
        return f"attempt {self._attempt} was ended by the reaper"

    def _hold(self, connection: Connection) -> None:
        if not leases.holds(connection, self._attempt, placement_id=self._placement_id):
            raise LeaseLostError(self._lost)

    def _insist(self, write: Callable[[Connection], None]) -> None:
        """Write, waiting out an outage: what was done on the cluster must not go unrecorded."""
        while True:
            try:
                with self._database.write() as connection:
                    write(connection)
            except (DatabaseUnavailableError, DatabaseBusyError):
                self._database.wait()
            else:
                return
