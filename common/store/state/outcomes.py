"""What runs leave with their placements: a revision that is in, a failure, what a look found, or a retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, null, select, update

from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, RunId
from common.domain.revisions import Revision
from common.domain.runs import RunKind, Trigger
from common.domain.status import NONE, Failure, Found, Reason, Remedy
from common.domain.tenant import Tenant
from common.store.schema.tables import PlacementRow, RunRow
from common.store.state import status, tenants
from common.store.state.placement_rows import ONE, PLACEMENT, set_columns
from common.store.state.status import NO_FAILURE, failure_of, identity_of, settle
from common.store.state.stored_reasons import columns_of, params_in
from common.store.state.stored_sources import list_of

FULL_CHECK = timedelta(days=1)
"""How often each placement has a full dry-run, for what a fingerprint cannot see."""
_FAILURE = (
    select(
        *(
            PLACEMENT.c[name]
            for name in (
                "desired_source_digest", "desired_parameters_digest", "failure_code", "failure_params",
                "failure_remedy", "failure_since", "failure_last_at", "failure_count", "failures", "retry_at",
                "changed_at",
                "found_code",
            )
        ),
        RunRow.source_digest,
        RunRow.parameters_digest,
        RunRow.trigger,
    )
    .join_from(PLACEMENT, RunRow, RunRow.placement_id == PLACEMENT.c.id)
    .where(PLACEMENT.c.id == bindparam("of_placement"), RunRow.id == bindparam("of_run"))
    .with_for_update(of=PLACEMENT)
)  # fmt: skip
HOOKS = "hook."
"""What the codes of failures begin with that only a run with hooks can mend."""
_UNSEEN = (HOOKS, "prune.", "sync.deadline")
"""What the codes of failures begin with that no dry-run can see: it runs no hook, removes nothing, awaits no health."""


@dataclass(frozen=True, slots=True)
class Success:
    """A run that brought its placement to a revision.

    Attributes:
        found: what is left to be said of its objects; empty where all is as it should be.
        observe_until: health is awaited until then; None when nothing has a health worth waiting for.
        full_check_due_at: when the next full dry-run is due.
        delete_hooks: manifests of the hooks before and after the placement's removal.
        tenant: in whose name they were judged, and everything was written.
        signature: of both.
        hint: of the sweep that the run has looked after.
        unseen: what the codes of failures begin with that it could not mend: what it did not do.
    """

    revision: Revision
    manifest_digest: str
    objects: int
    found: Reason
    observe_until: datetime | None
    full_check_due_at: datetime
    tenant: Tenant
    signature: str
    delete_hooks: Sequence[Mapping[str, Any]] = ()
    hint: str = ""
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that failed.

    Attributes:
        run: which.
        code: of the error.
        params: what tells two failures apart; ``message`` is the exact words.
        remedy: whether time may help.
        retry_at: when it is tried again by itself; None when something changes.
        settings: digest of what the registry said of the placement.
        began: when its last attempt did; None where no worker ended it, so that any change since still counts.
        hint: of the sweep that the run has looked after.
    """

    run: RunId
    code: str
    params: Mapping[str, Any]
    remedy: Remedy
    retry_at: datetime | None
    settings: str = ""
    hint: str = ""
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A run that looked at everything and wrote nothing.

    Attributes:
        revision: that it compared with; None where it did not come to compare everything.
        found: what differs; empty for nothing.
        retry_at: when it is looked at again by itself; None when something changes.
        full_check_due_at: when the next full dry-run is due; None leaves it.
        hint: of the sweep that the run has looked after; empty where no object is left to look otherwise.
    """

    revision: Revision | None
    found: Reason
    retry_at: datetime | None
    full_check_due_at: datetime | None = None
    hint: str = ""


def record_success(connection: Connection, placement_id: int, success: Success, *, now: datetime) -> bool:
    """Note that a revision is in; a failure of another one, and one that the run could not see, stay.

    Returns:
        Whether something is noted of what the placement renders and does not own: see ``moves.note_arrived``.
    """
    values: dict[str, Any] = {
        "applied_source_digest": success.revision.source_digest,
        "applied_parameters_digest": success.revision.parameters_digest,
        "applied_sources": list_of(success.revision.sources),
        "manifest_digest": success.manifest_digest,
        "applied_at": now,
        "objects": success.objects,
        "full_check_due_at": success.full_check_due_at,
        "observe_until": success.observe_until,
        "delete_hooks": list(success.delete_hooks) or None,
        **tenants.columns(success.tenant, success.signature),
        **_judged(success.found, success.hint if success.found else "", now),
    }
    if success.observe_until is None:
        values |= {"health": Health.HEALTHY, **columns_of("health_reason", NONE), "health_at": now}
    row = status.held(connection, placement_id)
    seen = not row.failure_code.startswith(success.unseen)
    desired = identity_of(row.desired_source_digest, row.desired_parameters_digest)
    # Where another revision is wanted meanwhile, what failed may be that one.
    if seen and desired == success.revision.identity:
        values |= NO_FAILURE
    status.write(connection, row, values)
    return bool(row.coming)


def _failure_of(connection: Connection, placement_id: int) -> str:
    """Return the code of a placement's failure, empty for none; its row is held until the transaction ends."""
    failed = select(PLACEMENT.c.failure_code).where(PLACEMENT.c.id == placement_id).with_for_update()
    return str(connection.execute(failed).scalar_one())


