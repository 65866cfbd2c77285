"""``GET /api/v1/…``: answers to what people ask every day, each from SQL and the registry alone."""

from __future__ import annotations

from fastapi import Request

from common.domain.refs import PlacementRef
from common.domain.rights import Verb
from common.snapshots import Snapshots
from common.store.engine.session import Database
from common.store.reads import answers, commit_reach
from common.store.reads.answers import Version, WhyAnswer
from common.store.reads.commit_reach import Reach
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads import comparing, known, naming
from console.api.reads.comparing import Comparison

router = api_router("placements")


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.get("/placements/{cluster}/{application}/why", dependencies=[needs(Verb.READ)])
def get_why(request: Request, scope: Reading, cluster: str, application: str) -> WhyAnswer:
    """Return why a placement is as it is, and what to do next."""
    with _database(request).read() as connection:
        return answers.why(connection, scope, known.placement(connection, scope, PlacementRef(cluster, application)))


@router.get("/commits/{name:path}", dependencies=[needs(Verb.READ)])
def get_commit(request: Request, scope: Reading, name: str, repo: str = "") -> Reach:
    """Return how far a commit has come.

    It is named by its id, by the beginning of it, or by a tag or version that a source, one of ``repo`` where that is
    given, was resolved to.
    """
    with _database(request).read() as connection:
        found = naming.commit(connection, scope, name, known.repository(connection, scope, repo))
        return commit_reach.reach(connection, scope, found.seen, found.earlier)


@router.get("/applications/{application}/versions", dependencies=[needs(Verb.READ)])
def get_versions(request: Request, scope: Reading, application: str) -> tuple[Version, ...]:
    """Return which version of an application runs where, the newest first."""
    with _database(request).read() as connection:
        known.application_of_path(connection, scope, application)
        return answers.versions(connection, scope, application)


@router.get(
    "/placements/{cluster}/{application}/compare/{other_cluster}/{other_application}",
    dependencies=[needs(Verb.READ)],
)
def get_comparison(
    request: Request,
    scope: Reading,
    cluster: str,
    application: str,
    other_cluster: str,
    other_application: str,
) -> Comparison:
    """Return in what two placements differ: revisions, values with who gave them, and objects."""
    snapshots: Snapshots = request.app.state.snapshots
    _, fleet = snapshots.in_force(_database(request))
    refs = PlacementRef(cluster, application), PlacementRef(other_cluster, other_application)
    with _database(request).read() as connection:
        return comparing.comparison(connection, scope, fleet, *refs)
