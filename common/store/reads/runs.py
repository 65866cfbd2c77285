"""Runs and attempts as the console shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, case, func, literal_column, select

from common.domain.differences import ChangedField
from common.domain.reasons import hold_sentence, sentence
from common.domain.refs import LEAST_UUID, PlacementRef, RunId, is_uuid
from common.domain.revisions import shown
from common.domain.rights import Scope
from common.domain.runs import Outcome, RunState
from common.store.engine.dialect import fixed, table_of
from common.store.reads.cut import within
from common.store.reads.page import Page, page_of
from common.store.reads.source_revisions import SourceRevisionView, source_views
from common.store.schema.tables import AttemptRow, ObjectResultRow, OpenRunRow, PlacementRow, RunRow
from common.store.schema.tables.runs import TAIL
from common.store.state.stored_diffs import diff_in
from common.store.state.stored_reasons import params_in, reason_in
from common.store.state.stored_sources import sources_in

_TAIL: ColumnElement[str] = literal_column(TAIL, String)
"""As the index has it that finds runs by it."""
_GREATEST_DIGIT = "g"
"""Behind every hexadecimal one."""
_GREATEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_RUN, _OPEN = table_of(RunRow), table_of(OpenRunRow)
_STANDS = tuple(column.name for column in _OPEN.c if column.name in _RUN.c)
"""Columns that both tables have: of a run that is open its row there says how it stands."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        counts: objects by action, over all attempts.
        cause: what led to it; like reason and error in words, made of code and parameters.
        reason: why it waits or is tried again, what superseded or skipped it; in words, made of code and parameters.
        error: what ended it, alike.
        commit: where its revision came from: of all sources, a plus between two; empty for a removal.
        sources: the same, one by one.
    """

    id: str
    ref: str
    trigger: str
    actor: str
    cause: str
    cause_code: str
    cause_params: dict[str, Any]
    state: str
    outcome: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    error_code: str
    error: str
    error_params: dict[str, Any]
    commit: str
    sources: tuple[SourceRevisionView, ...]
    manifest_digest: str
    attempts: int
    counts: dict[str, int]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt, with milliseconds by step and requests by verb; ``error`` in words, made of code and parameters."""

    number: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    error_code: str
    error: str
    error_params: dict[str, Any]
    counts: dict[str, int]
    timings: dict[str, int]
    requests: dict[str, int]


@dataclass(frozen=True, slots=True)
class ObjectResultView:
    """What one attempt did to one object.

    Attributes:
        object: ``group/Kind:namespace/name``; its parts beside it.
        detail: in words, made of code and parameters.
        fields: the first fields that differed.
        more_fields: how many others did.
        diff: the same as lines for people to read, and all that is known of runs before fields were kept.
    """

    attempt: int
    object: str
    group: str
    kind: str
    namespace: str
    name: str
    action: str
    detail: str
    detail_code: str
    detail_params: dict[str, Any]
    fields: tuple[ChangedField, ...]
    more_fields: int
    diff: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with everything known of it."""

    run: RunView
    attempts: tuple[AttemptView, ...]
    objects: tuple[ObjectResultView, ...]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; empty fields do not filter."""

    cluster: str = ""
    application: str = ""
    state: str = ""
    outcome: str = ""