def record_failure(connection: Connection, placement_id: int, failed: Failed, *, now: datetime) -> None:
    """Note that a run failed, and when the placement may have its next by itself; None: when something changes.

    What a run for another revision than the wanted one ran into is that run's history, not the placement's. A run
    that is wanted already, because a newer revision came in the meantime, stays wanted as it was.
    """
    row = connection.execute(_FAILURE, {"of_placement": placement_id, "of_run": failed.run}).one()
    if Trigger(row.trigger).kind is RunKind.CHECK:
        return
    again = row.retry_at if row.retry_at is not None else failed.retry_at
    desired = identity_of(row.desired_source_digest, row.desired_parameters_digest)
    if desired != identity_of(row.source_digest, row.parameters_digest):
        set_columns(connection, placement_id, {"retry_at": again})
        return
    before = failure_of(row)
    met = before.met if before is not None else Failure(failed.code, {}, failed.remedy, now, now).met
    failure = met(failed.code, dict(failed.params), failed.remedy, now=now)
    values: dict[str, Any] = {
        "failure_code": failure.code,
        "failure_params": dict(failure.params),
        "failure_remedy": failure.remedy,
        "failure_since": failure.since,
        "failure_last_at": failure.last,
        "failure_count": failure.count,
        "failure_settings": failed.settings,
        "changed_at": _changed_since(row.changed_at, failed.began),
        "failures": row.failures + 1,
        "retry_at": again,
        "hint_judged": failed.hint,
    }
    if row.found_code == Found.RETRIES:
        values |= {"found_code": "", "found_params": None}
    set_columns(connection, placement_id, values)
    settle(connection, [placement_id])


def _changed_since(changed: datetime | None, began: datetime | None) -> datetime | None:
    """Return when something changed that an attempt may not have met; None where it met all that did."""
    return None if changed is None or (began is not None and changed < began) else changed


def record_checked(connection: Connection, placement_id: int, checked: Checked, *, now: datetime) -> None:
    """Note what a run found that wrote nothing; a run that is wanted already stays wanted.

    Where nothing differs, the revision that it compared with is in; unless that failed by what no look can see, which
    only a run that writes ends, or another revision.
    """
    values: dict[str, Any] = _judged(checked.found, checked.hint, now)
    unseen = _failure_of(connection, placement_id).startswith(_UNSEEN)
    # What was removed and goes in its own time keeps nothing from being in, as after a run that writes.
    brought_in = checked.revision is not None and checked.found.code in {"", Found.PRUNE_HELD} and not unseen
    if checked.retry_at is not None:
        values["retry_at"] = func.coalesce(PlacementRow.retry_at, checked.retry_at)
    if checked.full_check_due_at is not None:
        values["full_check_due_at"] = checked.full_check_due_at
    if checked.revision is not None and brought_in:
        values |= {
            "applied_source_digest": checked.revision.source_digest,
            "applied_parameters_digest": checked.revision.parameters_digest,
            "applied_sources": list_of(checked.revision.sources),
            "applied_at": func.coalesce(PlacementRow.applied_at, now),
        }
    set_columns(connection, placement_id, values)
    if checked.revision is not None and brought_in:
        _forget_failure(connection, placement_id, checked.revision.identity)
    settle(connection, [placement_id])


