"""Findings: workers file what a run should look into, and the scheduler takes them off, the oldest of each pool first.

Whoever locks more than one of them locks runs first, then placements, then findings: no two transactions wait for each
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, select, update

from common.domain.codes import CauseReason
from common.domain.placements import PlacementState
from common.domain.redact import cut
from common.domain.refs import PlacementRef
from common.domain.revisions import Revision, SourceRevision
from common.domain.runs import Trigger
from common.domain.status import Reason
from common.store.engine.dialect import batched, insert, table_of
from common.store.schema.tables import FindingRow, PlacementRow
from common.store.state import placement_sources
from common.store.state.stored_reasons import columns_of, reason_in

_FINDING = table_of(FindingRow)
_SAID = ("cause_code", "cause_params", "hint", "seen_at")
_TOLD_ONCE = _FINDING.c.cause_code == CauseReason.CREATED_LATE.value
"""Sweeps file everything else again for as long as it is so."""
_LONGEST = 400
"""Characters of one parameter: the name of an object with its namespace and kind fits."""


@dataclass(frozen=True, slots=True)
class NewFinding:
    """What a worker found.

    Attributes:
        trigger: of the run that it asks for: ``DRIFT`` or ``CHECK``.
        cause: what was found, see ``CauseReason``.
        hint: digest of what the sweep saw that is not as it was left; empty for nothing.
    """

    placement_id: int
    trigger: Trigger
    cause: Reason
    hint: str = ""


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding that waits for a decision, with what SQL knows of its placement.

    Attributes:
        filed: how often it was filed so far.
        seen_since: whether a run has ended well since whoever found it had begun to look.
        source_id: source of the desired revision.
        desired: what the placement should run; None while it is unresolved.
        applied: identity of what it runs; None before its first success.
        failures: runs in a row that failed at the desired revision.
        failed_at: when the last of them failed; None where none did.
        hint_judged: the hint that a run has judged last.
        found: code of what that run found.
        project: that it belongs to; empty where none is known.
        tenant: project in whose name its objects were written last; None where nobody noted it.
    """

    placement_id: int
    trigger: Trigger
    cause: Reason
    hint: str
    filed: int
    seen_since: bool
    ref: PlacementRef
    state: PlacementState
    source_id: int | None
    desired: Revision | None
    applied: tuple[str, str] | None
    paused: bool
    failures: int
    failed_at: datetime | None
    hint_judged: str
    found: str
    project: str
    tenant: str | None


def file(
    connection: Connection, found: Sequence[NewFinding], *, pool: str, now: datetime, seen_at: datetime | None = None
) -> None:
    """Have the scheduler decide on what was found.

    Of one placement and trigger the last word counts, but for an object that was created late: that is told once.

    Args:
        connection: of a writing transaction.
        found: by one worker.
        pool: whose worker that is.
        now: by the database's clock.
        seen_at: when the worker had begun to look, by the same clock; None is now.
    """
    last = {(one.placement_id, one.trigger): one for one in found}
    instants = {"found_at": now, "seen_at": now if seen_at is None else seen_at}
    rows = [_row(last[key], pool) | instants for key in sorted(last)]
    for batch in batched(rows):
        statement = insert(connection, FindingRow)
        new = statement.excluded
        again: dict[str, Any] = {"pool": new["pool"]}
        again |= {name: case((_TOLD_ONCE, _FINDING.c[name]), else_=new[name]) for name in _SAID}
        again["filed"] = FindingRow.filed + 1
        key = [FindingRow.placement_id, FindingRow.trigger]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=again), batch)


def rehome(connection: Connection, cluster: str, *, pool: str) -> None:
    """Have what was found on a cluster be of the pool whose workers act there from now on."""
    placed = connection.scalars(select(PlacementRow.id).where(PlacementRow.cluster == cluster)).all()
    for batch in batched(sorted(placed)):
        connection.execute(update(FindingRow).where(FindingRow.placement_id.in_(batch)).values(pool=pool))


