"""``GET /api/v1/…``: what is in SQL, in pages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Query, Request, Response

from common.domain.fleet import Fleet, Link
from common.domain.refs import PlacementRef
from common.domain.rights import Verb
from common.snapshots import NoFleetError, Snapshots
from common.store.engine.session import Database
from common.store.reads import drift, fleet, leftovers, placements, runs, steps
from common.store.reads.drift_groups import DriftGroups, drift_groups
from common.store.reads.fleet import ApprovalView, FaultView
from common.store.reads.leftovers import LeftoverView
from common.store.reads.page import Page
from common.store.reads.placements import ObjectView, PlacementView
from common.store.reads.runs import AttemptView, ObjectResultView, RunView
from common.store.reads.steps import StepView
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads import known
from console.api.reads.listing import FILES, Listed

router = api_router("runs")


@dataclass(frozen=True, slots=True)
class PlacementAnswer:
    """One placement.

    Attributes:
        objects: of its inventory.
        links: to its logs and dashboards, as its project and the fleet have them in the registry.
    """

    placement: PlacementView
    objects: tuple[ObjectView, ...]
    links: tuple[Link, ...]


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
    """Return one placement with its inventory and its links."""
    ref = PlacementRef(cluster, application)
    declared = _declared(request)  # before the transaction: a new registry takes a while to be read
    with _database(request).read() as connection:
        view = known.placement(connection, scope, ref)
        links = () if declared is None else declared.links_of(ref, view.project)
        return PlacementAnswer(view, placements.objects(connection, scope, ref), links)


def _declared(request: Request) -> Fleet | None:
    """Return the fleet in force; None where none can be read: a placement is shown without it."""
    snapshots: Snapshots = request.app.state.snapshots
    with suppress(NoFleetError):
        found = snapshots.find(_database(request))
        return None if found is None else found[1]
    return None


@router.get("/runs", dependencies=[needs(Verb.READ)], response_model=Page[RunView], status_code=200, responses=FILES)
def get_runs(  # noqa: PLR0913 - each is one query parameter
    request: Request,
    scope: Reading,
    listed: Listed,
    cluster: str = "",
    application: str = "",
    state: str = "",
    outcome: str = "",
) -> Page[RunView] | Response:
    """Return runs, newest first."""
    which = runs.RunFilter(cluster, application, state, outcome)
    known.run_state(state)
    known.outcome(outcome)
    with _database(request).read() as connection:
        known.cluster(connection, scope, cluster)
        known.application(connection, scope, application)
    return listed.answer(
        RunView, lambda connection, after, limit: runs.runs(connection, scope, which, after=after, limit=limit)
    )


@router.get("/runs/{run_id}", dependencies=[needs(Verb.READ)])
def get_run(request: Request, scope: Reading, run_id: str) -> RunAnswer:
    """Return one run with its attempts, what they did to each object, and what to do next.

    The beginning of its id will do, or of its id's last twelve digits, where no other run has it.
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


@router.get(
    "/leftovers", dependencies=[needs(Verb.READ)], response_model=Page[LeftoverView], status_code=200, responses=FILES
)
def get_leftovers(scope: Reading, listed: Listed) -> Page[LeftoverView] | Response:
    """Return what is on clusters and is not in Git, orphans first."""
    return listed.answer(
        LeftoverView,
        lambda connection, after, limit: leftovers.leftovers(connection, scope, after=after, limit=limit),
    )


@router.get(
    "/approvals", dependencies=[needs(Verb.READ)], response_model=Page[ApprovalView], status_code=200, responses=FILES
)
def get_approvals(scope: Reading, listed: Listed, state: str = "open") -> Page[ApprovalView] | Response:
    """Return approvals in a state, or in `all`, the latest first."""
    state = "" if state == "all" else state
    known.approval_state(state)
    return listed.answer(
        ApprovalView,
        lambda connection, after, limit: fleet.approvals(connection, scope, state=state, after=after, limit=limit),
    )


@router.get(
    "/faults", dependencies=[needs(Verb.READ)], response_model=Page[FaultView], status_code=200, responses=FILES
)
def get_faults(scope: Reading, listed: Listed) -> Page[FaultView] | Response:
    """Return what is wrong and a person should see, by what it is about."""
    return listed.answer(
        FaultView, lambda connection, after, limit: fleet.faults(connection, scope, after=after, limit=limit)
    )
