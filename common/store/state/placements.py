"""Placements: what planning needs to know of them, and what it decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, Table, and_, bindparam, or_, select, tuple_, update

from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, RunId
from common.domain.revisions import Revision
from common.domain.runs import Outcome, RunKind, RunState
from common.domain.status import BY_LOOKS, NONE, Reason, Remedy, StatusFacts, sync_status
from common.store.engine.dialect import batched, fixed, insert
from common.store.schema.tables import OpenRunRow, PlacementRow, RunRow
from common.store.state import approvals, placement_sources
from common.store.state.run_kinds import is_of
from common.store.state.status import NO_FAILURE, settle
from common.store.state.stored_reasons import columns_of, reason_in


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A placement's run that has not ended."""

    id: RunId
    state: RunState
    identity: tuple[str, str] | None
    """Of its revision; None for one that removes everything."""
    trigger: str


@dataclass(frozen=True, slots=True)
class PlacementFacts:
    """One placement as SQL knows it.

    Attributes:
        desired: what it should run; None while it is unresolved.
        applied: identity of what it runs; None before its first success.
        warned: whether its last run saw differences, and was not to write.
        failed_settings: digest of what the registry said of it when its last run failed; None where none failed.
        retry_at: when it wants its next run; None when it wants none.
        failures: runs in a row that failed at the desired revision.
        failure_code: of the last of them; empty where none failed.
        changed: whether its cluster, or what the registry says of it, has changed since.
        objects: how many objects it owns.
        project: that it belongs to, as last planned; empty where none is known.
        tenant: project in whose name they were written last; None where that was not recorded.
        run: its run that has not ended.
    """

    id: int
    ref: PlacementRef
    state: PlacementState
    source_id: int | None
    desired: Revision | None
    applied: tuple[str, str] | None
    hold: Reason
    looked: bool
    failed_settings: str | None
    paused: bool
    retry_at: datetime | None
    failures: int
    failure_code: str
    changed: bool
    objects: int
    project: str
    tenant: str | None
    run: OpenRun | None


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """What planning makes of a placement: the whole new state, for one that is new or differs.

    Attributes:
        project: that it belongs to.
        wants_run: whether it wants a run from now on; False leaves ``retry_at`` as it is, None takes it away.
        renewed: whether the desired revision is another one, so that former failures no longer count.
        applied_unknown: whether what was applied last is no longer known to be what runs, should that be wanted.
        mended: whether the registry says another thing of it than when its last run failed.
    """

    ref: PlacementRef
    mark: str
    project: str = field(kw_only=True)
    state: PlacementState
    source_id: int | None
    desired: Revision | None
    hold: Reason
    wants_run: bool | None
    renewed: bool
    applied_unknown: bool
    mended: bool = False


_TABLE = cast("Table", PlacementRow.__table__)
_WRITES = is_of(RunKind.SYNC)
"""A run that only looks does not bring a placement to its desired revision."""
_COLUMNS = (
    PlacementRow.id,
    PlacementRow.cluster,
    PlacementRow.application,
    PlacementRow.state,
    PlacementRow.source_id,
    PlacementRow.desired_source_digest,
    PlacementRow.desired_parameters_digest,
    PlacementRow.applied_source_digest,
    PlacementRow.applied_parameters_digest,
    PlacementRow.hold_code,
    PlacementRow.hold_params,
    PlacementRow.found_code,
    PlacementRow.failure_code,
    PlacementRow.failure_settings,
    PlacementRow.paused_by,
    PlacementRow.retry_at,
    PlacementRow.failures,
    PlacementRow.changed_at,
    PlacementRow.objects,
    PlacementRow.project,
    PlacementRow.tenant_project,
    OpenRunRow.run_id,
    OpenRunRow.state.label("run_state"),
    OpenRunRow.trigger,
    OpenRunRow.source_digest,
    OpenRunRow.parameters_digest,
)


def _with_runs() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).outerjoin(OpenRunRow, and_(OpenRunRow.placement_id == PlacementRow.id, _WRITES))


