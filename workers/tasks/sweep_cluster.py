"""Sweeps one cluster: a LIST per kind, fingerprints compared, and a run for what drifted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from common.db import attempts, clusters, inventory, orphans, runs, sources, standing
from common.db.connection import Connection
from common.db.errors import DatabaseUnavailableError
from common.db.runs import NewRun
from common.db.standing import Standing
from common.domain import numbers
from common.domain.errors import FlotillaError
from common.domain.fleet import Disposition, Placement, SyncMode
from common.domain.inventory import InventoryItem
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.runs import SyncStatus, Trigger
from common.telemetry.logs import logger
from workers.sync.healing import STEPS, Heal, heal
from workers.sync.marks import PLACEMENT_LABEL
from workers.sync.sweep import Finding, Stray, SweepResult, SweepVerdict, compare
from workers.tasks.leases import HeldLease
from workers.tasks.looking import Site, alone, listed, reach, site, unreached
from workers.tasks.runtime import Runtime

log = logger(__name__)
EARLY = timedelta(seconds=5)
"""A sweep that is due later than this was asked for twice."""


def sweep(runtime: Runtime, name: str) -> None:
    """Sweep a cluster if that is due, and store what was found.

    Raises:
        DatabaseUnavailableError: nothing was stored; it is sent again.
    """
    with alone(runtime, "sweep", name) as mine:
        where = site(runtime, name) if mine else None
        if mine is None or where is None or not _due(runtime, where):
            return
        try:
            _sweep(runtime, where, mine)
        except DatabaseUnavailableError:
            raise
        except FlotillaError as error:
            unreached(runtime, where, error, next_at_least=_interval(runtime, where))


def _due(runtime: Runtime, where: Site) -> bool:
    with runtime.database.read() as connection:
        now = runtime.database.now(connection)
    return where.looks.sweep_due_at is None or where.looks.sweep_due_at <= now + EARLY


def _sweep(runtime: Runtime, where: Site, mine: HeldLease) -> None:
    connection = reach(runtime, where.cluster)
    with runtime.database.read() as transaction:
        inventories = inventory.of_cluster(transaction, where.cluster.name)
    cluster = connection.session(runtime.agent(f"sweep of {where.cluster.name}"))
    mine.watch(cluster.requests)
    lists = listed(
        cluster,
        lambda kind, namespace: cluster.list_meta(kind, namespace=namespace, selector=PLACEMENT_LABEL),
        (item for items in inventories.values() for item in items if not item.is_hook),
    )
    metas = {key: None if one is None else one[1] for key, one in lists.items()}
    found = compare(where.fleet.name, where.cluster.name, inventories, metas)
    version = connection.version()
    with runtime.database.write() as transaction:
        now = runtime.database.now(transaction)
        clusters.record_reached(
            transaction,
            where.cluster.name,
            version=version,
            expire_at=connection.credentials_expire_at,
            now=now,
        )
        snapshot_id, _ = runtime.snapshots.in_force(transaction)
        recorder = Recorder(transaction, where, snapshot_id, now)
        recorder.record(found)
        standing.await_health(transaction, where.cluster.name, now=now)
        clusters.look_by(transaction, where.cluster.name, observe_at=now)
        next_at, step = _next(runtime, where, now)
        clusters.swept(transaction, where.cluster.name, next_at=next_at, step=step, now=now)
    log.info("cluster.swept", cluster=where.cluster.name, requests=dict(cluster.requests()))


class Recorder:
    """Stores what one sweep found, in one transaction.

    Args:
        transaction: that one.
        where: the cluster.
        snapshot_id: in force.
        now: by the database's clock.
    """

    def __init__(self, transaction: Connection, where: Site, snapshot_id: int, now: datetime) -> None:
        self._transaction = transaction
        self._where = where
        self._snapshot_id = snapshot_id
        self._now = now
        self._sources = sources.ids(transaction)
        self._by_ref: Mapping[PlacementRef, Standing] = {one.ref: one for one in where.placements}

    def record(self, found: SweepResult) -> None:
        """Store verdicts, strays, and the runs they lead to."""
        ids: dict[Finding, list[int]] = {finding: [] for finding in Finding}
        for verdict in found.verdicts:
            row = self._by_ref.get(verdict.ref)
            if row is None:
                continue
            ids[verdict.finding].append(row.id)
            if verdict.finding is Finding.DRIFTED:
                self._drifted(row, verdict)
        standing.confirm(self._transaction, ids[Finding.CONFIRMED], now=self._now)
        standing.doubt(self._transaction, ids[Finding.UNKNOWN], "not everything could be read")
        self._check_fully(ids[Finding.CONFIRMED])
        self._strays(found.strays)

    def _drifted(self, row: Standing, verdict: SweepVerdict) -> None:
        placement = self._where.fleet.placement(row.ref)
        decision = heal(row.fight_step, healed_at=row.healed_at, heal_after=row.heal_after, now=self._now)
        first = verdict.drifts[0]
        by = f" by {first.manager}" if first.manager else ""
        drifted = numbers.of(len(verdict.drifts), "object")
        cause = f"{drifted} drifted: {first.object.kind} {first.object.name} {first.what}{by}"
        reason = f"a fight: {cause}" if decision.step else cause
        if row.state is PlacementState.PLACED and row.sync is SyncStatus.SYNCED:
            standing.record_drift(
                self._transaction, row.id, reason=reason, fight_step=decision.step, heal_after=decision.after
            )
        if placement is not None and self._may_heal(row, placement, decision):
            self._run(row, placement, reason)

    def _may_heal(self, row: Standing, placement: Placement, decision: Heal) -> bool:
        reported = placement.sync.mode is SyncMode.WARN and row.sync is not SyncStatus.SYNCED
        return (
            row.state is PlacementState.PLACED
            and placement.disposition is Disposition.SYNC
            and placement.sync.mode is not SyncMode.MANUAL
            and not row.paused
            and not reported
            and decision.after is None
        )

    def _check_fully(self, confirmed: Sequence[int]) -> None:
        """Give the placements whose daily full dry-run is due their run, for what a fingerprint cannot see."""
        known = set(confirmed)
        for row in self._where.placements:
            due = row.full_check_due_at is not None and row.full_check_due_at <= self._now
            placement = self._where.fleet.placement(row.ref)
            if row.id in known and due and placement is not None and self._may_heal(row, placement, Heal(0, None)):
                self._run(row, placement, "the daily full check")

    def _run(self, row: Standing, placement: Placement, cause: str) -> None:
        if row.desired is None or row.applied != row.desired.identity:
            return  # a run for the revision it should be at is on its way, and corrects drift too
        run = NewRun(
            placement_id=row.id,
            ref=row.ref,
            trigger=Trigger.DRIFT,
            actor="flotilla",
            cause=cause,
            queue=self._where.cluster.pool,
            revision=row.desired,
            source_id=self._sources.get(placement.to_resolve[0]),
            snapshot_id=self._snapshot_id,
        )
        runs.create(self._transaction, run, now=self._now)

    def _strays(self, strays: Sequence[Stray]) -> None:
        found: list[Stray] = []
        for stray in strays:
            row = self._by_ref.get(stray.ref)
            if row is not None and stray.object in attempts.possible_late_creates(self._transaction, row.id):
                self._late_create(row, stray)
            else:
                found.append(stray)
        named = ((stray.object, stray.ref) for stray in found)
        orphans.replace(self._transaction, self._where.cluster.name, named, now=self._now)

    def _late_create(self, row: Standing, stray: Stray) -> None:
        """Take what an interrupted attempt created after all into the inventory, to be pruned by a run."""
        item = InventoryItem(stray.object, version="", uid=stray.uid, wanted=False)
        inventory.replace(self._transaction, row.id, [item])
        placement = self._where.fleet.placement(row.ref)
        if placement is not None:
            self._run(row, placement, f"{stray.object} was created late by an attempt that was interrupted")


def _interval(runtime: Runtime, where: Site) -> timedelta:
    """Return the shortest interval among the cluster's placements."""
    placed = (where.fleet.placement(row.ref) for row in where.placements)
    shortest = min((one.interval for one in placed if one is not None), default=runtime.settings.sweep_default)
    # Only spreads load: nothing depends on it being unpredictable.
    return shortest * random.uniform(0.85, 1.0)  # noqa: S311


def _next(runtime: Runtime, where: Site, now: datetime) -> tuple[datetime, int]:
    """Return when the next sweep is due: soon again after a heal, by steps, then each interval."""
    step = where.looks.sweep_step
    if 0 < step < len(STEPS):
        return now + STEPS[step], step + 1
    return now + _interval(runtime, where), 0
