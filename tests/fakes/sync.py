"""The engine's surroundings in memory: a journal that keeps the inventory, a lease, a clock, and placements to sync."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from common.domain.changes import Change
from common.domain.codes import SyncReason
from common.domain.errors import LeaseLostError
from common.domain.fleet import DEFAULT_PROJECT, SyncSettings
from common.domain.inventory import End
from common.domain.reasons import sentence
from common.domain.refs import AttemptRef, ObjectId, PlacementRef, RunId
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from common.rules import HERE
from workers.sync import pipeline
from workers.sync.objects.moving import Claims, Held
from workers.sync.ports import NOTHING_TAKEN, Clock, ClusterPort, InventoryItem, Manifest, PlannedChange, Ports
from workers.sync.requests import Phase, SyncRequest
from workers.sync.results import SyncResult

SHOP = PlacementRef("alpha", "shop")
RUN = RunId("0199c0de-0000-7000-8000-000000000001")


@lru_cache(maxsize=1)
def shared_executor() -> Executor:
    """Return the threads that all tests share, as all runs of a worker process do."""
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="sync-test")


@dataclass(slots=True)
class MemoryJournal:
    """Keeps the inventory as SQL would, and everything that was recorded."""

    inventory: dict[ObjectId, InventoryItem] = field(default_factory=dict)
    planned: list[PlannedChange] = field(default_factory=list)
    recorded: list[Change] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    budget: int = 1_000
    others: dict[PlacementRef, Held] = field(default_factory=dict)
    claimed: Claims = field(default_factory=lambda: Claims({}))
    taken: dict[ObjectId, PlacementRef] = field(default_factory=dict)
    rendered: frozenset[ObjectId] = frozenset()
    former_items: Sequence[InventoryItem] = ()

    def plan(
        self,
        items: Sequence[InventoryItem],
        changes: Sequence[PlannedChange],
        *,
        taken: Mapping[ObjectId, PlacementRef] = NOTHING_TAKEN,
    ) -> None:
        """Keep rows and plans."""
        self.calls.append("plan")
        self._replace(items)
        self.taken |= taken
        self.planned += changes

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return what a test has the owner say; nothing of an owner that nobody knows."""
        return {one: self.others[owner] for one in objects if owner in self.others}

    def renders(self, objects: Collection[ObjectId], *, former: PlacementRef | None) -> tuple[InventoryItem, ...]:
        """Keep what the last attempt rendered, and take over what a test has the former name leave."""
        self.rendered = frozenset(objects)
        left = tuple(one for one in self.former_items if former is not None and one.object not in objects)
        self._replace(left)
        return left

    def claims(self, objects: Sequence[ObjectId]) -> Claims:
        """Return what a test has others want."""
        takers = {one: ref for one, ref in self.claimed.takers.items() if one in objects}
        return Claims(takers, self.claimed.pending)

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Keep outcomes and rows."""
        self.calls.append("record")
        self.recorded += changes
        self._replace(items)

    def _replace(self, items: Sequence[InventoryItem]) -> None:
        for item in items:
            known = self.inventory.get(item.object)
            ended = known.ended if known is not None and known.uid == item.uid else End.NONE
            self.inventory[item.object] = replace(item, ended=ended)

    def observe(self, name: str, ended: End) -> None:
        """Note how the object of that name ended, as who observes health does."""
        (found,) = (item for item in self.inventory.values() if item.object.name == name)
        self.inventory[found.object] = replace(found, ended=ended)

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Drop rows."""
        self.calls.append("forget")
        for object_id in objects:
            self.inventory.pop(object_id, None)

    def spend(self, removals: int) -> Reason:
        """Allow what the budget has left, and take it."""
        self.calls.append("spend")
        if removals > self.budget:
            return Reason(SyncReason.BUDGET, {"objects": removals, "before": 0, "most": self.budget})
        self.budget -= removals
        return NONE


@dataclass(slots=True)
class Lease:
    """A fence that holds until it is told otherwise, or for so many writes."""

    held: bool = True
    writes_left: int | None = None
    asked: list[timedelta] = field(default_factory=list)

    def check(self, needed: timedelta) -> None:
        """Raise once the lease is lost."""
        self.asked.append(needed)
        if self.writes_left is not None:
            self.held = self.held and self.writes_left > 0
            self.writes_left -= 1
        if not self.held:
            message = "the lease is lost"
            raise LeaseLostError(message)


@dataclass(slots=True)
class ManualClock:
    """Time that passes only by sleeping."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self.seconds

    def now(self) -> datetime:
        """Return an instant, and the seconds slept so far."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.seconds += seconds


class WallClock:
    """Time as it is."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the present."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        time.sleep(seconds)


@dataclass(slots=True)
class Site:
    """One placement on one cluster, synced as a worker would, attempt after attempt."""

    cluster: ClusterPort
    ref: PlacementRef = SHOP
    fleet: str = "acme"
    namespace: str = "default"
    settings: SyncSettings = field(default_factory=SyncSettings)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    lease: Lease = field(default_factory=Lease)
    clock: Clock = field(default_factory=ManualClock)
    attempts: int = 0

    @property
    def ports(self) -> Ports:
        """The outside of one attempt."""
        return Ports(self.cluster, self.journal, self.lease, shared_executor(), self.clock, HERE)

    def request(self, manifests: Iterable[Manifest], phase: Phase = Phase.APPLY, **more: Any) -> SyncRequest:
        """Return the request of the next attempt."""
        self.attempts += 1
        request = SyncRequest(
            fleet=self.fleet,
            ref=self.ref,
            attempt=AttemptRef(RUN, self.attempts),
            revision=None,
            trigger=Trigger.MANUAL,
            phase=phase,
            manifests=tuple(manifests),
            namespace=self.namespace,
            inventory=tuple(self.journal.inventory.values()),
            project=DEFAULT_PROJECT,
            settings=self.settings,
            digest_key=b"key",
        )
        return replace(request, **more)

    def sync(self, *manifests: Manifest, phase: Phase = Phase.APPLY, **more: Any) -> SyncResult:
        """Carry out one attempt."""
        return pipeline.run(self.request(manifests, phase, **more), self.ports)


def actions(result: SyncResult) -> dict[str, str]:
    """Return what happened, by ``Kind/name``."""
    return {f"{change.object.kind}/{change.object.name}": change.action.value for change in result.changes}


def details(result: SyncResult) -> dict[str, str]:
    """Return what was said about each object, by ``Kind/name``."""
    return {f"{change.object.kind}/{change.object.name}": sentence(change.detail) for change in result.changes}


def config_map(name: str = "settings", *, namespace: str = "", **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"key": "value"}}


def deployment(name: str = "web", replicas: int | None = 2, image: str = "example.com/web:1") -> dict[str, Any]:
    """Return a Deployment of one container; without ``replicas`` where that is None."""
    labels = {"app": name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def annotated(manifest: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """Return the manifest with annotations; ``flotilla_prune`` stands for ``flotilla.dev/prune``."""
    named = {key.replace("flotilla_", "flotilla.dev/"): value for key, value in annotations.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": named}}
