"""What workers found out about placements: synced or not, healthy or not, and when that was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ClauseElement, Connection, bindparam, case, func, null, or_, select, update

from common.domain.health import Health, HealthReport
from common.domain.placements import PlacementState
from common.domain.reasons import nested
from common.domain.refs import PlacementRef, RunId
from common.domain.revisions import Revision
from common.domain.runs import RetryPolicy, SyncStatus, Trigger, own_back_off
from common.domain.status import NO_CONTACT, NONE, Contact, Failure, Found, Reason, Remedy
from common.domain.tenant import Tenant
from common.store.engine.dialect import batched, table_of
from common.store.schema.tables import PlacementRow, RunRow
from common.store.state import status, tenants
from common.store.state.status import NO_FAILURE, failure_of, identity_of, settle
from common.store.state.stored_reasons import columns_of, params_in, reason_in
from common.store.state.stored_sources import list_of

_PLACEMENT = table_of(PlacementRow)
_ONE = update(_PLACEMENT).where(_PLACEMENT.c.id == bindparam("of_placement"))
_FAILURE = (
    select(
        *(
            _PLACEMENT.c[name]
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
    .join_from(_PLACEMENT, RunRow, RunRow.placement_id == _PLACEMENT.c.id)
    .where(_PLACEMENT.c.id == bindparam("of_placement"), RunRow.id == bindparam("of_run"))
    .with_for_update(of=_PLACEMENT)
)  # fmt: skip
_BY_CONTACT = (
    *sorted(NO_CONTACT),
    "cluster.unauthorised",
    "cluster.untrusted",
    "cluster.proxy-refused",
    "cluster.blocked",
)
_CREDENTIALS = "credentials."
HOOKS = "hook."
"""What the codes of failures begin with that only a run with hooks can mend."""
_UNSEEN = (HOOKS, "prune.", "sync.deadline")
"""What the codes of failures begin with that no dry-run can see: it runs no hook, removes nothing, awaits no health."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One placement, as workers need it.

    Attributes:
        mark: value of its ownership label.
        desired: identity of what it should run; None while it is unresolved, or where it leaves.
        applied: identity of what it runs; None before its first success.
        found: what the last run that judged its objects found.
        failure: what the last run for what is wanted failed for; None where none did.
        hint: what the last sweep saw.
        hint_judged: what a run has judged last.
        observe_until: health is awaited until then.
        full_check_due_at: when its daily full dry-run is due.
        delete_hooks: manifests of the hooks before and after its removal.
        tenant: in whose name its objects and those hooks were written; None where nobody knows.
        signature: of both; empty where nobody signed them.
        synced_before: whether a run ever brought it to a revision, since it was placed.
        manifest_digest: of what was rendered for the last run that brought it to a revision; empty before.
        looked: the last wanted revision whose manifests a run has read.
    """

    id: int
    ref: PlacementRef
    mark: str
    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    sync: SyncStatus
    found: Reason
    failure: Failure | None
    hint: str
    hint_judged: str
    retry_at: datetime | None
    paused: bool
    health: HealthReport
    failures: int
    full_check_due_at: datetime | None
    observe_until: datetime | None
    delete_hooks: Sequence[Mapping[str, Any]] = ()
    tenant: Tenant | None = None
    signature: str = ""
    synced_before: bool = False
    manifest_digest: str = ""
    looked: str = ""


def get(connection: Connection, placement_id: int) -> Standing:
    """Return one placement; a run's reference rules out that there is none."""
    return standing_of(
        connection.execute(select(*PlacementRow.__table__.c).where(PlacementRow.id == placement_id)).one()
    )


def of_cluster(connection: Connection, cluster: str) -> tuple[Standing, ...]:
    """Return the placements of a cluster that are not gone."""
    query = select(*PlacementRow.__table__.c).where(
        PlacementRow.cluster == cluster, PlacementRow.state != PlacementState.LEFT
    )
    return tuple(standing_of(row) for row in connection.execute(query.order_by(PlacementRow.application)))


def placed_on(connection: Connection, cluster: str) -> tuple[str, ...]:
    """Return the applications that are placed on a cluster."""
    mine = (PlacementRow.cluster == cluster, PlacementRow.state == PlacementState.PLACED)
    return tuple(connection.scalars(select(PlacementRow.application).where(*mine)))


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
    failed = select(_PLACEMENT.c.failure_code).where(_PLACEMENT.c.id == placement_id).with_for_update()
    return str(connection.execute(failed).scalar_one())


