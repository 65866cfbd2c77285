"""What an attempt is about to do and what it did, in SQL: each call one short transaction, waited for if it must be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from common.domain.changes import Action, Change
from common.domain.codes import SyncReason
from common.domain.errors import LeaseLostError
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import RunKind
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import NONE, Reason
from common.domain.tenant import Tenant
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.queue import attempts, leases, results
from common.store.queue.runs import ClaimedRun
from common.store.state import inventory, prune_budget, tenants
from workers.record.moves import Moves
from workers.sync.objects.moving import Claims, Held
from workers.sync.ports import NOTHING_TAKEN, PlannedChange

T = TypeVar("T")


HELD_BACK = 100
"""Rows that may wait for more, or for the end of the attempt, which writes them in its own transaction."""


class SqlJournal:
    """The engine's journal of one attempt, called by the thread that carries it out.

    Args:
        database: where it is written.
        run: as claimed; every write checks that its attempt still holds its placement.
        moves: what it may take over, and what others want of it.
        prune_budget: objects that the revision may remove over the fleet.
        secrets: what is in the manifests and stands in no row.
        signed: in whose name it writes and the signature over that, to be noted before the first write; None where that
            is noted already.
    """

    def __init__(
        self,
        database: Database,
        run: ClaimedRun,
        moves: Moves,
        *,
        prune_budget: int,
        secrets: Secrets = NO_SECRETS,
        signed: tuple[Tenant, str] | None = None,
    ) -> None:
        self._database = database
        self._attempt = run.attempt
        self._placement_id = run.placement_id
        self._run = run
        self._moves = moves
        self._budget = prune_budget
        self._secrets = secrets
        self._written = 0
        self._changes: list[Change] = []
        self._items: dict[ObjectId, InventoryItem | None] = {}
        """Rows to be, by object; None for those to be dropped."""
        self._rendered: Collection[ObjectId] | None = None
        """All that the revision renders, until it is noted; None where there is nothing to note."""
        self._signed = signed

    def plan(
        self,
        items: Sequence[InventoryItem],
        changes: Sequence[PlannedChange],
        *,
        taken: Mapping[ObjectId, PlacementRef] = NOTHING_TAKEN,
    ) -> None:
        """Store the inventory to be and the planned changes, and what moves here; returns once they are committed."""
        planned = [(change.object, change.action) for change in changes]

        def write(connection: Connection) -> None:
            if not attempts.plan(connection, self._attempt, placement_id=self._placement_id, changes=planned):
                raise LeaseLostError(self._lost)
            self._moves.take(connection, taken)
            inventory.replace(connection, self._placement_id, items)
            self._name(connection)
            self.note(connection, frozenset(item.object for item in items if item.wanted))

        self._moves.met(lambda: self._insist(write))
        self._rendered = self._signed = None

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return what another placement of the cluster says to each of its objects being taken over."""
        return self._moves.held(owner, objects)

    def renders(self, objects: Collection[ObjectId], *, former: PlacementRef | None) -> tuple[InventoryItem, ...]:
        """Take in all that the revision renders, once a revision; return what it inherits of its former name."""
        self._rendered = None if self._moves.has_looked else objects
        if former is None:
            return ()
        left: tuple[InventoryItem, ...] = ()

        def write(connection: Connection) -> None:
            nonlocal left
            self._hold(connection)
            self._name(connection)
            self.note(connection)
            left = self._moves.inherit(connection, former, objects)

        self._moves.met(lambda: self._insist(write))
        self._rendered = self._signed = None
        return left

    def note(self, connection: Connection, owned: Collection[ObjectId] = ()) -> None:
        """Write down what the revision renders where that is not noted yet, in a transaction that ends or plans it.

        Nobody is misled meanwhile: to others the revision is one that nobody has read yet, for which they wait.

        Args:
            connection: of that transaction.
            owned: what of it the inventory is known to hold.
        """
        if self._rendered is not None:
            self._moves.renders(connection, self._rendered, owned)

    def claims(self, objects: Sequence[ObjectId]) -> Claims:
        """Return what others want of objects that are about to be removed."""
        return self._moves.claims(objects)

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Take in outcomes and the inventory rows they changed; unchanged objects are counted elsewhere, not listed."""
        told = [change for change in changes if change.action is not Action.UNCHANGED or change.detail]
        said, told_of = self._secrets.masked, self._secrets.masked_reason
        for one in told:
            self._changes.append(replace(one, detail=told_of(one.detail), diff=one.diff.without(self._secrets)))
        if self._run.trigger.kind is RunKind.SYNC:  # the run beside it may know better by now
            rows = (replace(item, refused=told_of(item.refused), by_hand=said(item.by_hand)) for item in items)
            self._items |= {item.object: item for item in rows}
        self._write_many()

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Take in that these objects are gone from the cluster: their inventory rows go."""
        self._items |= dict.fromkeys(objects)
        self._write_many()

    def spend(self, removals: int) -> Reason:
        """Count removals against the fleet's budget; return why they may not be, none when they may."""
        application, revision = self._run.ref.application, self._run.revision
        if revision is None:
            return NONE
        spent = 0

        def write(connection: Connection) -> None:
            nonlocal spent
            self._hold(connection)
            spent = prune_budget.spend(
                connection,
                application,
                revision.source_digest,
                self._placement_id,
                removals,
                budget=self._budget,
            )

        self._insist(write)
        if spent + removals <= self._budget:
            return NONE
        return Reason(SyncReason.BUDGET, {"objects": removals, "before": spent, "most": self._budget})

    def settle(self, connection: Connection) -> None:
        """Write what was held back, in a transaction in which the attempt holds its lease."""
        results.append(connection, self._attempt, self._changes, first=self._written)
        inventory.replace(connection, self._placement_id, [item for item in self._items.values() if item is not None])
        inventory.forget(connection, self._placement_id, [one for one, item in self._items.items() if item is None])

    def _write_many(self) -> None:
        if len(self._changes) + len(self._items) < HELD_BACK:
            return

        def write(connection: Connection) -> None:
            self._hold(connection)
            self.settle(connection)

        self._insist(write)
        self._written += len(self._changes)
        self._changes, self._items = [], {}

    @property
    def _lost(self) -> str:
        return f"attempt {self._attempt} was ended by the reaper"

    def _name(self, connection: Connection) -> None:
        """Write down in whose name is written: every write is planned before."""
        if self._signed is not None:
            tenants.record(connection, self._placement_id, *self._signed)

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