def everything(connection: Connection) -> dict[PlacementRef, PlacementFacts]:
    """Return all placements that are not gone, and those gone that may come back."""
    sources = placement_sources.everywhere(connection)
    return {facts.ref: facts for row in connection.execute(_with_runs()) for facts in [_facts(row, sources)]}


def wanting(connection: Connection, *, limit: int, now: datetime) -> tuple[PlacementFacts, ...]:
    """Return placements whose time for a run has come, longest waiting first."""
    # Chosen by the index alone, before anything is joined: a plan made without the limit would join all that is due.
    due = select(PlacementRow.id).where(PlacementRow.retry_at <= now)
    ids = connection.execute(due.order_by(PlacementRow.retry_at, PlacementRow.id).limit(limit)).scalars().all()
    ordered = _with_runs().order_by(PlacementRow.retry_at, PlacementRow.id)
    found = (connection.execute(ordered.where(PlacementRow.id.in_(batch))) for batch in batched(ids))
    sources = placement_sources.of(connection, ids)
    return tuple(_facts(row, sources) for rows in found for row in rows)


def get(connection: Connection, ref: PlacementRef) -> PlacementFacts | None:
    """Return one placement; None where there is none."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    row = connection.execute(_with_runs().where(*mine)).one_or_none()
    return None if row is None else _facts(row, placement_sources.of(connection, [row.id]))


def project_of(connection: Connection, ref: PlacementRef) -> str:
    """Return the project that a placement belongs to; empty for none, and where there is no such placement."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    return connection.execute(select(PlacementRow.project).where(*mine)).scalar() or ""


def carry_out(connection: Connection, changes: Sequence[PlacementChange], *, now: datetime) -> None:
    """Store what planning decided; rows that are not named stay as they are."""
    for batch in batched(changes):
        known = _known(connection, [change.ref for change in batch])
        new = [_new_row(change, now) for change in batch if change.ref not in known]
        if new:
            connection.execute(insert(connection, PlacementRow), new)
        _update(connection, [(known[c.ref][0], c) for c in batch if c.ref in known], now)
        gone = {str(c.ref): c.project for c in batch if c.ref in known and known[c.ref][1] != c.project}
        approvals.follow(connection, gone)
        if new:
            known = _known(connection, [change.ref for change in batch])
        placement_sources.replace(connection, {known[c.ref][0]: c.desired.sources if c.desired else () for c in batch})


def _known(connection: Connection, refs: Sequence[PlacementRef]) -> dict[PlacementRef, tuple[int, str]]:
    """Return the ids of those that there are, each with its project."""
    clusters = {ref.cluster for ref in refs}
    query = select(PlacementRow.id, PlacementRow.cluster, PlacementRow.application, PlacementRow.project)
    rows = connection.execute(query.where(PlacementRow.cluster.in_(clusters)))
    wanted = set(refs)
    return {ref: (row.id, row.project) for row in rows if (ref := PlacementRef(row.cluster, row.application)) in wanted}


def _values(change: PlacementChange) -> dict[str, Any]:
    desired = change.desired
    return {
        "project": change.project,
        "state": change.state.value,
        "source_id": change.source_id,
        "desired_source_digest": desired.source_digest if desired else None,
        "desired_parameters_digest": desired.parameters_digest if desired else None,
        **columns_of("hold", change.hold),
    }


def _new_row(change: PlacementChange, now: datetime) -> dict[str, Any]:
    return {
        **_values(change),
        "cluster": change.ref.cluster,
        "application": change.ref.application,
        "mark": change.mark,
        "desired_at": now if change.desired else None,
        "retry_at": now if change.wants_run else None,
        "sync_status": sync_status(StatusFacts(change.state, None, None, confirmed=False, failed=False)).value,
    }