def record_found(connection: Connection, placement_id: int, found: Reason) -> None:
    """Note what is to be said of the objects: a run waits for them, or a person."""
    set_columns(connection, placement_id, columns_of("found", found))
    settle(connection, [placement_id])


def record_retrying(connection: Connection, placement_id: int, *, code: str, message: str) -> None:
    """Note that a run is tried again by itself, unless more than that is known of the objects."""
    free = PLACEMENT.c.found_code.in_(("", Found.RETRIES.value))
    values = {"found_code": Found.RETRIES.value, "found_params": {"code": code, "message": message}}
    connection.execute(ONE.where(free).values(values), {"of_placement": placement_id})
    settle(connection, [placement_id])


def record_given_up(connection: Connection, placement_id: int) -> None:
    """Note that a run ended without having judged anything, so that nothing is tried again."""
    retries = ONE.where(PLACEMENT.c.found_code == Found.RETRIES.value)
    connection.execute(retries.values(found_code="", found_params=None), {"of_placement": placement_id})
    settle(connection, [placement_id])


def record_rejected(connection: Connection, ref: PlacementRef, *, by: str, why: str) -> None:
    """Note that a person rejected the removals that the placement asked for."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    asked = select(PlacementRow.id, PlacementRow.found_params).where(
        *mine, PlacementRow.found_code == Found.PRUNE_ASKED
    )
    row = connection.execute(asked.with_for_update()).one_or_none()
    if row is not None:
        params = {"objects": params_in(row.found_params).get("objects", 0), "by": by, "why": why}
        record_found(connection, row.id, Reason(Found.PRUNE_REJECTED, params))


def record_left(connection: Connection, placement_id: int) -> None:
    """Note that nothing of the placement remains on its cluster; one that is wanted again meanwhile is not gone."""
    leaving = PlacementRow.state == PlacementState.LEAVING
    values = {
        "state": case((leaving, PlacementState.LEFT.value), else_=PlacementRow.state),
        "applied_source_digest": None,
        "applied_parameters_digest": None,
        "applied_sources": None,
        "applied_at": None,
        "manifest_digest": None,
        "objects": 0,
        "hold_code": case((leaving, ""), else_=PlacementRow.hold_code),
        "hold_params": case((leaving, null()), else_=PlacementRow.hold_params),
        "retry_at": None,
        "observe_until": None,
        "delete_hooks": None,
        "tenant_project": None,
        "tenant_account": None,
        "removal_signature": None,
        "found_code": "",
        "found_params": None,
        "hint_judged": "",
        **columns_of("contact", NONE),
    }
    set_columns(connection, placement_id, values)
    _forget_failure(connection, placement_id, None)
    settle(connection, [placement_id])


def _judged(found: Reason, hint: str, now: datetime) -> dict[str, Any]:
    """Return what a run writes that has seen all objects."""
    return {
        **columns_of("found", found),
        "hint_judged": hint,
        "confirmed_at": now,
        **columns_of("contact", NONE),
    }


def _forget_failure(connection: Connection, placement_id: int, identity: tuple[str, str] | None) -> None:
    """Take away the failure, unless another revision is wanted meanwhile: what failed may be that one."""
    source, parameters = identity if identity is not None else (None, None)
    mine = (
        PlacementRow.id == placement_id,
        PlacementRow.desired_source_digest.is_not_distinct_from(source),
        PlacementRow.desired_parameters_digest.is_not_distinct_from(parameters),
    )
    connection.execute(update(PlacementRow).where(*mine).values(NO_FAILURE))
