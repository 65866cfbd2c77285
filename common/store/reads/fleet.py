"""Clusters, faults, approvals and sources as the console shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true, tuple_

from common.domain.approvals import by_self
from common.domain.reasons import remedy, sentence, statement
from common.domain.rights import ALL, Scope
from common.domain.status import Reason
from common.store.engine.dialect import fixed
from common.store.reads.counts import counted
from common.store.reads.cut import of_sources, on_clusters, within
from common.store.reads.page import Page, number_in, page_of
from common.store.reads.placements import EVERYTHING, PlacementFilter
from common.store.schema.tables import (
    ApprovalRow,
    ClusterRow,
    FaultRow,
    FleetRow,
    FleetSnapshotRow,
    PlacementRow,
    SourceRow,
)
from common.store.state.stored_reasons import params_in, reason_in


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster and what we know of it; ``placements`` counts what is placed there."""

    name: str
    declared: bool
    state: str
    pool: str
    server: str
    reachable: bool | None
    blocked: str
    blocked_code: str
    blocked_params: dict[str, Any]
    error_code: str
    error: str
    error_params: dict[str, Any]
    version: str
    last_seen_at: datetime | None
    swept_at: datetime | None
    credentials_expire_at: datetime | None
    placements: int
    synced: int


@dataclass(frozen=True, slots=True)
class FaultView:
    """Something wrong that a person should see."""

    scope: str
    code: str
    file: str
    line: int
    what: str
    params: dict[str, Any]
    remedy: str
    commit: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """Something that waits, or waited, for a person.

    Attributes:
        project: in which it is decided; empty for what is of a cluster or of the fleet.
        asked_by: whose request led to it: `flotilla` where nobody's did; empty where that was not kept.
        by_self: whether who decided it is who asked for it.
    """

    id: int
    kind: str
    subject: str
    project: str
    digest: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    payload: dict[str, Any]
    state: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str
    decision_reason: str
    asked_by: str
    by_self: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source and what it was last resolved to."""

    repo: str
    ref: str
    commit: str
    resolved_at: datetime | None
    checked_at: datetime | None
    error_code: str
    error: str
    error_params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FleetView:
    """The fleet and the registry commit in force; ``seen_commit`` may be a newer one that was refused."""

    name: str
    commit: str
    seen_commit: str
    checked_at: datetime | None


_GREATEST = 2**31


IN_TROUBLE = and_(ClusterRow.declared, or_(ClusterRow.reachable.is_not(true()), ClusterRow.blocked_code != ""))
"""Declared, and not reached or not written to."""


def fleet(connection: Connection) -> FleetView | None:
    """Return the fleet; None before the first registry was read."""
    row = connection.execute(
        select(FleetRow.name, FleetSnapshotRow.commit, FleetRow.seen_commit, FleetRow.checked_at).outerjoin(
            FleetSnapshotRow, FleetSnapshotRow.id == FleetRow.snapshot_id
        )
    ).one_or_none()
    return None if row is None else FleetView(row.name, row.commit or "", row.seen_commit or "", row.checked_at)


def here(scope: Scope, which: PlacementFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on clusters of a part of the fleet; of an application, those that it is placed on."""
    found = on_clusters(scope, ClusterRow.name)
    if which.cluster:
        found.append(ClusterRow.name == which.cluster)
    if which.clusters is not None:
        found.append(ClusterRow.name.in_(which.clusters))
    if which.application:
        mine = [PlacementRow.application == which.application, PlacementRow.state != "left"]
        mine += within(scope, PlacementRow.project)
        found.append(ClusterRow.name.in_(select(PlacementRow.cluster).where(*mine)))
    return found


def clusters(
    connection: Connection,
    scope: Scope,
    which: PlacementFilter = EVERYTHING,
    *,
    only: ColumnElement[bool] | None = None,
) -> tuple[ClusterView, ...]:
    """Return clusters by name.

    Args:
        connection: to read on.
        scope: those that something of these projects is placed on; how a cluster is reached, and what exactly is wrong
            with it, is told where it is everything.
        which: those of this part of the fleet.
        only: a further condition on their rows.
    """
    conditions = [*here(scope, which), *([] if only is None else [only])]
    counts = counted(scope, EVERYTHING).c
    synced = func.sum(case((counts.sync_status == "synced", counts.placements), else_=0))
    by_cluster = select(counts.cluster, func.sum(counts.placements), synced).where(counts.state == "placed")
    placed = {cluster: numbers for cluster, *numbers in connection.execute(by_cluster.group_by(counts.cluster))}
    found = (
        ClusterView(
            name=row.name,
            declared=row.declared,
            state=row.state,
            pool=row.pool,
            server=row.server,
            reachable=row.reachable,
            blocked=sentence(reason_in(row, "blocked")),
            blocked_code=row.blocked_code,
            blocked_params=params_in(row.blocked_params),
            error_code=row.error_code,
            error=sentence(reason_in(row, "error")),
            error_params=params_in(row.error_params),
            version=row.version,
            last_seen_at=row.last_seen_at,
            swept_at=row.swept_at,
            credentials_expire_at=row.credentials_expire_at,
            placements=placed.get(row.name, (0, 0))[0],
            synced=placed.get(row.name, (0, 0))[1],
        )
        for row in connection.execute(select(*ClusterRow.__table__.c).where(*conditions).order_by(ClusterRow.name))
    )
    return tuple(found if scope == ALL else map(_outside, found))


