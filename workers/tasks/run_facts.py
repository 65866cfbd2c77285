"""What is known around a claimed run, read from SQL at one instant, and what is decided on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.fleet import Fleet, Placement
from common.domain.inventory import Healing, InventoryItem
from common.domain.refs import ObjectId
from common.domain.revisions import RendererVersion
from common.domain.runs import Trigger
from common.domain.tenant import owner_of
from common.snapshots import NoFleetError
from common.store.engine.connection import Connection as DatabaseConnection
from common.store.queue import attempts, claims
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, inventory, sources
from common.store.state.approvals import Approval
from common.store.state.placement_status import PlacementStatus
from workers.tasks.preflight import Go, Stop, preflight
from workers.tasks.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about a claimed run, as SQL had it at one instant."""

    fleet: Fleet
    placement: Placement | None
    status: PlacementStatus
    inventory: tuple[InventoryItem, ...]
    fenced: frozenset[ObjectId]
    healings: Mapping[ObjectId, Healing]
    wrote_before: bool
    renderers: tuple[RendererVersion, ...] | None
    approval: Approval | None
    asks_to_move: bool
    decision: Stop | Go


def facts_of(runtime: Runtime, run: ClaimedRun) -> Facts:
    """Return what is known around a claimed run, and what is decided on it.

    Raises:
        NoFleetError: the snapshot in force is gone.
    """
    with runtime.database.read() as connection:
        known = claims.facts_of(connection, run)
        facts = partial(
            Facts,
            status=known.status,
            inventory=inventory.of(connection, run.placement_id),
            fenced=attempts.fenced_objects(connection, run.placement_id, run.attempt),
            healings=_healings(connection, run),
            wrote_before=attempts.wrote_before(connection, run.attempt),
            approval=_approval(connection, run),
            asks_to_move=known.asks_to_move,
        )
    # Once the transaction is over: parsing a fleet takes its time, and so do digests of an application's values.
    fleet = runtime.snapshots.fleet(runtime.database, known.snapshot_id)
    placement = fleet.placement(run.ref)
    if placement is not None and len(placement.to_resolve) > 1:
        with runtime.database.read() as connection:
            renderers = sources.renderers_of(connection, run.ref.application, placement.to_resolve)
        known = replace(known, renderers=renderers)
    tenant = known.status.tenant
    decision = preflight(
        run,
        known,
        placement,
        cluster=fleet.clusters.get(run.ref.cluster),
        owner=owner_of(None if tenant is None else tenant.project, fleet.projects),
        agreed=_agreed(runtime, run, fleet),
    )
    return facts(fleet=fleet, placement=placement, renderers=known.renderers, decision=decision)


def _agreed(runtime: Runtime, run: ClaimedRun, fleet: Fleet) -> bool:
    """Return whether a person asked for the run when its application was one of the project that it is of now.

    What was asked for before that, and is carried out only now, was asked for in another project's name.
    """
    now = fleet.applications.get(run.ref.application)
    if run.trigger is not Trigger.MANUAL or now is None:
        return False
    try:
        then = runtime.snapshots.fleet(runtime.database, run.snapshot_id).applications.get(run.ref.application)
    except NoFleetError:
        return False
    return then is not None and then.project == now.project


def _approval(connection: DatabaseConnection, run: ClaimedRun) -> Approval | None:
    """Return the approval a run carries out, if it is one: granted, to prune, and for this very placement."""
    found = approvals.get(connection, run.approval_id) if run.approval_id is not None else None
    if found is None or found.subject != str(run.ref):
        return None
    return found if (found.kind, found.state) == (ApprovalKind.PRUNE, ApprovalState.APPROVED) else None


def _healings(connection: DatabaseConnection, run: ClaimedRun) -> dict[ObjectId, Healing]:
    """Return how corrections have held, where this run makes some."""
    if run.trigger is not Trigger.DRIFT:
        return {}
    return {one: of for (_, one), of in inventory.healings(connection, [run.placement_id]).items()}