def waiting_pools(connection: Connection) -> tuple[str, ...]:
    """Return the pools that have findings, by name; one look into an index for each."""
    found: list[str] = []
    first = select(func.min(FindingRow.pool))
    pool = connection.execute(first).scalar()
    while pool is not None:
        found.append(pool)
        pool = connection.execute(first.where(FindingRow.pool > pool)).scalar()
    return tuple(found)


def oldest(connection: Connection, pool: str, *, limit: int) -> tuple[OpenFinding, ...]:
    """Return what workers of a pool found first.

    Args:
        connection: of the transaction that removes them.
        pool: whose findings.
        limit: how many of them.
    """
    mine = _OPEN.where(FindingRow.pool == pool).order_by(FindingRow.found_at, FindingRow.placement_id)
    rows = connection.execute(mine.limit(limit)).all()
    sources = placement_sources.of(connection, sorted({row.placement_id for row in rows}))
    return tuple(_open(row, sources.get(row.placement_id, ())) for row in rows)


def remove(connection: Connection, decided: Sequence[OpenFinding]) -> None:
    """Take off what was decided on; what was filed again since it was read stays."""
    rows = [
        {"of_placement": one.placement_id, "of_trigger": one.trigger.value, "as_read": one.filed}
        for one in sorted(decided, key=lambda one: (one.placement_id, one.trigger))
    ]
    for batch in batched(rows):
        connection.execute(_REMOVE, batch)


_REMOVE = delete(_FINDING).where(
    _FINDING.c.placement_id == bindparam("of_placement"),
    _FINDING.c.trigger == bindparam("of_trigger"),
    _FINDING.c.filed == bindparam("as_read"),
)
_OPEN = select(
    *FindingRow.__table__.c,
    PlacementRow.cluster,
    PlacementRow.application,
    PlacementRow.state,
    PlacementRow.source_id,
    PlacementRow.desired_source_digest,
    PlacementRow.desired_parameters_digest,
    PlacementRow.applied_source_digest,
    PlacementRow.applied_parameters_digest,
    PlacementRow.applied_at,
    PlacementRow.paused_by,
    PlacementRow.failure_code,
    PlacementRow.failure_last_at,
    PlacementRow.failures,
    PlacementRow.hint_judged,
    PlacementRow.found_code,
    PlacementRow.project,
    PlacementRow.tenant_project,
).join(PlacementRow, PlacementRow.id == FindingRow.placement_id)


def _row(one: NewFinding, pool: str) -> dict[str, Any]:
    return {
        "placement_id": one.placement_id,
        "trigger": one.trigger.value,
        "pool": pool,
        **columns_of("cause", Reason(one.cause.code, _short(one.cause.params))),
        "hint": one.hint,
    }


def _short(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cut(value, _LONGEST) if isinstance(value, str) else value for name, value in params.items()}


def _open(row: Any, sources: tuple[SourceRevision, ...]) -> OpenFinding:
    desired = applied = None
    if row.desired_source_digest is not None:
        desired = Revision(row.desired_source_digest, row.desired_parameters_digest, sources)
    if row.applied_source_digest is not None:
        applied = (row.applied_source_digest, row.applied_parameters_digest)
    return OpenFinding(
        placement_id=row.placement_id,
        trigger=Trigger(row.trigger),
        cause=reason_in(row, "cause"),
        hint=row.hint,
        filed=row.filed,
        seen_since=row.applied_at is not None and row.applied_at >= row.seen_at,
        ref=PlacementRef(row.cluster, row.application),
        state=PlacementState(row.state),
        source_id=row.source_id,
        desired=desired,
        applied=applied,
        paused=row.paused_by is not None,
        failures=row.failures,
        failed_at=row.failure_last_at if row.failure_code else None,
        hint_judged=row.hint_judged,
        found=row.found_code,
        project=row.project,
        tenant=row.tenant_project,
    )