def _outside(view: ClusterView) -> ClusterView:
    """Return what is told of a cluster to who may read some of what is placed there."""
    return replace(
        view, server="", blocked="", blocked_params={}, error="", error_params={}, credentials_expire_at=None
    )


def faults(connection: Connection, scope: Scope, *, after: str = "", limit: int = 100) -> Page[FaultView]:
    """Return open faults, by scope, file and line.

    Args:
        connection: to read on.
        scope: of whose projects.
        after: as the page before gave it.
        limit: rows at most, up to ``MAX_PAGE``.

    Raises:
        ValueError: ``after`` ended no page.
    """
    order = (FaultRow.scope, FaultRow.file, FaultRow.line, FaultRow.id)
    query = select(*FaultRow.__table__.c).where(FaultRow.cleared_at.is_(None), *within(scope, FaultRow.project))
    if after:
        query = query.where(tuple_(*order) > tuple_(*_fault_key(after)))
    rows = page_of(connection.execute(query.order_by(*order).limit(limit + 1)).all(), limit, _key_of_fault)
    return Page(tuple(map(_fault, rows.items)), rows.after)


def _key_of_fault(row: Any) -> str:
    return orjson.dumps([row.scope, row.file, row.line, row.id]).decode()


def _fault_key(after: str) -> tuple[str, str, int, int]:
    match orjson.loads(after):
        case [str(scope), str(file), int(line), int(number)] if 0 <= line < _GREATEST and 0 <= number < _GREATEST:
            return scope, file, line, number
    message = "no page of faults ends so"
    raise ValueError(message)


def _fault(r: Any) -> FaultView:
    return FaultView(
        r.scope,
        r.code,
        r.file,
        r.line,
        statement(Reason(r.code, params_in(r.params))),
        params_in(r.params),
        remedy(Reason(r.code, params_in(r.params))),
        r.commit,
        r.first_seen_at,
        r.last_seen_at,
    )


def approvals(
    connection: Connection, scope: Scope, *, state: str = "open", after: str = "", limit: int = 100
) -> Page[ApprovalView]:
    """Return approvals, the latest first.

    Args:
        connection: to read on.
        scope: of whose projects.
        state: that they are in; empty is any.
        after: number of the last row of the page before.
        limit: rows at most, up to ``MAX_PAGE``.

    Raises:
        ValueError: ``after`` ended no page.
    """
    query = select(*ApprovalRow.__table__.c).where(*within(scope, ApprovalRow.project))
    if after:
        query = query.where(ApprovalRow.id < number_in(after))
    if state:
        query = query.where(ApprovalRow.state == state)
    rows = connection.execute(query.order_by(ApprovalRow.id.desc()).limit(limit + 1)).all()
    return page_of(tuple(map(_approval, rows)), limit, lambda view: str(view.id))


def open_approvals(connection: Connection, scope: Scope) -> int:
    """Return how many approvals are open."""
    mine = (ApprovalRow.state == fixed("open"), *within(scope, ApprovalRow.project))
    return connection.execute(select(func.count()).select_from(ApprovalRow).where(*mine)).scalar_one()


def _approval(r: Any) -> ApprovalView:
    return ApprovalView(
        r.id,
        r.kind,
        r.subject,
        r.project,
        r.digest,
        sentence(reason_in(r, "reason")),
        r.reason_code,
        params_in(r.reason_params),
        r.payload,
        r.state,
        r.created_at,
        r.decided_at,
        r.decided_by,
        r.decision_reason,
        r.asked_by,
        by_self(r.asked_by, r.decided_by),
    )


def sources(connection: Connection, scope: Scope) -> tuple[SourceView, ...]:
    """Return the sources in use, by repository and ref."""
    query = select(*SourceRow.__table__.c).where(SourceRow.used, *of_sources(scope, SourceRow.id))
    query = query.order_by(SourceRow.repo, SourceRow.ref)
    return tuple(
        SourceView(
            r.repo,
            r.ref,
            r.commit or "",
            r.resolved_at,
            r.checked_at,
            r.error_code,
            sentence(reason_in(r, "error")),
            params_in(r.error_params),
        )
        for r in connection.execute(query)
    )