def _update(connection: Connection, changes: Sequence[tuple[int, PlacementChange]], now: datetime) -> None:
    """Write changes in a few statements: one for each combination of columns that they touch."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for id_, change in changes:
        values = _values(change)
        if change.renewed:
            values["desired_at"] = now
        if change.mended:
            values["changed_at"] = now
        if change.renewed or (change.wants_run and change.desired is None):
            values |= NO_FAILURE | {"found_code": "", "found_params": None}
        if change.wants_run is None:
            values["retry_at"] = None
        elif change.wants_run:
            values["retry_at"] = now
        groups.setdefault(tuple(values), []).append({"row": id_, **values})
    for columns, rows in groups.items():
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("row"))
        connection.execute(statement.values({column: bindparam(column) for column in columns}), rows)
    _mark_unknown(connection, [id_ for id_, change in changes if change.applied_unknown])
    settle(connection, [id_ for id_, _ in changes])


def _mark_unknown(connection: Connection, placement_ids: Sequence[int]) -> None:
    """Forget that these run what they are to run: what came between may have been written in part, or it drifted."""
    back = and_(
        PlacementRow.applied_source_digest == PlacementRow.desired_source_digest,
        PlacementRow.applied_parameters_digest == PlacementRow.desired_parameters_digest,
    )
    unknown = {"applied_source_digest": None, "applied_parameters_digest": None}
    for batch in batched(placement_ids):
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(batch), back).values(unknown))


def want_nothing(connection: Connection, placement_ids: Sequence[int]) -> None:
    """Note that these placements need no run."""
    for batch in batched(placement_ids):
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(batch)).values(retry_at=None))


def runs_made(connection: Connection, run_ids: Sequence[RunId]) -> None:
    """Note that the placements of these runs have got the run they wanted, and that nothing hinders those placed."""
    for batch in batched(run_ids):
        mine = PlacementRow.id.in_(select(OpenRunRow.placement_id).where(OpenRunRow.run_id.in_(batch)))
        connection.execute(update(PlacementRow).where(mine).values(retry_at=None))
        placed = PlacementRow.state == PlacementState.PLACED
        connection.execute(update(PlacementRow).where(mine, placed).values(columns_of("hold", NONE)))


def want_what_was_missed(connection: Connection, *, now: datetime) -> int:
    """Have every placement that is behind, and that nothing stands in the way of, want a run; return how many did not.

    Whatever ended a run without bringing its placement where it should be (skipped, superseded by something that was
    itself given up, a race with a claim), the wish comes back by this. Failures have their own time or wait for a
    change, and a removal that asked a person goes on by the answer.
    """
    unended = select(OpenRunRow.run_id).where(OpenRunRow.placement_id == PlacementRow.id, _WRITES)
    written = (RunRow.placement_id == PlacementRow.id, is_of(RunKind.SYNC, RunRow))
    last = select(RunRow.outcome).where(*written).order_by(RunRow.id.desc()).limit(1)
    behind = or_(
        PlacementRow.applied_source_digest.is_distinct_from(PlacementRow.desired_source_digest),
        PlacementRow.applied_parameters_digest.is_distinct_from(PlacementRow.desired_parameters_digest),
    )
    placed = and_(
        PlacementRow.state == PlacementState.PLACED,
        PlacementRow.desired_source_digest.is_not(None),
        PlacementRow.hold_code == fixed(""),
        PlacementRow.paused_by.is_(None),
        behind,
        PlacementRow.failure_remedy != Remedy.CHANGE.value,
    )
    asked = last.scalar_subquery().is_not_distinct_from(Outcome.NEEDS_APPROVAL.value)
    leaving = and_(PlacementRow.state == PlacementState.LEAVING, ~asked)
    mine_missed = (PlacementRow.retry_at.is_(None), or_(placed, leaving))
    missed = update(PlacementRow).where(*mine_missed, ~unended.exists())
    return len(connection.execute(missed.values(retry_at=now).returning(PlacementRow.id)).all())


def clear_holds(connection: Connection) -> None:
    """Take away holds that ended.

    ``PAUSED`` where it is not, ``MANUAL`` where it is in sync, ``TRANSFERRED`` where the objects were handed over.
    """
    held = PlacementRow.hold_code != fixed("")
    resumed = and_(PlacementRow.hold_code == Hold.PAUSED.value, PlacementRow.paused_by.is_(None))
    in_sync = and_(
        PlacementRow.hold_code == Hold.MANUAL.value,
        PlacementRow.applied_source_digest == PlacementRow.desired_source_digest,
        PlacementRow.applied_parameters_digest == PlacementRow.desired_parameters_digest,
    )
    handed = and_(
        PlacementRow.hold_code == Hold.TRANSFERRED.value,
        PlacementRow.tenant_project == PlacementRow.hold_params["project"].as_string(),
    )
    connection.execute(update(PlacementRow).where(held, or_(resumed, in_sync, handed)).values(columns_of("hold", NONE)))


def hold(connection: Connection, holds: Mapping[int, Reason]) -> None:
    """Say why these placements get no run, and that they want none until something changes."""
    rows = [{"row": id_, **columns_of("hold", why)} for id_, why in sorted(holds.items())]
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == bindparam("row"))
        .values(hold_code=bindparam("hold_code"), hold_params=bindparam("hold_params"), retry_at=None)
    )
    for batch in batched(rows):
        connection.execute(statement, batch)


def want_run(connection: Connection, ref: PlacementRef, *, now: datetime) -> None:
    """Have the placement planned for again at once."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    connection.execute(update(PlacementRow).where(*mine).values(retry_at=now))


