"""Placements as the console shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from common.domain.reasons import failure_sentence, hold_sentence, reason_sentence, sentence
from common.domain.refs import PlacementRef
from common.domain.revisions import SourceRevision, shown
from common.domain.rights import Scope
from common.domain.runs import SyncStatus
from common.domain.severity import Severity
from common.domain.status import Failure
from common.store.engine.dialect import batched, fixed
from common.store.reads.cut import within
from common.store.reads.page import Page, page_of
from common.store.reads.source_revisions import SourceRevisionView, source_views
from common.store.schema.tables import InventoryRow, PlacementRow
from common.store.state import placement_sources
from common.store.state.status import failure_of, identity_of
from common.store.state.stored_reasons import reason_in
from common.store.state.stored_sources import sources_in

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class FailureView:
    """What the last runs at the wanted revision failed for; the same failure counts once more each time.

    Attributes:
        sentence: all of it in words, as ``reason`` of the placement has it.
        params: what the sentence was made with.
        message: the exact words of who refused.
        retry_at: when it is tried again by itself; None when only a change helps, or a run is on its way.
    """

    sentence: str
    code: str
    params: dict[str, Any]
    message: str
    remedy: str
    since: datetime
    last: datetime
    count: int
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlacementView:
    """One application on one cluster, with the age of what is said about it.

    Attributes:
        ref: ``cluster/application``.
        project: that it is of; rights are held in projects.
        state: placed, retained, leaving or left.
        sync: synced, out-of-sync, failed or unknown; ``confirmed_at`` is when its objects were last seen to be so.
        health: as of ``health_at``.
        reason: why it is not synced or gets no run, and what comes next; empty when nothing is in the way. It is made
            of the facts below, each with its code and parameters.
        hold: what keeps it from getting a run; like all that follow empty for nothing.
        found: what the last run that judged its objects found.
        contact: what keeps its objects from being read.
        failure: why the wanted revision did not go in; None where it did, or was not tried yet. It stays while there
            is no contact.
        commit: where the applied revision came from: of all sources, a plus between two; empty before the first.
        desired_commit: where the wanted revision comes from, alike; empty while it is unresolved.
        sources: those of the applied revision, one by one.
        desired_sources: those of the wanted revision, one by one.
    """

    ref: str
    cluster: str
    application: str
    project: str
    state: str
    sync: str
    confirmed_at: datetime | None
    health: str
    health_reason: str
    health_reason_code: str
    health_reason_params: dict[str, Any]
    health_at: datetime | None
    reason: str
    hold: str
    hold_code: str
    hold_params: dict[str, Any]
    found: str
    found_code: str
    found_params: dict[str, Any]
    contact: str
    contact_code: str
    contact_params: dict[str, Any]
    commit: str
    desired_commit: str
    sources: tuple[SourceRevisionView, ...]
    desired_sources: tuple[SourceRevisionView, ...]
    applied_at: datetime | None
    objects: int
    paused_by: str
    paused_at: datetime | None
    pause_reason: str
    failure: FailureView | None


@dataclass(frozen=True, slots=True)
class ObjectView:
    """One object of a placement's inventory; ``object`` is ``group/Kind:namespace/name``, its parts stand beside it."""

    object: str
    group: str
    kind: str
    namespace: str
    name: str
    health: str
    health_reason: str
    health_reason_code: str
    health_reason_params: dict[str, Any]
    wanted: bool
    adopted: bool
    refused: str
    refused_code: str
    refused_params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlacementFilter:
    """Which placements to list; empty fields do not filter.

    Attributes:
        clusters: on these alone; None is on all.
        paused: those alone that get no runs by themselves.
    """

    cluster: str = ""
    application: str = ""
    sync: str = ""
    health: str = ""
    clusters: tuple[str, ...] | None = None
    paused: bool = False


EVERYTHING = PlacementFilter()
IN_TROUBLE = PlacementRow.severity < fixed(Severity.FINE)
"""Placed and not both synced and well, or on its way out."""
UNSYNCED = PlacementRow.sync_status != fixed(SyncStatus.SYNCED.value)
"""As the index has it that holds only these."""


COLUMNS = (
    PlacementRow.id,
    PlacementRow.cluster,
    PlacementRow.application,
    PlacementRow.project,
    PlacementRow.state,
    PlacementRow.sync_status,
    PlacementRow.confirmed_at,
    PlacementRow.health,
    PlacementRow.health_reason_code,
    PlacementRow.health_reason_params,
    PlacementRow.health_at,
    PlacementRow.hold_code,
    PlacementRow.hold_params,
    PlacementRow.contact_code,
    PlacementRow.contact_params,
    PlacementRow.found_code,
    PlacementRow.found_params,
    PlacementRow.failure_code,
    PlacementRow.failure_params,
    PlacementRow.failure_remedy,
    PlacementRow.failure_since,
    PlacementRow.failure_last_at,
    PlacementRow.failure_count,
    PlacementRow.retry_at,
    PlacementRow.applied_sources,
    PlacementRow.applied_at,
    PlacementRow.objects,
    PlacementRow.paused_by,
    PlacementRow.paused_at,
    PlacementRow.pause_reason,
)
"""Of a placement, what says how it stands."""


