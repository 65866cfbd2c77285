"""What an attempt that came to its end changes of its placement, in the transaction that ends it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from common.domain.approvals import ApprovalKind
from common.domain.changes import DIFFERENCES, MUTATIONS, Action
from common.domain.fleet import SyncMode
from common.domain.refs import ObjectId
from common.domain.runs import LONGEST_BACK_OFF, Trigger
from common.domain.status import NONE, Found, Reason
from common.store.engine.connection import Connection
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, clusters, inventory, outcomes, placement_status
from common.store.state.moves import look_again, note_arrived
from common.store.state.outcomes import FULL_CHECK, HOOKS, Checked, Success
from workers.record import asking, summary
from workers.record.known import Known
from workers.sync.healing import healed
from workers.sync.health import own_kinds, waits_for_health
from workers.sync.results import SyncResult

FIRST_LOOK = timedelta(seconds=1)
AFTER_HEAL = timedelta(seconds=10)


def note_applied(
    connection: Connection, run: ClaimedRun, known: Known, result: SyncResult, found: Reason, *, now: datetime
) -> None:
    """Note that a revision is in, and have its health and its cluster looked at.

    Args:
        connection: of the transaction that ends the attempt.
        run: as claimed.
        known: all of it.
        result: what the engine did.
        found: what is left to be said of the objects.
        now: by the database's clock.
    """
    revision = run.revision
    tenant, signer = known.tenant, known.signer
    assert revision is not None and tenant is not None and signer is not None, "only a removal has none"  # noqa: S101, PT018 - the type cannot say it
    present = [change.object for change in result.changes if change.action is not Action.PRUNED]
    own = own_kinds(known.placement.application.health if known.placement is not None else ())
    waits = any(waits_for_health(object_id, own) for object_id in present)
    awaited = now + known.settings.deadline if waits else None
    success = Success(
        revision=revision,
        manifest_digest=known.manifest_digest or "",
        objects=len(present),
        found=found,
        observe_until=awaited,
        full_check_due_at=_next_full_check(now),
        tenant=tenant,
        signature=signer.sign(tenant, result.delete_hooks),
        delete_hooks=result.delete_hooks,
        hint=known.hint,
        unseen=(HOOKS,) if result.unended.begun else (),
    )
    if outcomes.record_success(connection, run.placement_id, success, now=now):
        note_arrived(connection, run.placement_id)
    if run.trigger is not Trigger.DRIFT:
        if known.asks_to_move:
            approvals.close(connection, ApprovalKind.MOVE, str(run.ref), now=now)
        look_again(connection, run.ref, now=now)
    observe_at = now + FIRST_LOOK if awaited is not None else None
    # A cluster that held nothing, or slower placements only, may not be due for long.
    sweep_by = now + known.placement.interval if known.placement is not None else None
    clusters.look_by(connection, run.ref.cluster, observe_at=observe_at, sweep_at=sweep_by)
    if run.trigger is Trigger.DRIFT:
        _note_healed(connection, run, [one.object for one in result.changes if one.action in MUTATIONS], now)


def _note_healed(connection: Connection, run: ClaimedRun, objects: Sequence[ObjectId], now: datetime) -> None:
    """Note how the corrections of each object have held, and have the cluster swept soon to see if these do."""
    if not objects:
        return
    before = inventory.healings(connection, [run.placement_id])
    now_healed = {one: healed(before.get((run.placement_id, one)), now=now) for one in objects}
    inventory.record_healings(connection, run.placement_id, now_healed)
    clusters.look_by(connection, run.ref.cluster, sweep_at=now + AFTER_HEAL, step=1)


def note_checked(connection: Connection, run: ClaimedRun, known: Known, result: SyncResult, *, now: datetime) -> None:
    """Note what a look found; arguments as for ``note_applied``."""
    unsettled = [change for change in result.changes if change.action in DIFFERENCES]
    # Whose field it is alone makes no difference to what is in it: where nothing may be written, it is no drift.
    different = [one for one in unsettled if one.action is not Action.CONFIGURED or one.diff]
    warns = known.settings.mode is SyncMode.WARN
    again = now + (known.placement.interval if known.placement else LONGEST_BACK_OFF)
    removals = [one.object for one in different if one.action is Action.PRUNED]
    asked = asking.asked_before(connection, run, result, removals) if len(removals) == len(different) else NONE
    differs = summary.difference(different, Found.WARNED if warns else Found.DRIFTED)
    checked = Checked(
        revision=run.revision,
        found=asked or differs or summary.left_over(result, _hooks_left(connection, run, known, result)),
        retry_at=again if warns else None,
        full_check_due_at=_next_full_check(now),
        hint=known.hint if unsettled else "",
    )
    outcomes.record_checked(connection, run.placement_id, checked, now=now)


def _hooks_left(connection: Connection, run: ClaimedRun, known: Known, result: SyncResult) -> Sequence[ObjectId]:
    """Return which hooks keep from being in what a look finds to be as Git says.

    Where the revision was in before, or renders the very bytes of the one that was, none needs to run for it; but
    what a run has begun since is to come to its end.
    """
    row, revision = placement_status.get(connection, run.placement_id), run.revision
    same = bool(row.manifest_digest) and row.manifest_digest == known.manifest_digest
    was_in = same or (revision is not None and row.applied == revision.identity)
    return result.unended.begun if was_in else result.unended.hooks


def _next_full_check(now: datetime) -> datetime:
    """Return when the next full dry-run is due: a day from now, spread out, so that not all fall due together."""
    # Only spreads load: nothing depends on it being unpredictable.
    return now + FULL_CHECK * random.uniform(0.75, 1.0)  # noqa: S311