def any_left(connection: Connection, refs: Collection[PlacementRef]) -> bool:
    """Return whether one of these placements is gone by now."""
    key = tuple_(PlacementRow.cluster, PlacementRow.application)
    for batch in batched(sorted(refs)):
        left = (PlacementRow.state == PlacementState.LEFT, key.in_([(one.cluster, one.application) for one in batch]))
        if connection.execute(select(PlacementRow.id).where(*left).limit(1)).first() is not None:
            return True
    return False


def pause(connection: Connection, ref: PlacementRef, *, actor: str, reason: str, now: datetime) -> bool:
    """Give the placement no more runs by itself; return False where there is none."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    values = {"paused_by": actor, "paused_at": now, "pause_reason": reason}
    return _one(connection, update(PlacementRow).where(*mine).values(values))


def resume(connection: Connection, ref: PlacementRef, *, now: datetime) -> bool:
    """Let a paused placement go on, planned for at once; return False where there is none."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    values = {"paused_by": None, "paused_at": None, "pause_reason": "", "retry_at": now}
    return _one(connection, update(PlacementRow).where(*mine).values(values))


def _one(connection: Connection, statement: Any) -> bool:
    return connection.execute(statement.returning(PlacementRow.id)).first() is not None


def _facts(row: Any, sources: placement_sources.Sources) -> PlacementFacts:
    desired = None
    if row.desired_source_digest is not None:
        desired = Revision(row.desired_source_digest, row.desired_parameters_digest, sources.get(row.id, ()))
    applied = None
    if row.applied_source_digest is not None:
        applied = (row.applied_source_digest, row.applied_parameters_digest)
    run = None
    if row.run_id is not None:
        identity = (row.source_digest, row.parameters_digest) if row.source_digest is not None else None
        run = OpenRun(RunId(row.run_id), RunState(row.run_state), identity, row.trigger)
    return PlacementFacts(
        id=row.id,
        ref=PlacementRef(row.cluster, row.application),
        state=PlacementState(row.state),
        source_id=row.source_id,
        desired=desired,
        applied=applied,
        hold=reason_in(row, "hold"),
        looked=row.found_code in BY_LOOKS and not row.failure_code,
        failed_settings=row.failure_settings if row.failure_code else None,
        paused=row.paused_by is not None,
        retry_at=row.retry_at,
        failures=row.failures,
        failure_code=row.failure_code,
        changed=row.changed_at is not None,
        objects=row.objects,
        project=row.project,
        tenant=row.tenant_project,
        run=run,
    )
