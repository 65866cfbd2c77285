"""Which row of the inventory tells how far a hook has come: of this run, or of the one that it goes on from. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from common.domain.inventory import HookState
from common.domain.manifest_warnings import ManifestWarning
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from common.domain.status import Reason
from workers.sync.plan.normalise import GENERATED, Wanted
from workers.sync.plan.places import Stage
from workers.sync.plan.waves import REMOVAL
from workers.sync.ports import InventoryItem, Manifest
from workers.sync.requests import Content, SyncRequest
from workers.sync.results import Unended

_SECRET = ("", "Secret")
_HEX = re.compile(rf"[0-9a-f]{{{GENERATED}}}")


def former(hook: Wanted, inventory: Iterable[InventoryItem]) -> Iterator[InventoryItem]:
    """Yield the rows of what other runs made for a hook whose name each run makes again."""
    if not hook.generated:
        return
    place = (hook.object.group, hook.object.kind, hook.object.namespace)
    for item in inventory:
        one = item.object
        if not item.is_hook or one == hook.object or (one.group, one.kind, one.namespace) != place:
            continue
        if one.name.startswith(hook.generated) and _HEX.fullmatch(one.name.removeprefix(hook.generated)):
            yield item


def kept(wanted: Sequence[Wanted], inventory: Sequence[InventoryItem]) -> frozenset[ObjectId]:
    """Return what stays: the objects wanted, and what earlier runs made for hooks among them, which the hooks clear."""
    made = (item.object for one in wanted for item in former(one, inventory))
    return frozenset((*(one.object for one in wanted), *made))


def revision_key(request: SyncRequest) -> str:
    """Return 64 hex digits for the revision that hooks run for; empty at a removal."""
    if request.revision is None:
        return ""
    return hashlib.sha256("/".join(request.revision.identity).encode()).hexdigest()


class HookRows:
    """The rows of one attempt, kept up to date while it goes on. Safe to use from several threads.

    Args:
        request: whose they are.
        phases: the hooks of each stage.
    """

    def __init__(self, request: SyncRequest, phases: Mapping[Stage, Sequence[Wanted]]) -> None:
        self._request = request
        self._phases = phases
        self._items = {item.object: item for item in request.inventory}
        self._revision = revision_key(request)

    def note(self, item: InventoryItem) -> None:
        """Take in a row that changed."""
        self._items[item.object] = item

    def of(self, hook: Wanted, stage: Stage) -> InventoryItem | None:
        """Return how far a hook of this run has come in a stage; None where it has not begun there.

        One that runs in a later stage by now has succeeded in this one.
        """
        return self._found(hook, stage, lambda item: item.hook_run == str(self._request.attempt.run))

    def former(self, hook: Wanted) -> tuple[InventoryItem, ...]:
        """Return the rows of what other runs made for a hook whose name each run makes again."""
        run = str(self._request.attempt.run)
        return tuple(item for item in former(hook, tuple(self._items.values())) if item.hook_run != run)

    def begun(self, stage: Stage, item: InventoryItem) -> InventoryItem:
        """Return the row of a hook that this run begins now."""
        return replace(
            item,
            hook_run=str(self._request.attempt.run),
            hook_state=HookState.ACTIVE,
            hook_stage=stage.words,
            hook_revision=self._revision,
        )

    def taken_over(self) -> tuple[InventoryItem, ...]:
        """Return the rows that this run goes on from, as its own: a retry by time runs no hook a second time.

        That holds for a phase whose hooks all succeeded for this very revision, and for one in which a hook failed or
        is under way. A phase that broke off before its hooks could be made is begun again.
        """
        if self._request.trigger is not Trigger.RETRY:
            return ()
        rows: dict[ObjectId, InventoryItem] = {}
        for stage, hooks in self._phases.items():
            rows |= {item.object: item for item in self._phase_before(stage, hooks)}
        return tuple(replace(item, hook_run=str(self._request.attempt.run)) for item in rows.values())

    def unended(self) -> Unended:
        """Return which hooks of the revision have not succeeded, whichever runs ran them."""
        found: dict[ObjectId, InventoryItem | None] = {}
        for stage, hooks in self._phases.items():
            if stage is not Stage.SYNC_FAIL:
                found |= {hook.object: self._for_revision(hook, stage) for hook in hooks}
        left = {one: item for one, item in found.items() if item is None or item.hook_state is not HookState.SUCCEEDED}
        return Unended(tuple(left), tuple(one for one, item in left.items() if item is not None))

    def _for_revision(self, hook: Wanted, stage: Stage) -> InventoryItem | None:
        return self._found(hook, stage, lambda item: item.hook_revision == self._revision)

    def _phase_before(self, stage: Stage, hooks: Sequence[Wanted]) -> list[InventoryItem]:
        if any(self.of(hook, stage) is not None for hook in hooks):
            return []
        found = [self._for_revision(hook, stage) for hook in hooks]
        known = [item for item in found if item is not None]
        ran = any(item.uid and item.hook_state is not HookState.SUCCEEDED for item in known)
        done = len(known) == len(hooks) and all(item.hook_state is HookState.SUCCEEDED for item in known)
        return [self._items[item.object] for item in known] if ran or done else []

    def _found(self, hook: Wanted, stage: Stage, counts: Callable[[InventoryItem], bool]) -> InventoryItem | None:
        own = self._items.get(hook.object)
        rows = [*([own] if own is not None else []), *former(hook, tuple(self._items.values()))]
        placed = (_in_stage(item, stage) for item in rows if item.is_hook and counts(item))
        # Ids of runs sort by time.
        return max((item for item in placed if item is not None), key=lambda item: item.hook_run, default=None)


def _in_stage(item: InventoryItem, stage: Stage) -> InventoryItem | None:
    """Return what a row says about a stage; None where it is about an earlier one."""
    if item.hook_stage in {"", stage.words}:
        return item
    ran = Stage.named(item.hook_stage)
    passed = ran > stage and ran is not Stage.SYNC_FAIL
    return replace(item, hook_state=HookState.SUCCEEDED) if passed else None


def storable(wanted: Iterable[Wanted], request: SyncRequest) -> tuple[tuple[Manifest, ...], tuple[Reason, ...]]:
    """Return the hooks of a removal to be kept, by when the source may be gone, and warnings of those that are not.

    Nothing that is secret is kept in SQL.
    """
    hooks = [one for one in wanted if one.place.later & REMOVAL]
    decrypted = request.content is Content.DECRYPTED
    secret = [one for one in hooks if decrypted or (one.object.group, one.object.kind) == _SECRET]
    warnings = tuple(
        Reason(ManifestWarning.HOOK_NOT_KEPT, {"kind": one.object.kind, "name": one.object.name}) for one in secret
    )
    return tuple(one.manifest for one in hooks if one not in secret), warnings
