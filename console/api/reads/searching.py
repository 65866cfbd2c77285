"""``GET /api/v1/search``: what a few characters may mean, among what the caller may read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request

from common.domain.fleet import Fleet
from common.domain.refs import PlacementRef, RunId
from common.domain.rights import Scope, Verb
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.reads import commits, names, placements, runs
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs

router = api_router("fleet")
MOST = 8
"""Of each kind."""
_PAIRS = 12
"""Clusters, and applications, that are tried with each other for a placement."""
_ID = re.compile(r"[0-9a-f][0-9a-f-]{5,63}")


class HitKind(StrEnum):
    """What a search finds."""

    CLUSTER = "cluster"
    APPLICATION = "application"
    PLACEMENT = "placement"
    COMMIT = "commit"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found.

    Attributes:
        name: as its own path has it: a name, ``cluster/application`` or an id.
        about: what helps to tell it from others: the subject of a commit, the placement of a run.
    """

    kind: HitKind
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What was found, ``MOST`` of each kind, names that begin so first."""

    items: tuple[Hit, ...]


@router.get("/search", dependencies=[needs(Verb.READ)])
def get_search(
    request: Request, scope: Reading, q: Annotated[str, Query(min_length=1, max_length=200)]
) -> SearchAnswer:
    """Return clusters, applications, placements, commits and runs that a text may mean.

    A part of a name will do, of a placement a part of both with a slash between, of a commit or run six characters of
    its id, and of a commit a tag or version as well.
    """
    database: Database = request.app.state.database
    snapshots: Snapshots = request.app.state.snapshots
    _, fleet = snapshots.in_force(database)
    text = q.strip()
    with database.read() as connection:
        return SearchAnswer(tuple(_hits(connection, scope, fleet, text)) if text else ())


def _hits(connection: Connection, scope: Scope, fleet: Fleet, text: str) -> Iterator[Hit]:
    clusters = names.clusters(connection, scope)
    applications = [name for name, one in fleet.applications.items() if scope.covers(one.project)]
    yield from (Hit(HitKind.CLUSTER, one, "") for one in _matching(text, clusters)[:MOST])
    yield from (Hit(HitKind.APPLICATION, one, "") for one in _matching(text, applications)[:MOST])
    if "/" in text:
        yield from _placements(connection, scope, text, (clusters, applications))
    yield from _commits(connection, scope, text)
    if _ID.fullmatch(text.lower()) and len(text) < 36:
        for id_, ref in runs.by_part(connection, scope, text.lower(), limit=MOST):
            yield Hit(HitKind.RUN, id_, ref)
    elif detail := runs.run(connection, scope, RunId(text)):
        yield Hit(HitKind.RUN, detail.run.id, detail.run.ref)


def _matching(text: str, known: Iterable[str]) -> list[str]:
    asked = text.casefold()
    found = [one for one in known if asked in one.casefold()]
    return sorted(found, key=lambda one: (not one.casefold().startswith(asked), one))


def _placements(
    connection: Connection, scope: Scope, text: str, known: tuple[Iterable[str], Iterable[str]]
) -> Iterator[Hit]:
    parts = text.split("/", 1)
    clusters, applications = (_matching(part, of)[:_PAIRS] for part, of in zip(parts, known, strict=True))
    refs = [PlacementRef(cluster, application) for cluster in clusters for application in applications]
    found = placements.some(connection, scope, refs)
    yield from (Hit(HitKind.PLACEMENT, str(ref), found[ref].health) for ref in refs if ref in found)


def _commits(connection: Connection, scope: Scope, text: str) -> Iterator[Hit]:
    part = text.lower().removeprefix("sha256:")
    named = commits.named(connection, scope, text, limit=MOST)
    ids = commits.beginning(connection, scope, part, limit=MOST) if _ID.fullmatch(part) else ()
    views = {one.view.id: one.view for one in named}
    for id_ in ids:
        views.setdefault(id_, commits.agreed(commits.everywhere(connection, scope, id_)))
    for view in list(views.values())[:MOST]:
        yield Hit(HitKind.COMMIT, view.id, " ".join(filter(None, (view.version, view.subject))))
