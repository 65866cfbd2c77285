"""Carrying out plans: every write asks the fence first, and an object that moved is compared again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Lock

from common.domain.changes import Action, Change
from common.domain.errors import PermanentError
from common.domain.status import NONE
from workers.sync.apply.outcomes import FLUSH_AT, Outcomes
from workers.sync.concurrent import each
from workers.sync.errors import (
    ConflictError,
    NotEstablishedError,
    UnauthorisedError,
    UnsettledError,
)
from workers.sync.health import lifetime
from workers.sync.objects.fingerprint import fingerprint
from workers.sync.objects.live import Live, LiveMeta
from workers.sync.objects.ordering import batches
from workers.sync.plan import adoption, by_hand
from workers.sync.plan.definitions import POLL, await_served, defined_by
from workers.sync.plan.differ import COMPARISONS, Differ, restless, sealed
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.remedies import explained
from workers.sync.ports import Applied, InventoryItem, Ports, Target, Write
from workers.sync.requests import SyncRequest

DELETING = timedelta(seconds=30)
SETTLING = timedelta(seconds=5)
"""How long all together wait for an API server to admit by what was just written."""


class Writer:
    """Writes the objects of one attempt.

    Args:
        request: whose objects they are.
        ports: the outside.
        differ: compares an object again when it moved.
        outcomes: where results go.
    """

    def __init__(self, request: SyncRequest, ports: Ports, differ: Differ, outcomes: Outcomes) -> None:
        self._request = request
        self._ports = ports
        self._cluster = ports.cluster
        self._differ = differ
        self._outcomes = outcomes
        self._lock = Lock()
        self._settled_at: float | None = None
        """Until when refusals that are looked at again may still change."""
        self._unserved: dict[tuple[str, str] | None, NotEstablishedError] = {}
        """By group and kind, why the cluster does not serve what a definition defines."""

    def apply(self, plans: Sequence[PlannedObject]) -> None:
        """Write everything planned that asks for it, kind after kind; outcomes are recorded even when an error ends it.

        Raises:
            TransientError: the cluster failed; what was done until then is recorded.
            LeaseLostError: this attempt may not write any more.
        """
        self._settled_at = None
        unchecked = {(one.wanted.object.group, one.wanted.object.kind) for one in plans if one.unchecked}
        rest = [one for one in plans if not one.to_write]
        try:
            for planned in rest:
                self.settle_unwritten(planned)
            # Written by an attempt that did not see them served.
            self._await_kinds(one for one in rest if defined_by(one.wanted) in unchecked)
            for batch in batches([(planned.wanted.object, planned) for planned in plans if planned.to_write]):
                each(self._ports.executor, self._apply, batch)
                self._await_kinds(batch)
                self._outcomes.flush(FLUSH_AT)
        finally:
            self._outcomes.flush()

    def _apply(self, planned: PlannedObject) -> None:
        object_id = planned.wanted.object
        unserved = self._unserved.get((object_id.group, object_id.kind)) if planned.unchecked else None
        if unserved is not None:
            self._outcomes.add(Change(object_id, Action.FAILED, unserved.reason), error_code=unserved.code)
            return
        try:
            self._settle(self._written(self._checked(planned) if planned.postponed else planned))
        except UnauthorisedError:
            raise
        except PermanentError as error:
            change = Change(object_id, Action.FAILED, explained(error, planned.wanted))
            self._outcomes.add(change, error_code=error.code)

    def _checked(self, planned: PlannedObject) -> PlannedObject:
        """Return what is planned for an object that was refused before what comes before it was written.

        What an API server admits by, it learns of a moment later: so a refusal is believed only after a while.
        """
        clock = self._ports.clock
        while (again := self._differ.compare(planned.wanted)).refused and again.error is not None:
            with self._lock:
                self._settled_at = self._settled_at or clock.monotonic() + SETTLING.total_seconds()
            if clock.monotonic() >= self._settled_at:
                break
            clock.sleep(POLL.total_seconds())
        return again

    def _written(self, planned: PlannedObject) -> tuple[PlannedObject, Applied | None]:
        for _ in range(COMPARISONS):
            if not planned.to_write:
                return planned, None
            try:
                return planned, self._write(planned)
            except ConflictError as error:
                if planned.unchecked and planned.live is not None and error.fields:
                    planned = self._differ.settle(planned, error)
                else:
                    planned = self._differ.compare(planned.wanted)
        raise restless(planned.wanted.object, planned.live, "written")

    def _write(self, planned: PlannedObject) -> Applied:
        target = planned.wanted.target
        meta = planned.live.meta if planned.live is not None else None
        if meta is not None and planned.recreate:
            self._delete_first(target, meta)
            meta = None
        if meta is not None and planned.migration is not None:
            self._ports.fence.check(self._cluster.request_timeout)
            meta = self._cluster.patch(target, adoption.migration(meta, planned.migration))
        body = sealed(planned.manifest or planned.wanted.manifest, meta)
        self._ports.fence.check(self._cluster.request_timeout)
        return self._cluster.apply(target, body, write=Write.REAL, ownership=planned.ownership)

    def _delete_first(self, target: Target, meta: LiveMeta) -> None:
        """Delete what is to be made again, and wait until it is gone.

        Raises:
            ConflictError: it is no longer the object that was compared.
            UnsettledError: it is still there after a while; the next attempt makes it.
        """
        self._ports.fence.check(self._cluster.request_timeout)
        self._cluster.delete(target, uid=meta.uid, resource_version=meta.resource_version)
        clock = self._ports.clock
        deadline = clock.monotonic() + DELETING.total_seconds()
        while (left := self._cluster.get(target)) is not None:
            if clock.monotonic() > deadline:
                message = (
                    f"{target.kind.kind} {target.name} is still being deleted, to be created again{left.meta.waits}"
                )
                raise UnsettledError(message, remedy="See which finalizer it waits for, if it stays so.")
            clock.sleep(POLL.total_seconds())

    def _settle(self, written: tuple[PlannedObject, Applied | None]) -> None:
        planned, answer = written
        if answer is None:
            self.settle_unwritten(planned)
            return
        adopted = planned.adopt or (planned.action is Action.CONFIGURED and self._was_adopted(planned.wanted))
        item = self._item(planned.wanted, answer.live, adopted=adopted)
        change = Change(planned.wanted.object, planned.action, planned.detail, planned.diff)
        self._outcomes.add(change, item)

    def settle_unwritten(self, planned: PlannedObject) -> None:
        """Take in a plan that asks for no write."""
        wanted, change = planned.wanted, Change(planned.wanted.object, planned.action, planned.detail, planned.diff)
        item = None
        if planned.action is Action.UNCHANGED and planned.live is not None:
            item = self._item(wanted, planned.live, adopted=self._was_adopted(wanted))
        self._outcomes.add(change, item, error_code=planned.error_code)

    def _was_adopted(self, wanted: Wanted) -> bool:
        item = self._differ.item(wanted.object)
        return item is not None and item.adopted

    def _item(self, wanted: Wanted, live: Live, *, adopted: bool) -> InventoryItem:
        meta, ours = live.meta, live.meta.our_fields
        ends = (wanted.object.group, wanted.object.kind) == lifetime.JOB
        return replace(
            planned_item(wanted, None),
            desired_digest=self._differ.digest(wanted),
            fingerprint=fingerprint(meta, self._request.digest_key if self._request.keyed else b""),
            uid=meta.uid,
            applied_fields=ours.decoded() if ours is not None else None,
            adopted=adopted,
            by_hand="\n".join(by_hand.names(self._differ.by_hand(wanted, meta))),
            expires=ends and lifetime.expires(wanted.object, live.body()),
        )

    def _await_kinds(self, plans: Iterable[PlannedObject]) -> None:
        """Wait until the cluster serves what the definitions among them define, but for those that failed."""
        failed = {change.object for change in self._outcomes.changes if change.action is Action.FAILED}
        definitions = {one.wanted.object: one.wanted for one in plans if defined_by(one.wanted) is not None}
        waiting = [one for one in definitions.values() if one.object not in failed]
        for object_id, error in await_served(waiting, self._ports).items():
            self._unserved[defined_by(definitions[object_id])] = error
            self._outcomes.add(Change(object_id, Action.FAILED, error.reason), error_code=error.code)


def planned_item(wanted: Wanted, known: InventoryItem | None) -> InventoryItem:
    """Return the inventory row of a wanted object before it is written; what is known of it is kept."""
    base = known or InventoryItem(wanted.object, wanted.target.kind.version)
    return replace(
        base,
        version=wanted.target.kind.version,
        resource=wanted.target.kind.resource,
        keep=wanted.options.keep,
        prune_allowed=wanted.options.prune_allowed,
        wanted=True,
        left_by="",
        refused=NONE,
        going=False,
    )