def _views(connection: Connection, rows: Sequence[Any]) -> list[PlacementView]:
    wanted = placement_sources.of(connection, [row.id for row in rows])
    return [_view(row, wanted.get(row.id, ())) for row in rows]


def _view(row: Any, desired: Sequence[SourceRevision]) -> PlacementView:
    applied = sources_in(row.applied_sources)
    failure, ref = failure_of(row), str(PlacementRef(row.cluster, row.application))
    why, hold, found, contact = (reason_in(row, name) for name in ("health_reason", "hold", "found", "contact"))
    failed = "" if failure is None else failure_sentence(failure, ref=ref, retry_at=row.retry_at)
    status = SyncStatus(row.sync_status)
    return PlacementView(
        ref=ref,
        cluster=row.cluster,
        application=row.application,
        project=row.project,
        state=row.state,
        sync=row.sync_status,
        confirmed_at=row.confirmed_at,
        health=row.health,
        health_reason=sentence(why),
        health_reason_code=str(why.code),
        health_reason_params=dict(why.params),
        health_at=row.health_at,
        reason=reason_sentence(status, contact=contact, found=found, hold=hold, failure=failed),
        hold=hold_sentence(hold),
        hold_code=str(hold.code),
        hold_params=dict(hold.params),
        found=sentence(found),
        found_code=str(found.code),
        found_params=dict(found.params),
        contact=sentence(contact),
        contact_code=str(contact.code),
        contact_params=dict(contact.params),
        commit=shown(applied),
        desired_commit=shown(desired),
        sources=source_views(applied),
        desired_sources=source_views(desired),
        applied_at=row.applied_at,
        objects=row.objects,
        paused_by=row.paused_by or "",
        paused_at=row.paused_at,
        pause_reason=row.pause_reason,
        failure=None if failure is None else _failure(failure, failed, row.retry_at),
    )


def _failure(failure: Failure, words: str, retry_at: datetime | None) -> FailureView:
    return FailureView(
        sentence=words,
        code=failure.code,
        params=dict(failure.params),
        message=failure.message,
        remedy=failure.remedy,
        since=failure.since,
        last=failure.last,
        count=failure.count,
        retry_at=retry_at,
    )


def placements(
    connection: Connection, scope: Scope, which: PlacementFilter, *, after: str = "", limit: int = 100
) -> Page[PlacementView]:
    """Return placements that are not gone, by cluster and application.

    Args:
        connection: to read on.
        scope: of whose projects.
        which: what to list.
        after: ``cluster/application`` of the last row of the page before.
        limit: rows at most, up to ``MAX_PAGE``.

    Raises:
        ValueError: ``after`` is no placement.
    """
    query = select(*COLUMNS).where(PlacementRow.state != "left", *chosen(scope, which))
    if after:
        last = PlacementRef.parse(after)
        query = query.where(
            tuple_(PlacementRow.cluster, PlacementRow.application) > tuple_(last.cluster, last.application)
        )
    query = query.order_by(PlacementRow.cluster, PlacementRow.application).limit(limit + 1)
    return page_of(_views(connection, connection.execute(query).all()), limit, lambda view: view.ref)


def troubled(
    connection: Connection, scope: Scope, which: PlacementFilter, *, after: str = "", limit: int = 100
) -> Page[PlacementView]:
    """Return placements with a problem, the worst first, then by cluster and application.

    Args:
        connection: to read on.
        scope: of whose projects.
        which: among these.
        after: what the page before ended with.
        limit: rows at most, up to ``MAX_PAGE``.

    Raises:
        ValueError: ``after`` ended no page.
    """
    order = (PlacementRow.severity, PlacementRow.cluster, PlacementRow.application)
    query = select(*COLUMNS, PlacementRow.severity).where(IN_TROUBLE, *chosen(scope, which))
    if after:
        rank, _, ref = after.partition(":")
        last = PlacementRef.parse(ref)
        query = query.where(tuple_(*order) > tuple_(Severity(int(rank[:1])).value, last.cluster, last.application))
    rows = list(connection.execute(query.order_by(*order).limit(limit + 1)))
    keys = {f"{row.cluster}/{row.application}": row.severity for row in rows}
    return page_of(_views(connection, rows), limit, lambda view: f"{keys[view.ref]}:{view.ref}")


