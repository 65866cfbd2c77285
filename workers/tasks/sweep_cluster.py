"""Sweeps one cluster: a LIST per kind, fingerprints compared, and what drifted filed for the scheduler."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from common.domain.codes import CauseReason
from common.domain.errors import FlotillaError, TransientError
from common.domain.fleet import Fleet
from common.domain.foreign import foreign
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import Trigger
from common.domain.status import BY_LOOKS, NONE, UNKNOWN_KINDS, Found, Reason
from common.store.engine.connection import Connection
from common.store.queue import attempts
from common.store.state import clusters, findings, healths, inventory, observations, orphans, placement_status, retries
from common.store.state.findings import NewFinding
from common.store.state.placement_status import PlacementStatus
from common.telemetry.logs import logger
from workers.kube.pool import OWN
from workers.sync.errors import UnknownKindError
from workers.sync.healing import STEPS
from workers.sync.objects.marks import PLACEMENT_LABEL
from workers.sync.ports import ClusterPort
from workers.sync.sweep import Drift, Finding, Stray, SweepResult, SweptPlacement, compare
from workers.tasks.leases import HeldLease
from workers.tasks.looking import Site, listed, look_at, reach, unreached
from workers.tasks.runtime import Runtime

log = logger(__name__)
EARLY = timedelta(seconds=5)
"""A sweep that is due later than this was asked for twice."""


def sweep(runtime: Runtime, name: str) -> None:
    """Sweep a cluster if that is due, and store what was found.

    Raises:
        DatabaseUnavailableError: nothing was stored; it is sent again.
        DatabaseBusyError: the same.
    """

    def look(where: Site, mine: HeldLease) -> None:
        if _due(runtime, where):
            _sweep(runtime, where, mine)

    def failed(where: Site, error: FlotillaError) -> None:
        names = [row.ref.application for row in where.placements]
        unreached(runtime, where, error, next_at_least=_interval(runtime, where.fleet, name, names))

    look_at(runtime, "sweep", name, look=look, failed=failed)


def _due(runtime: Runtime, where: Site) -> bool:
    with runtime.database.read() as connection:
        now = runtime.database.now(connection)
    return where.looks.sweep_due_at is None or where.looks.sweep_due_at <= now + EARLY


def _sweep(runtime: Runtime, where: Site, mine: HeldLease) -> None:
    connection = reach(runtime, where.cluster)
    with runtime.database.read() as transaction:
        began = runtime.database.now(transaction)
        inventories = inventory.of_cluster(transaction, where.cluster.name)
    cluster = connection.session(runtime.agent(f"sweep of {where.cluster.name}"), account=OWN)
    mine.watch(cluster.requests)
    lists = listed(
        cluster,
        lambda kind, namespace: cluster.list_meta(kind, namespace=namespace, selector=PLACEMENT_LABEL),
        (item for items in inventories.values() for item in items if not item.is_hook),
    )
    metas = {key: None if one is None else one[1] for key, one in lists.items()}
    found = compare(where.fleet.name, where.cluster.name, inventories, metas, key=runtime.hub_key)
    version = connection.version()
    served = _served_now(cluster, where.placements)
    _, fleet = runtime.snapshots.in_force(runtime.database)
    with runtime.database.write() as transaction:
        now = runtime.database.now(transaction)
        recorder = Recorder(transaction, where, now)
        recorder.record(found)
        for id_ in served:
            retries.kinds_served(transaction, id_, now=now)
        healths.await_health(transaction, where.cluster.name, now=now)
        # After the placements, as at the end of a run: neither then waits for the other.
        clusters.record_reached(
            transaction,
            where.cluster.name,
            version=version,
            expire_at=connection.credentials_expire_at,
            now=now,
        )
        clusters.look_by(transaction, where.cluster.name, observe_at=now)
        # As it is by now: the first run of a placement may have ended meanwhile, which asked for no later sweep.
        names = placement_status.placed_on(transaction, where.cluster.name)
        next_at, step = _next(where, _interval(runtime, fleet, where.cluster.name, names), now)
        clusters.swept(transaction, where.cluster.name, next_at=next_at, step=step, now=now)
        recorder.file(seen_at=began)
    log.info("cluster.swept", cluster=where.cluster.name, requests=dict(cluster.requests()))


def _served_now(cluster: ClusterPort, placements: Sequence[PlacementStatus]) -> tuple[int, ...]:
    """Return the placements that failed for a kind that the cluster serves by now."""
    served: dict[tuple[str, str, str], bool] = {}
    found = []
    for row in placements:
        kinds = row.failure.params.get(UNKNOWN_KINDS, ()) if row.failure is not None else ()
        for group, version, kind in kinds:
            key = (group, version, kind)
            if key not in served:
                served[key] = _serves(cluster, *key)
            if served[key]:
                found.append(row.id)
                break
    return tuple(found)


def _serves(cluster: ClusterPort, group: str, version: str, kind: str) -> bool:
    try:
        cluster.kind(group, version, kind)
    except (TransientError, UnknownKindError):
        return False
    return True


class Recorder:
    """Stores what one sweep found, in one transaction.

    A sweep sees fingerprints, which are hints: it confirms, or files what a run should judge. It says nothing of what
    differs, nothing of what failed, and does not ask whether a run may be: the scheduler does.

    Args:
        transaction: that one.
        where: the cluster.
        now: by the database's clock.
    """

    def __init__(self, transaction: Connection, where: Site, now: datetime) -> None:
        self._transaction = transaction
        self._where = where
        self._now = now
        self._by_ref: Mapping[PlacementRef, PlacementStatus] = {one.ref: one for one in where.placements}
        fighting = [row.id for row in where.placements if row.found.code == Found.FIGHT]
        self._healings = inventory.healings(transaction, fighting)
        self._found: list[NewFinding] = []
        self._late: list[NewFinding] = []
        """What is told once."""

    def record(self, found: SweepResult) -> None:
        """Store what was seen of placements, strays, and what runs should judge."""
        known = [(self._by_ref[one.ref], one) for one in found.placements if one.ref in self._by_ref]
        # Inventories before placements, as runs write them: neither then waits for the other.
        released = [row.id for row, swept in known if self._forgotten(row, swept.gone)]
        self._strays(found.strays)
        partial = {row.id: swept.reason for row, swept in known if swept.finding is Finding.PARTIAL}
        read = [row.id for row in self._where.placements if row.id not in partial]
        observations.reached(self._transaction, read, now=self._now)
        for id_, what in partial.items():
            observations.read_in_part(self._transaction, id_, what)
        seen = [one for one in known if one[1].finding in {Finding.CONFIRMED, Finding.DRIFTED}]
        # What was judged already, and has not changed since, is as it was said to be.
        same = [row.id for row, swept in seen if swept.hint == row.hint_judged]
        observations.mark_observed(self._transaction, same, now=self._now)
        for id_ in released:
            observations.nothing_held(self._transaction, id_)
        for row, swept in seen:
            self._seen(row, swept)

    def file(self, *, seen_at: datetime) -> None:
        """File what runs should judge: last, since whoever writes both writes placements before findings."""
        pool = self._where.cluster.pool
        findings.file(self._transaction, [*self._found, *self._late], pool=pool, now=self._now, seen_at=seen_at)

    def _forgotten(self, row: PlacementStatus, objects: Sequence[ObjectId]) -> bool:
        """Forget what finalizers kept until now; return whether with the last of it nothing more is to be said."""
        if not objects:
            return False
        inventory.forget_gone(self._transaction, row.id, objects)
        return row.found.code == Found.PRUNE_HELD and not inventory.going(self._transaction, row.id)

    def _seen(self, row: PlacementStatus, swept: SweptPlacement) -> None:
        if swept.hint != row.hint:
            observations.record_hint(self._transaction, row.id, swept.hint)
        cause = self._cause(row, swept)
        if cause and row.state is PlacementState.PLACED:
            self._found.append(NewFinding(row.id, Trigger.DRIFT, cause, swept.hint))

    def _cause(self, row: PlacementStatus, swept: SweptPlacement) -> Reason:
        """Return why the placement's objects should be judged by a run; ``NONE`` when they need not be."""
        said = _said(swept.drifts)
        if swept.hint != row.hint_judged or row.found.code == Found.TOLD:
            return said
        if any(self._heals(row, drift) for drift in swept.drifts):
            return Reason(said.code, {**said.params, "fight": True})
        if row.full_check_due_at is not None and row.full_check_due_at <= self._now:
            return Reason(CauseReason.FULL_CHECK)
        return said if row.found.code in BY_LOOKS else NONE

    def _heals(self, row: PlacementStatus, drift: Drift) -> bool:
        """Return whether the time of an object that somebody keeps changing back has come again."""
        healing = self._healings.get((row.id, drift.object))
        return row.found.code == Found.FIGHT and (healing is None or healing.after <= self._now)

    def _strays(self, strays: Sequence[Stray]) -> None:
        """Take in what was created too late, and tell what no inventory holds, but for what runs have created since."""
        name = self._where.cluster.name
        owned = inventory.owned_on(self._transaction, name, [one.object for one in strays])
        found: list[Stray] = []
        for stray in strays:
            row = self._by_ref.get(stray.ref)
            if row is not None and stray.object in attempts.possible_late_creates(self._transaction, row.id):
                self._late_create(row, stray)
            elif (stray.ref, stray.object) not in owned:
                found.append(stray)
        named = ((stray.object, stray.ref) for stray in found)
        orphans.replace(self._transaction, name, named, now=self._now)

    def _late_create(self, row: PlacementStatus, stray: Stray) -> None:
        """Take what an interrupted attempt created after all into the inventory, to be pruned by a run."""
        item = InventoryItem(stray.object, version="", uid=stray.uid, wanted=False)
        if not inventory.take_in(self._transaction, row.id, item):
            return
        cause = Reason(CauseReason.CREATED_LATE, {"object": str(stray.object)})
        self._late.append(NewFinding(row.id, Trigger.DRIFT, cause))


def _said(drifts: Sequence[Drift]) -> Reason:
    if not drifts:
        return Reason(CauseReason.BACK)
    first = drifts[0]
    theirs = foreign(CauseReason.DRIFTED, kind=first.object.kind, name=first.object.name, by=first.manager)
    return Reason(theirs.code, {**theirs.params, "objects": len(drifts), "what": first.what})


def _interval(runtime: Runtime, fleet: Fleet, cluster: str, applications: Sequence[str]) -> timedelta:
    """Return the shortest interval among a cluster's placements."""
    placed = (fleet.placement(PlacementRef(cluster, name)) for name in applications)
    shortest = min((one.interval for one in placed if one is not None), default=runtime.settings.sweep_default)
    # Only spreads load: nothing depends on it being unpredictable.
    return shortest * random.uniform(0.85, 1.0)  # noqa: S311


def _next(where: Site, interval: timedelta, now: datetime) -> tuple[datetime, int]:
    """Return when the next sweep is due: after each interval, and sooner after a heal, by steps."""
    step = where.looks.sweep_step
    if 0 < step < len(STEPS):
        return now + min(STEPS[step], interval), step + 1
    return now + interval, 0