def record_failure(connection: Connection, placement_id: int, failed: Failed, *, now: datetime) -> None:
    """Note that a run failed, and when the placement may have its next by itself; None: when something changes.

    What a run for another revision than the wanted one ran into is that run's history, not the placement's. A run
    that is wanted already, because a newer revision came in the meantime, stays wanted as it was.
    """
    row = connection.execute(_FAILURE, {"of_placement": placement_id, "of_run": failed.run}).one()
    if row.trigger == Trigger.CHECK:
        return
    again = row.retry_at if row.retry_at is not None else failed.retry_at
    desired = identity_of(row.desired_source_digest, row.desired_parameters_digest)
    if desired != identity_of(row.source_digest, row.parameters_digest):
        _update(connection, placement_id, {"retry_at": again})
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
    _update(connection, placement_id, values)
    settle(connection, [placement_id])


def _changed_since(changed: datetime | None, began: datetime | None) -> datetime | None:
    """Return when something changed that an attempt may not have met; None where it met all that did."""
    return None if changed is None or (began is not None and changed < began) else changed


def without_access(code: str) -> bool:
    """Return whether an error says that nothing of the cluster could be read, by its code."""
    return code in _BY_CONTACT or code.startswith(_CREDENTIALS)


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
    _update(connection, placement_id, values)
    if checked.revision is not None and brought_in:
        _forget_failure(connection, placement_id, checked.revision.identity)
    settle(connection, [placement_id])


def record_found(connection: Connection, placement_id: int, found: Reason) -> None:
    """Note what is to be said of the objects: a run waits for them, or a person."""
    _update(connection, placement_id, columns_of("found", found))
    settle(connection, [placement_id])


def nothing_held(connection: Connection, placement_id: int) -> None:
    """Note that nothing that was removed is kept by finalizers any more, unless a run has found something else."""
    held = _PLACEMENT.c.found_code == Found.PRUNE_HELD.value
    connection.execute(_ONE.where(held).values(columns_of("found", NONE)), {"of_placement": placement_id})
    settle(connection, [placement_id])


def record_retrying(connection: Connection, placement_id: int, *, code: str, message: str) -> None:
    """Note that a run is tried again by itself, unless more than that is known of the objects."""
    free = _PLACEMENT.c.found_code.in_(("", Found.RETRIES.value))
    values = {"found_code": Found.RETRIES.value, "found_params": {"code": code, "message": message}}
    connection.execute(_ONE.where(free).values(values), {"of_placement": placement_id})
    settle(connection, [placement_id])


def record_given_up(connection: Connection, placement_id: int) -> None:
    """Note that a run ended without having judged anything, so that nothing is tried again."""
    retries = _ONE.where(_PLACEMENT.c.found_code == Found.RETRIES.value)
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
    _update(connection, placement_id, values)
    _forget_failure(connection, placement_id, None)
    settle(connection, [placement_id])


def mark_observed(connection: Connection, placement_ids: Sequence[int], *, now: datetime) -> None:
    """Note that a sweep found everything as we left it. Whether that is what is wanted, others know."""
    for batch in batched(placement_ids):
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(batch)).values(confirmed_at=now))
        settle(connection, batch)


def reached(connection: Connection, placement_ids: Sequence[int], *, now: datetime) -> None:
    """Note that these placements can be read; who failed for want of that, or of credentials, is tried again.

    Now, where contact was lost. Where only runs met the fault it may be theirs alone, so that it is tried later and
    later: what they lacked was mended before a sweep missed it, or is still lacking.
    """
    at_fault = or_(PlacementRow.failure_code.in_(_BY_CONTACT), PlacementRow.failure_code.startswith(_CREDENTIALS))
    for batch in batched(placement_ids):
        unnoticed = select(PlacementRow.id, PlacementRow.failure_last_at, PlacementRow.failures).where(
            PlacementRow.id.in_(batch), PlacementRow.contact_code == "", at_fault, PlacementRow.retry_at.is_(None)
        )
        for row in connection.execute(unnoticed).all():
            pause = own_back_off(max(row.failures - 1, 0), RetryPolicy())
            want_again(connection, row.id, at=max(now, row.failure_last_at + pause))
        lost = (PlacementRow.id.in_(batch), PlacementRow.contact_code != "")
        sooner = or_(PlacementRow.retry_at.is_(None), PlacementRow.retry_at > now)
        connection.execute(update(PlacementRow).where(*lost, at_fault, sooner).values(retry_at=now))
        again = update(PlacementRow).where(*lost).values(columns_of("contact", NONE)).returning(PlacementRow.id)
        settle(connection, connection.execute(again).scalars())