def chosen(scope: Scope, which: PlacementFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter within a scope; for the modules of this package."""
    found = within(scope, PlacementRow.project)
    found += [
        column == wanted
        for column, wanted in (
            (PlacementRow.cluster, which.cluster),
            (PlacementRow.application, which.application),
            (PlacementRow.sync_status, which.sync),
            (PlacementRow.health, which.health),
        )
        if wanted
    ]
    if which.sync and which.sync != SyncStatus.SYNCED:
        found.append(UNSYNCED)
    if which.clusters is not None:
        found.append(PlacementRow.cluster.in_(which.clusters))
    if which.paused:
        found.append(PlacementRow.paused_by.is_not(None))
    return found


def placement(connection: Connection, scope: Scope, ref: PlacementRef) -> PlacementView | None:
    """Return one placement; None where there is none in the scope."""
    found = _views(connection, connection.execute(_of(select(*COLUMNS), scope, ref)).all())
    return found[0] if found else None


def some(connection: Connection, scope: Scope, refs: Sequence[PlacementRef]) -> dict[PlacementRef, PlacementView]:
    """Return these placements; those that there are in the scope."""
    found: dict[PlacementRef, PlacementView] = {}
    key = tuple_(PlacementRow.cluster, PlacementRow.application)
    for batch in batched(refs):
        mine = select(*COLUMNS).where(key.in_([(one.cluster, one.application) for one in batch]))
        mine = mine.where(*within(scope, PlacementRow.project))
        for view in _views(connection, connection.execute(mine).all()):
            found[PlacementRef(view.cluster, view.application)] = view
    return found


IDENTITY = (
    PlacementRow.desired_source_digest,
    PlacementRow.desired_parameters_digest,
    PlacementRow.applied_source_digest,
    PlacementRow.applied_parameters_digest,
)
"""What was wanted and what was applied last, by digests."""


def is_behind(row: Any) -> bool:
    """Return whether something else is wanted of a placement than was applied last; it needs ``IDENTITY``."""
    desired = identity_of(row.desired_source_digest, row.desired_parameters_digest)
    return desired is None or desired != identity_of(row.applied_source_digest, row.applied_parameters_digest)


def current_sources(row: Any, wanted: tuple[SourceRevision, ...]) -> tuple[SourceRevision, ...]:
    """Return where what a placement runs comes from.

    Where it is what is wanted, that is where this comes from: a tag that gives the same files needs no run.

    Args:
        row: of the placement, with ``IDENTITY`` and what was applied last.
        wanted: the sources of its wanted revision.
    """
    desired = identity_of(row.desired_source_digest, row.desired_parameters_digest)
    applied = identity_of(row.applied_source_digest, row.applied_parameters_digest)
    return wanted if wanted and desired is not None and desired == applied else sources_in(row.applied_sources)


def sources(
    connection: Connection, scope: Scope, ref: PlacementRef
) -> tuple[tuple[SourceRevision, ...], tuple[SourceRevision, ...]]:
    """Return the sources of a placement's wanted revision, and those of what it runs."""
    query = select(PlacementRow.id, PlacementRow.applied_sources, *IDENTITY)
    row = connection.execute(_of(query, scope, ref)).one_or_none()
    if row is None:
        return (), ()
    wanted = placement_sources.of(connection, [row.id]).get(row.id, ())
    return wanted, current_sources(row, wanted)


def objects(connection: Connection, scope: Scope, ref: PlacementRef) -> tuple[ObjectView, ...]:
    """Return the placement's inventory, by kind and name."""
    query = _of(select(InventoryRow).join(PlacementRow, PlacementRow.id == InventoryRow.placement_id), scope, ref)
    query = query.order_by(InventoryRow.group, InventoryRow.kind, InventoryRow.namespace, InventoryRow.name)
    query = query.with_only_columns(*InventoryRow.__table__.c)
    return tuple(map(_object, connection.execute(query)))


def _object(row: Any) -> ObjectView:
    why, refused = reason_in(row, "health_reason"), reason_in(row, "refused")
    return ObjectView(
        object=f"{row.group}/{row.kind}:{row.namespace}/{row.name}",
        group=row.group,
        kind=row.kind,
        namespace=row.namespace,
        name=row.name,
        health=row.health,
        health_reason=sentence(why),
        health_reason_code=str(why.code),
        health_reason_params=dict(why.params),
        wanted=row.wanted,
        adopted=row.adopted,
        refused=sentence(refused),
        refused_code=str(refused.code),
        refused_params=dict(refused.params),
    )


def _of(query: _Query, scope: Scope, ref: PlacementRef) -> _Query:
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    return query.where(*mine, *within(scope, PlacementRow.project))
