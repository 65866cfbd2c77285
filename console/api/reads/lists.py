"""``GET /api/v1/…``: what is in SQL, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Query, Request

from common.domain.refs import PlacementRef
from common.domain.rights import Verb
from common.store.engine.session import Database
from common.store.reads import drift, fleet, leftovers, placements, runs, steps
from common.store.reads.drift_groups import DriftGroups, drift_groups
from common.store.reads.page import MAX_PAGE, Page
from common.store.reads.placements import ObjectView, PlacementView
from common.store.reads.runs import AttemptView, ObjectResultView, RunView
from common.store.reads.steps import StepView
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads import known

router = api_router("runs")
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@dataclass(frozen=True, slots=True)
class PlacementAnswer:
    """One placement, with the objects of its inventory."""

    placement: PlacementView
    objects: tuple[ObjectView, ...]


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """One run with everything known of it, and what a person does next."""

    run: RunView
    attempts: tuple[AttemptView, ...]
    objects: tuple[ObjectResultView, ...]
    next_steps: tuple[StepView, ...]


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.get("/placements/{cluster}/{application}", dependencies=[needs(Verb.READ)])
def get_placement(request: Request, scope: Reading, cluster: str, application: str) -> PlacementAnswer:
    """Return one placement with its inventory."""
    ref = PlacementRef(cluster, application)
    with _database(request).read() as connection:
        view = known.placement(connection, scope, ref)
        return PlacementAnswer(view, placements.objects(connection, scope, ref))


@router.get("/runs", dependencies=[needs(Verb.READ)])
def get_runs(  # noqa: PLR0913 - each is one query parameter
    request: Request,
    scope: Reading,
    cluster: str = "",
    application: str = "",
    state: str = "",
    outcome: str = "",
    after: str = "",
    limit: Limit = 100,
) -> Page[runs.RunView]:
    """Return runs, newest first."""
    which = runs.RunFilter(cluster, application, state, outcome)
    known.run_state(state)
    known.outcome(outcome)
    known.run_after(after)
    with _database(request).read() as connection:
        known.cluster(connection, scope, cluster)
        known.application(connection, scope, application)
        return runs.runs(connection, scope, which, after=after, limit=limit)


@router.get("/runs/{run_id}", dependencies=[needs(Verb.READ)])
def get_run(request: Request, scope: Reading, run_id: str) -> RunAnswer:
    """Return one run with its attempts, what they did to each object, and what to do next.

    The beginning of its id will do, or of its id's last twelve digits if it is one of the newest 100,000, where no
    other run has it.
    """
    with _database(request).read() as connection:
        detail = known.run(connection, scope, run_id)
        return RunAnswer(detail.run, detail.attempts, detail.objects, steps.after(connection, scope, detail.run))


@router.get("/drift", dependencies=[needs(Verb.READ)])
def get_drift(
    request: Request, scope: Reading, hours: Annotated[float, Query(gt=0, le=24 * 31)] = 24
) -> tuple[drift.DriftView, ...]:
    """Return the placements that differ now from what was applied, or were corrected in the last hours."""
    database = _database(request)
    with database.read() as connection:
        return drift.drift(connection, scope, since=database.now(connection) - timedelta(hours=hours))


@router.get("/drift/groups", dependencies=[needs(Verb.READ)])
def get_drift_groups(
    request: Request, scope: Reading, hours: Annotated[float, Query(gt=0, le=24 * 31)] = 24
) -> DriftGroups:
    """Return the same once for all placements that drifted alike: by the fields that differ, first what differs now."""
    database = _database(request)
    with database.read() as connection:
        return drift_groups(connection, scope, since=database.now(connection) - timedelta(hours=hours))


@router.get("/leftovers", dependencies=[needs(Verb.READ)])
def get_leftovers(
    request: Request, scope: Reading, after: str = "", limit: Limit = 100
) -> Page[leftovers.LeftoverView]:
    """Return what is on clusters and is not in Git, orphans first."""
    with _database(request).read() as connection, known.page_after(after):
        return leftovers.leftovers(connection, scope, after=after, limit=limit)


@router.get("/approvals", dependencies=[needs(Verb.READ)])
def get_approvals(request: Request, scope: Reading, state: str = "open") -> tuple[fleet.ApprovalView, ...]:
    """Return approvals in a state, or in ``all``."""
    state = "" if state == "all" else state
    known.approval_state(state)
    with _database(request).read() as connection:
        return fleet.approvals(connection, scope, state=state)