def _run(row: Any) -> RunView:
    sources = sources_in(row.sources)
    return RunView(
        id=row.id,
        ref=f"{row.cluster}/{row.application}",
        trigger=row.trigger,
        actor=row.actor,
        cause=sentence(reason_in(row, "cause")),
        cause_code=row.cause_code,
        cause_params=params_in(row.cause_params),
        state=row.state,
        outcome=row.outcome or "",
        reason=hold_sentence(reason_in(row, "reason")),
        reason_code=row.reason_code,
        reason_params=params_in(row.reason_params),
        error_code=row.error_code,
        error=sentence(reason_in(row, "error")),
        error_params=params_in(row.error_params),
        commit=shown(sources),
        sources=source_views(sources),
        manifest_digest=row.manifest_digest or "",
        attempts=row.attempts,
        counts=row.counts or {},
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def runs(connection: Connection, scope: Scope, which: RunFilter, *, after: str = "", limit: int = 100) -> Page[RunView]:
    """Return runs, newest first.

    Args:
        connection: to read on.
        scope: of whose projects.
        which: what to list.
        after: id of the last row of the page before; ids sort by time.
        limit: rows at most, up to ``MAX_PAGE``.

    Raises:
        ValueError: ``after`` ended no page.
    """
    query = _whole(scope)
    for column, wanted in (
        (RunRow.cluster, which.cluster),
        (RunRow.application, which.application),
        (RunRow.outcome, which.outcome),
    ):
        if wanted:
            query = query.where(column == wanted)
    if which.outcome and which.outcome != Outcome.SUCCEEDED:
        query = query.where(RunRow.outcome != fixed(Outcome.SUCCEEDED.value))  # as the index has it that holds these
    if which.state == RunState.ENDED:
        query = query.where(RunRow.outcome.is_not(None))
    elif which.state:
        query = query.where(OpenRunRow.state == which.state)
    if after:
        if not is_uuid(after):
            message = f"no page ends with {after[:40]!r}"
            raise ValueError(message)
        query = query.where(RunRow.id < after)
    rows = connection.execute(query.order_by(RunRow.id.desc()).limit(limit + 1))
    return page_of([_run(row) for row in rows], limit, lambda view: view.id)


def latest(connection: Connection, scope: Scope, ref: PlacementRef, *, limit: int) -> tuple[RunView, ...]:
    """Return the last runs of one placement, newest first."""
    return tuple(map(_run, connection.execute(_of(scope, ref).limit(limit))))


def last_failed(connection: Connection, scope: Scope, ref: PlacementRef) -> RunView | None:
    """Return the last run of a placement that failed; None where none did, of those that are kept."""
    found = connection.execute(_of(scope, ref).where(RunRow.outcome == fixed("failed")).limit(1)).one_or_none()
    return None if found is None else _run(found)


def _of(scope: Scope, ref: PlacementRef) -> Select[Any]:
    """Return a query for one placement's runs, newest first; by its number, which has an index of its own."""
    mine = (PlacementRow.cluster == ref.cluster, PlacementRow.application == ref.application)
    number = select(PlacementRow.id).where(*mine).scalar_subquery()
    return _whole(scope).where(RunRow.placement_id == number).order_by(RunRow.id.desc())


def run(connection: Connection, scope: Scope, run_id: RunId) -> RunDetail | None:
    """Return a run with its attempts and object results; None where there is none in the scope."""
    if not is_uuid(run_id):
        return None
    row = connection.execute(_whole(scope).where(RunRow.id == run_id)).one_or_none()
    if row is None:
        return None
    attempts = connection.execute(
        select(*AttemptRow.__table__.c).where(AttemptRow.run_id == run_id).order_by(AttemptRow.number)
    )
    results = connection.execute(
        select(*ObjectResultRow.__table__.c)
        .where(ObjectResultRow.run_id == run_id)
        .order_by(ObjectResultRow.attempt, ObjectResultRow.ordinal)
    )
    return RunDetail(_run(row), tuple(map(_attempt, attempts)), tuple(map(_result, results)))


def _whole(scope: Scope) -> Select[Any]:
    """Return a query for the runs of a scope, open ones as they stand."""
    is_open = _OPEN.c.run_id.is_not(None)
    stands = (case((is_open, _OPEN.c[name]), else_=_RUN.c[name]).label(name) for name in _STANDS)
    state = func.coalesce(_OPEN.c.state, RunState.ENDED.value).label("state")
    decided = (column for column in _RUN.c if column.name not in _STANDS)
    query = select(*decided, *stands, state).select_from(_RUN.outerjoin(_OPEN, _OPEN.c.run_id == _RUN.c.id))
    return query.where(*within(scope, RunRow.project))


def by_part(connection: Connection, scope: Scope, part: str, *, limit: int) -> list[tuple[RunId, str]]:
    """Return the first runs whose id begins so, or whose id's tail does; each with its placement, oldest first.

    Args:
        connection: to read by.
        scope: of whose projects.
        part: hexadecimal digits and dashes.
        limit: how many at most.
    """
    mine = select(RunRow.id, RunRow.cluster, RunRow.application).where(*within(scope, RunRow.project))
    queries = []
    least, greatest = (part + of[len(part) :] for of in (LEAST_UUID, _GREATEST))
    if is_uuid(least):  # the index serves a range where it may not serve LIKE
        queries.append(mine.where(RunRow.id.between(least, greatest)).order_by(RunRow.id))
    if "-" not in part:
        # In the order of the index: by that of the ids the server might look through all runs for the first few.
        queries.append(mine.where(_TAIL >= part, _TAIL < part + _GREATEST_DIGIT).order_by(_TAIL))
    found: dict[str, str] = {}
    for query in queries:
        for row in connection.execute(query.limit(limit)):
            found[row.id] = f"{row.cluster}/{row.application}"
    return [(RunId(id_), ref) for id_, ref in sorted(found.items())[:limit]]


def _attempt(row: Any) -> AttemptView:
    return AttemptView(
        row.number,
        row.worker,
        row.started_at,
        row.ended_at,
        row.outcome or "",
        row.error_code,
        sentence(reason_in(row, "error")),
        params_in(row.error_params),
        row.counts or {},
        row.timings or {},
        row.requests or {},
    )


def _result(row: Any) -> ObjectResultView:
    diff = diff_in(row.fields)
    return ObjectResultView(
        row.attempt,
        f"{row.group}/{row.kind}:{row.namespace}/{row.name}",
        row.group,
        row.kind,
        row.namespace,
        row.name,
        row.action,
        sentence(reason_in(row, "detail")),
        row.detail_code,
        params_in(row.detail_params),
        diff.fields,
        diff.more,
        diff.text or row.diff,
    )
