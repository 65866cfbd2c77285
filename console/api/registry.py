"""``plan`` and ``explain``: what the registry says, answered by the code that the scheduler plans with."""

from __future__ import annotations

import base64
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from common.domain.errors import sentences
from common.domain.fleet import Fleet, Placement
from common.domain.names import suggestion
from common.domain.refs import PlacementRef
from common.domain.rights import Verb
from common.registry import Documents, parse
from common.snapshots import Snapshots
from common.store.engine.session import Database
from common.store.reads import placements
from common.store.reads.rules import unruled
from common.store.state import fleet as fleets
from console.api.errors import NotFoundError, RequestError, TooLargeError
from console.api.needs import needs_everywhere
from scheduler.loop.facts import read_facts
from scheduler.planning.preview import preview

router = APIRouter(prefix="/api/v1")
MOST_FILES = 20_000
MOST_BYTES = 64 * 1024 * 1024
"""Of one registry, as sent."""


class Files(BaseModel):
    """A registry: content in base64 by path from its root."""

    model_config = ConfigDict(extra="forbid")

    files: dict[str, str] = Field(max_length=MOST_FILES)


@router.post("/plan", dependencies=[needs_everywhere(Verb.READ)])
def post_plan(request: Request, body: Files) -> dict[str, object]:
    """Return what a registry would change if it were committed now; nothing is stored."""
    files = _decoded(body.files)
    database: Database = request.app.state.database
    snapshots: Snapshots = request.app.state.snapshots
    known = snapshots.find(database)
    with database.read() as connection:
        stored = fleets.snapshot(connection, known[0]).documents if known else None
        facts = read_facts(connection, now=database.now(connection))
    parsed = parse(files, None if stored is None else Documents.from_json(stored))
    faults = {"faults": parsed.faults, "notices": parsed.notices, "refused": parsed.refused}
    if parsed.refused or parsed.fleet is None:
        return {**faults, "clusters": (), "placements": ()}
    found = preview(known[1] if known else None, parsed.fleet, facts)
    effects = [{"ref": str(one.ref), "effect": one.effect, "detail": one.detail} for one in found.placements]
    return {**faults, "clusters": found.clusters, "placements": effects}


def _decoded(files: dict[str, str]) -> dict[str, bytes]:
    if sum(map(len, files.values())) > MOST_BYTES:
        message = f"the registry has more than {MOST_BYTES} bytes"
        raise TooLargeError(message)
    try:
        return {path: base64.b64decode(content, validate=True) for path, content in files.items()}
    except ValueError as error:
        message = "a file's content is not base64"
        raise RequestError(message) from error


@router.get("/placements/{cluster}/{application}/explain", dependencies=[needs_everywhere(Verb.READ)])
def get_explanation(request: Request, cluster: str, application: str) -> dict[str, object]:
    """Return where a placement comes from: files and lines, target, source, and every value with who gave it.

    The kinds of its objects that have no rule of health are named too, with whether what is said of them is a guess.
    """
    database: Database = request.app.state.database
    snapshots: Snapshots = request.app.state.snapshots
    ref = PlacementRef(cluster, application)
    _, fleet = snapshots.in_force(database)
    with database.read() as connection:
        view, without_rule = placements.placement(connection, ref), unruled(connection, ref)
    placement = fleet.placement(ref)
    if placement is None and view is None:
        raise NotFoundError(_why_not(fleet, ref))
    declared = None if placement is None else _declared(placement)
    why_not = "" if placement else _why_not(fleet, ref)
    return {"placement": view, "declared": declared, "why_not": why_not, "without_health_rule": without_rule}


def _declared(placement: Placement) -> dict[str, Any]:
    return {
        "application": str(placement.application.where),
        "cluster": str(placement.cluster.where),
        "target": {"name": placement.target.name, "where": str(placement.target.where)},
        "project": placement.application.project,
        "disposition": placement.disposition,
        "sources": [
            {"name": one.name, "repo": one.to_resolve.repo, "ref": one.to_resolve.text, "path": one.path}
            for one in placement.sources
        ],
        "pinned": placement.pin is not None,
        "namespace": placement.namespace,
        "mode": placement.sync.mode,
        "interval": placement.interval.total_seconds(),
        "values": [
            {"path": list(one.path), "value": one.value, "origin": one.origin, "where": str(one.where)}
            for one in placement.explain()
        ],
    }


def _why_not(fleet: Fleet, ref: PlacementRef) -> str:
    """Return why the registry has no such placement, with the names that may have been meant."""
    for kind, name, known in (
        ("application", ref.application, fleet.applications),
        ("cluster", ref.cluster, fleet.clusters),
    ):
        if name not in known:
            return sentences(f"the registry has no {kind} {name}", suggestion(name, known))
    return f"no target of application {ref.application} takes cluster {ref.cluster}, or its project does not allow it"