def lose_contact(connection: Connection, placement_ids: Sequence[int], *, code: str, message: str) -> None:
    """Note that nothing can be known of these placements now; ``confirmed_at`` says since when."""
    reason = Reason(Contact.LOST, {"code": code, "message": message})
    health = {"health": Health.UNKNOWN, **columns_of("health_reason", reason)}
    for batch in batched(placement_ids):
        mine = update(PlacementRow).where(PlacementRow.id.in_(batch))
        connection.execute(mine.values(**columns_of("contact", reason), **health))
        settle(connection, batch)


def read_in_part(connection: Connection, placement_id: int, what: Reason) -> None:
    """Note that not all of a placement's objects could be read."""
    _update(connection, placement_id, columns_of("contact", Reason(Contact.PARTIAL, {"what": nested(what)})))
    settle(connection, [placement_id])


def record_hint(connection: Connection, placement_id: int, hint: str) -> None:
    """Note what a sweep saw that is not as we left it; what that means a run decides."""
    _update(connection, placement_id, {"hint": hint})


def want_again(connection: Connection, placement_id: int, *, at: datetime) -> None:
    """Have a placement want a run by then: what it failed for has changed."""
    sooner = or_(_PLACEMENT.c.retry_at.is_(None), _PLACEMENT.c.retry_at > at)
    connection.execute(_ONE.where(sooner).values(retry_at=at), {"of_placement": placement_id})


def cluster_changed(connection: Connection, cluster: str, *, now: datetime) -> None:
    """Have everything that waits for a change of its cluster want a run: the cluster is another than it was."""
    failed = (PlacementRow.cluster == cluster, PlacementRow.failure_code != "")
    connection.execute(update(PlacementRow).where(*failed).values(changed_at=now))
    waiting = (PlacementRow.failure_remedy == Remedy.CHANGE.value, PlacementRow.retry_at.is_(None))
    connection.execute(update(PlacementRow).where(*failed, *waiting).values(retry_at=now))


def kinds_served(connection: Connection, placement_id: int, *, now: datetime) -> None:
    """Have a placement want a run now: its cluster serves what it lacked."""
    _update(connection, placement_id, {"changed_at": now})
    want_again(connection, placement_id, at=now)


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


def _update(connection: Connection, placement_id: int, values: dict[str, Any]) -> None:
    plain = {name: value for name, value in values.items() if not isinstance(value, ClauseElement)}
    computed = {name: value for name, value in values.items() if name not in plain}
    # With plain values the statement is the same each time: only its parameters differ.
    statement = _ONE.values(computed) if computed else _ONE
    connection.execute(statement, {"of_placement": placement_id} | plain)


def standing_of(row: Any) -> Standing:
    """Return the placement of a row that holds at least all its columns; for the modules of this package."""
    return Standing(
        id=row.id,
        ref=PlacementRef(row.cluster, row.application),
        mark=row.mark,
        state=PlacementState(row.state),
        desired=identity_of(row.desired_source_digest, row.desired_parameters_digest),
        applied=identity_of(row.applied_source_digest, row.applied_parameters_digest),
        sync=SyncStatus(row.sync_status),
        found=reason_in(row, "found"),
        failure=failure_of(row),
        hint=row.hint,
        hint_judged=row.hint_judged,
        retry_at=row.retry_at,
        paused=row.paused_by is not None,
        health=HealthReport(Health(row.health), reason_in(row, "health_reason")),
        failures=row.failures,
        full_check_due_at=row.full_check_due_at,
        observe_until=row.observe_until,
        delete_hooks=row.delete_hooks or (),
        tenant=None if row.tenant_project is None else Tenant(row.tenant_project, row.tenant_account or ""),
        signature=row.removal_signature or "",
        synced_before=row.applied_at is not None,
        manifest_digest=row.manifest_digest or "",
        looked=row.looked_revision,
    )


FULL_CHECK = timedelta(days=1)
"""How often each placement has a full dry-run, for what a fingerprint cannot see."""
