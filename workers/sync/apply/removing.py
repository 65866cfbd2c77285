"""Removing objects: every deletion asks the fence first, names what it saw, and spares what is not ours any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.domain.changes import Action, Change
from common.domain.codes import ObjectReason
from common.domain.errors import PermanentError
from common.domain.foreign import foreign
from common.domain.reasons import nested
from common.domain.status import NONE, Reason
from workers.sync.apply.outcomes import FLUSH_AT, Outcomes
from workers.sync.concurrent import each
from workers.sync.errors import ConflictError, SilentGroupError, UnauthorisedError, UnknownKindError, briefly
from workers.sync.objects import marks
from workers.sync.objects.live import LiveMeta
from workers.sync.objects.marks import OwnerKind
from workers.sync.objects.ordering import batches, sort_key
from workers.sync.plan.differ import COMPARISONS, restless
from workers.sync.ports import InventoryItem, PlannedChange, Ports, Target
from workers.sync.requests import Phase, SyncRequest


class Remover:
    """Removes objects of one attempt.

    Args:
        request: whose objects they are.
        ports: the outside.
        outcomes: where results go.
    """

    def __init__(self, request: SyncRequest, ports: Ports, outcomes: Outcomes) -> None:
        self._request = request
        self._ports = ports
        self._cluster = ports.cluster
        self._outcomes = outcomes

    def remove(self, items: Sequence[InventoryItem]) -> None:
        """Delete objects in the order in which they are given, those of one kind at once.

        Raises:
            TransientError: the cluster failed; what was done until then is recorded.
            LeaseLostError: this attempt may not write any more.
        """
        self._ports.journal.plan([], [PlannedChange(item.object, Action.PRUNED) for item in items])
        order = reversed(batches([(item.object, item) for item in items]))
        try:
            for batch in order:
                each(self._ports.executor, self._remove, sorted(batch, key=_backwards, reverse=True))
                self._outcomes.flush(FLUSH_AT)
        finally:
            self._outcomes.flush()

    def _remove(self, item: InventoryItem) -> None:
        try:
            self._removed(item)
        except UnauthorisedError:
            raise
        except (PermanentError, SilentGroupError) as error:
            # A group that does not answer says nothing of the others: what is theirs is removed all the same.
            change = Change(item.object, Action.FAILED, error.reason)
            self._outcomes.add(change, replace(item, wanted=False, refused=briefly(error)), error_code=error.code)

    def _removed(self, item: InventoryItem) -> None:
        try:
            # In whichever version is served now: the one it was applied in may have gone since.
            kind = self._cluster.kind(item.object.group, "", item.object.kind)
        except UnknownKindError:
            self._drop(item, Action.SKIPPED, Reason(ObjectReason.KIND_GONE))
            return
        target = Target(kind, item.object.namespace, item.object.name)
        for _ in range(COMPARISONS):
            live = self._cluster.get(target)
            if live is None:
                self._drop(item, Action.SKIPPED, Reason(ObjectReason.ABSENT))
                return
            if self._spared(item, live.meta):
                return
            self._ports.fence.check(self._cluster.request_timeout)
            try:
                held = self._cluster.delete(target, uid=live.meta.uid, resource_version=live.meta.resource_version)
            except ConflictError:
                continue
            said = foreign(ObjectReason.GOES, finalizers=held) if held else NONE
            self._see_off(item, Change(item.object, Action.PRUNED, said), held or ())
            return
        raise restless(item.object, live, "to be removed")

    def _spared(self, item: InventoryItem, meta: LiveMeta) -> bool:
        """Tell whether the object stays, and say so: it is not, or no longer, the one that we own."""
        mark = marks.owner_mark(self._request.fleet, self._request.ref, item.object)
        owner = marks.owner_of(meta, item.object, mark)
        neighbour = marks.neighbour(owner, self._request.fleet, self._request.ref)
        if neighbour is not None and neighbour == self._request.former and item.uid == meta.uid:
            owner = marks.Owner(OwnerKind.OURS, owner.name)  # of the same placement, under the name it had before
        if owner.kind is OwnerKind.OTHERS:
            self._drop(item, Action.SKIPPED, _kept(foreign(ObjectReason.OWNED_NOW, owner=owner.name)))
            return True
        if meta.deletion_timestamp:
            said = foreign(ObjectReason.GOING, finalizers=meta.held_by)
            self._see_off(item, Change(item.object, Action.SKIPPED, said), meta.held_by)
            return True
        if owner.kind is not OwnerKind.OURS:
            reason = _kept(Reason(ObjectReason.MARK_GONE))
        elif item.uid and item.uid != meta.uid:
            reason = _kept(Reason(ObjectReason.REPLACED))
        else:
            return False
        self._outcomes.add(Change(item.object, Action.SKIPPED, reason), replace(item, wanted=False, refused=reason))
        return True

    def _see_off(self, item: InventoryItem, change: Change, held_by: Sequence[str]) -> None:
        """Forget what is going; but what finalizers keep stays in the inventory, so that everybody sees it.

        A placement that leaves is gone with its last deletion: nobody would look after its inventory.
        """
        if not held_by or self._request.phase is Phase.REMOVE:
            self._drop(item, change.action, change.detail)
            return
        self._outcomes.add(change, replace(item, wanted=False, going=True, refused=change.detail))
        self._outcomes.keeps_going(item.object, ", ".join(held_by))

    def _drop(self, item: InventoryItem, action: Action, detail: Reason) -> None:
        self._outcomes.add(Change(item.object, action, detail))
        self._outcomes.gone(item.object)


def _kept(why: Reason) -> Reason:
    return Reason(ObjectReason.KEPT, {"why": nested(why)})


def _backwards(item: InventoryItem) -> tuple[object, ...]:
    return sort_key(item.object)
