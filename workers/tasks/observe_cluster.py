"""Looks at the health of everything on one cluster that waits for it, in a few LISTs; nobody else ever waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from common.domain.errors import FlotillaError
from common.domain.health import WELL, Health, HealthReport
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef
from common.store.engine.connection import Connection
from common.store.queue import waits
from common.store.queue.waits import WaitingRun
from common.store.state import clusters, healths, inventory
from common.store.state.healths import SeenHealth
from common.store.state.placement_status import PlacementStatus
from common.telemetry.logs import logger
from workers.kube.pool import OWN
from workers.render.rules.evaluation import Expressions
from workers.sync.health import NO_RULES, Context, Own, own_rules, waits_for_health
from workers.sync.health.storage import late_binding
from workers.sync.objects.live import by_id
from workers.sync.objects.marks import PLACEMENT_LABEL
from workers.sync.observe import PlacementHealth, reports
from workers.tasks.awaited import unreleased, unserved
from workers.tasks.leases import HeldLease
from workers.tasks.looking import Site, listed, look_at, reach, unreached
from workers.tasks.runtime import Runtime

log = logger(__name__)
STEPS = tuple(timedelta(seconds=s) for s in (1, 2, 3, 5, 10, 15, 30))
"""Pauses between two looks at health that is awaited."""
SETTLED = WELL | {Health.DEGRADED}


@dataclass(frozen=True, slots=True)
class _States:
    """What is known of objects besides their health.

    Attributes:
        hooks: these are hooks.
        not_to_come: these are waited for, and cannot be made yet.
    """

    hooks: frozenset[ObjectId]
    not_to_come: frozenset[ObjectId]


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a cluster.

    Attributes:
        awaited: the placements that it was taken for.
        seen: how healthy each was.
        waited: the runs that waited as it began.
    """

    where: Site
    awaited: Mapping[PlacementRef, PlacementStatus]
    seen: tuple[PlacementHealth, ...]
    waited: frozenset[WaitingRun]


def observe(runtime: Runtime, name: str) -> None:
    """Look at a cluster's health, store it, and let runs go on that waited for it.

    Raises:
        DatabaseUnavailableError: nothing was stored; it is sent again.
        DatabaseBusyError: the same.
    """

    def failed(where: Site, error: FlotillaError) -> None:
        unreached(runtime, where, error, next_at_least=STEPS[-1])
        with runtime.database.write() as connection:
            clusters.not_observed(connection, name)

    look_at(runtime, "observe", name, look=partial(_observe, runtime), failed=failed)


def _observe(runtime: Runtime, where: Site, mine: HeldLease) -> None:
    awaited = {row.ref: row for row in where.placements if row.observe_until is not None}
    if not awaited:
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            clusters.observed(connection, where.cluster.name, again_at=now + STEPS[0], step=1)
        return
    reached = reach(runtime, where.cluster)
    with runtime.database.read() as transaction:
        everything = inventory.of_cluster(transaction, where.cluster.name)
        waiting = waits.on(transaction, where.cluster.name)
        now = runtime.database.now(transaction)
    inventories = {ref: everything.get(ref, ()) for ref in awaited}
    own = _own_rules(where, runtime.expressions)
    cluster = reached.session(runtime.agent(f"health of {where.cluster.name}"), account=OWN)
    mine.watch(cluster.requests)
    lists = listed(
        cluster,
        lambda kind, namespace: cluster.list_objects(kind, namespace=namespace, selector=PLACEMENT_LABEL),
        (
            item
            for ref, items in inventories.items()
            for item in items
            if item.awaited and waits_for_health(item.object, own.get(ref, NO_RULES))
        ),
    )
    live = {key: None if one is None else by_id(*one) for key, one in lists.items()}
    claims = live.get(("", "PersistentVolumeClaim")) or {}
    seen = reports(inventories, live, Context(now, late_binding(cluster, claims.values())), own)
    not_to_come = frozenset(unserved(cluster, inventories, waiting)) | frozenset(
        unreleased(everything, where.placements, waiting)
    )
    with runtime.database.write() as transaction:
        hooks = frozenset(item.object for items in inventories.values() for item in items if item.is_hook)
        states = _States(hooks, not_to_come)
        look = _Look(where, awaited, seen, frozenset(waiting))
        _record(transaction, look, states, runtime.database.now(transaction))


def _own_rules(where: Site, expressions: Expressions) -> dict[PlacementRef, Own]:
    """Return the rules of the applications on the cluster that have any."""
    applications = where.fleet.applications
    return {
        row.ref: own_rules(one.health, expressions.of(one.project))
        for row in where.placements
        if (one := applications.get(row.ref.application)) is not None and one.health
    }


def _record(connection: Connection, look: _Look, states: _States, now: datetime) -> None:
    where, awaited, seen = look.where, look.awaited, look.seen
    waiting = {run.placement_id: run for run in waits.on(connection, where.cluster.name)}
    placements: list[SeenHealth] = []
    for found in seen:
        row = awaited[found.ref]
        run = waiting.get(row.id)
        # One that began to wait since is not woken by what was there before.
        if run is not None and run in look.waited and _came(found, run, states):
            waits.resume(connection, run.run, now=now)
            until = None
        else:
            until = _until(row, found.report, waits=run is not None, now=now)
        placements.append(SeenHealth(row.id, found.report, row.observe_until, until))
        if found.report.health is not row.health.health:
            why = sentence(found.report.reason)
            log.info("health.changed", placement=str(row.ref), health=found.report.health, reason=why)
    # Inventories before placements before clusters, as at the end of a run: neither then waits for the other.
    known = inventory.healths(connection, [one.placement_id for one in placements])
    objects = [(awaited[found.ref].id, one.object, one.report) for found in seen for one in found.objects]
    changed = [(id_, object_, report) for id_, object_, report in objects if known.get((id_, object_)) != report]
    inventory.record_healths(connection, changed)
    ended = [(awaited[found.ref].id, one.item, one.end) for found in seen for one in found.objects if one.newly_ended]
    inventory.record_ends(connection, ended)
    healths.record_healths(connection, placements, now=now)
    step = min(where.looks.observe_step + 1, len(STEPS))
    clusters.observed(connection, where.cluster.name, again_at=now + STEPS[step - 1], step=step)


def _came(found: PlacementHealth, run: WaitingRun, known: _States) -> bool:
    """Return whether what a run waits for has come: health, a kind, or the end of a hook, be it a bad one."""
    if not run.awaits:
        return found.report.health in WELL
    if not run.awaits.isdisjoint(known.not_to_come):
        return False
    states = {one.object: one.report.health for one in found.objects if one.object in run.awaits}
    bad_ends = {Health.DEGRADED, Health.MISSING}
    if any(health in bad_ends for one, health in states.items() if one in known.hooks):
        return True
    return all(health in WELL for health in states.values())


def _until(row: PlacementStatus, report: HealthReport, *, waits: bool, now: datetime) -> datetime | None:
    """Return until when the placement's health goes on being awaited; None when no longer."""
    if not waits and report.health in SETTLED:
        return None
    return row.observe_until if row.observe_until is not None and row.observe_until > now else None
