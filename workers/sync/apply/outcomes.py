"""What came of the objects of an attempt, recorded in batches while the attempt goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from common.domain.changes import MUTATIONS, Action, Change
from common.domain.codes import SyncReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId
from common.domain.status import Reason
from workers.sync.ports import InventoryItem, Ports
from workers.sync.requests import SyncRequest, Written

FLUSH_AT = 100
"""Outcomes held back at most before they are recorded."""


@dataclass(slots=True)
class Outcomes:
    """What came of the objects so far; written to the journal in batches."""

    ports: Ports
    changes: list[Change] = field(default_factory=list)
    error_code: str = ""
    refreshed: int = 0
    going: list[tuple[ObjectId, str]] = field(default_factory=list)
    _pending: list[tuple[Change, InventoryItem | None]] = field(default_factory=list)
    _gone: list[ObjectId] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, change: Change, item: InventoryItem | None = None, *, error_code: str = "") -> None:
        """Take in one outcome and the inventory row it leaves, None for an unchanged one."""
        with self._lock:
            self.changes.append(change)
            self._pending.append((change, item))
            self.error_code = self.error_code or error_code
            self.refreshed += change.action is Action.UNCHANGED and item is not None

    def keeps_going(self, object_id: ObjectId, finalizers: str) -> None:
        """Take in that an object was deleted and stays until its finalizers are done."""
        with self._lock:
            self.going.append((object_id, finalizers))

    @property
    def failed(self) -> list[Change]:
        """What failed so far."""
        return [change for change in self.changes if change.action in {Action.FAILED, Action.CONFLICT}]

    def failure(self) -> Reason:
        """Return what failed first, and how much failed."""
        failed = self.failed
        first = {"object": str(failed[0].object), "why": nested(failed[0].detail)}
        return Reason(SyncReason.REFUSED, {**first, "objects": len(failed)})

    def refusal(self, request: SyncRequest) -> Reason:
        """Return what failed of a run that is refused now, with what it has written: often nothing."""
        written = sum(change.action in MUTATIONS for change in self.changes)
        wrote = {"objects": written, "before": request.written is Written.SOMETHING}
        return Reason(SyncReason.WROTE, {**wrote, "why": nested(self.failure())})

    def gone(self, object_id: ObjectId) -> None:
        """Take in that an object of the inventory is no longer on the cluster, or no longer ours."""
        with self._lock:
            self._gone.append(object_id)

    def flush(self, at_least: int = 1) -> None:
        """Record what is pending, if that is ``at_least`` so much."""
        with self._lock:
            pending, self._pending = self._pending, []
            gone, self._gone = self._gone, []
            if len(pending) < at_least:
                self._pending, pending = pending, []
        if pending:
            items = [item for _, item in pending if item is not None]
            self.ports.journal.record([change for change, _ in pending], items)
        if gone:
            self.ports.journal.forget(gone)
