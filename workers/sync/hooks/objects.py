"""The objects of hooks: made without a time to live, and deleted, or given it back, once their result is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from common.domain.errors import PermanentError
from common.domain.inventory import HookState
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.errors import ConflictError, UnauthorisedError, told
from workers.sync.health import lifetime
from workers.sync.objects import marks
from workers.sync.objects.live import Live
from workers.sync.objects.marks import OwnerKind
from workers.sync.plan.differ import COMPARISONS, sealed
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.places import Deletion, Stage
from workers.sync.ports import InventoryItem, Ownership, Ports, Target, Write
from workers.sync.requests import SyncRequest

_POLICIES = {HookState.SUCCEEDED: Deletion.SUCCEEDED, HookState.FAILED: Deletion.FAILED}


class HookObjects:
    """Reads and writes the objects of the hooks of one attempt.

    Args:
        request: whose they are.
        ports: the outside.
    """

    def __init__(self, request: SyncRequest, ports: Ports) -> None:
        self._request = request
        self._cluster = ports.cluster
        self._fence = ports.fence

    def get(self, hook: Wanted, item: InventoryItem | None) -> Live | None:
        """Return the object of a hook: the one that a row is about, else the one that this run is to make."""
        return self._cluster.get(_target(hook, item.object if item is not None else hook.object))

    def made(self, live: Live, item: InventoryItem | None, stage: Stage) -> bool:
        """Tell whether an object is the one that a row is about; without a row or its uid: made by this run for it."""
        if item is not None and item.uid:
            return live.meta.uid == item.uid
        annotations = live.meta.annotations or {}
        made_for = annotations.get(marks.HOOK_STAGE, stage.words)
        return annotations.get(marks.HOOK_RUN) == str(self._request.attempt.run) and made_for == stage.words

    def make(self, hook: Wanted, stage: Stage) -> Live:
        """Make the object, which must not exist; where this stage's end is awaited, it does not go by itself.

        One that is refused since it exists may have been made by this very request: an API server that asks to be
        asked again later can have carried it out.

        Raises:
            PermanentError: the cluster refuses it.
        """
        metadata = hook.manifest["metadata"]
        made_for = {marks.HOOK_RUN: str(self._request.attempt.run), marks.HOOK_STAGE: stage.words}
        annotations = {**metadata["annotations"], **made_for}
        manifest: Mapping[str, Any] = {**hook.manifest, "metadata": {**metadata, "annotations": annotations}}
        if stage is not Stage.SYNC_FAIL:
            manifest = lifetime.held_back(hook.object, manifest)
        self._fence.check(self._cluster.request_timeout)
        body = sealed(manifest, None)
        try:
            return self._cluster.apply(hook.target, body, write=Write.REAL, ownership=Ownership.RESPECT).live
        except ConflictError:
            live = self._cluster.get(hook.target)
            mine = live is not None and marks.owner_of(live.meta, hook.object, hook.mark).kind is OwnerKind.OURS
            if live is None or not mine or not self.made(live, None, stage):
                raise
            return live

    def cleared_before(self, hook: Wanted) -> bool:
        """Tell whether what earlier runs made for a hook is deleted before it is made again."""
        return Deletion.BEFORE_CREATION in hook.place.deletion

    def settle(self, hook: Wanted, item: InventoryItem) -> Reason:
        """Delete the object of a hook that ended where that is asked, else have it live as long as it says.

        Returns:
            Why that could not be done; none when it was, or nothing is to be done.
        """
        delete = _POLICIES.get(item.hook_state) in hook.place.deletion
        if not item.uid or not (delete or lifetime.expires(hook.object, hook.manifest)):
            return NONE
        live = self.get(hook, item)
        if live is None or live.meta.uid != item.uid:
            return NONE
        try:
            if delete:
                self.delete(hook, live)
            else:
                self._release(hook, live)
        except UnauthorisedError:
            raise
        except PermanentError as error:
            return told(error, item.object)
        return NONE

    def delete(self, hook: Wanted, live: Live) -> None:
        """Delete an object that is ours, unless it is being deleted already."""

        def write(seen: Live) -> None:
            if not seen.meta.deletion_timestamp:
                meta = seen.meta
                self._fence.check(self._cluster.request_timeout)
                self._cluster.delete(self._of(hook, seen), uid=meta.uid, resource_version=meta.resource_version)

        self._until_unmoved(hook, live, write)

    def delete_any(self, hook: Wanted, object_id: ObjectId) -> None:
        """Delete what was made for a hook, by whichever run."""
        live = self._cluster.get(_target(hook, object_id))
        mark = marks.owner_mark(self._request.fleet, self._request.ref, object_id)
        if live is not None and marks.owner_of(live.meta, object_id, mark).kind is OwnerKind.OURS:
            self.delete(hook, live)

    def _release(self, hook: Wanted, live: Live) -> None:
        """Have the cluster collect an object as the manifest says: its result is recorded."""

        def write(seen: Live) -> None:
            if seen.meta.deletion_timestamp or lifetime.expires(hook.object, seen.body()):
                return
            operations = [
                {"op": "replace", "path": "/metadata/resourceVersion", "value": seen.meta.resource_version},
                {"op": "add", "path": f"/spec/{lifetime.TTL}", "value": hook.manifest["spec"][lifetime.TTL]},
            ]
            self._fence.check(self._cluster.request_timeout)
            self._cluster.patch(self._of(hook, seen), operations)

        self._until_unmoved(hook, live, write)

    def _until_unmoved(self, hook: Wanted, live: Live, write: Callable[[Live], None]) -> None:
        """Write once the object is as it was seen; nothing where it went, or another took its place."""
        found: Live | None = live
        for _ in range(COMPARISONS):
            if found is None or found.meta.uid != live.meta.uid:
                return
            try:
                write(found)
            except ConflictError as error:
                if error.fields:
                    raise
                found = self._cluster.get(self._of(hook, live))
            else:
                return

    def _of(self, hook: Wanted, live: Live) -> Target:
        return replace(hook.target, name=live.meta.name)


def _target(hook: Wanted, object_id: ObjectId) -> Target:
    return replace(hook.target, name=object_id.name)
