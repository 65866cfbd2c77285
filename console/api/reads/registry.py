"""``plan`` and ``explain``: what the registry says, answered by the code that the scheduler plans with."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from common.domain.errors import sentences
from common.domain.fleet import Fleet, Placement
from common.domain.names import suggestion
from common.domain.refs import PlacementRef
from common.domain.rights import Scope, Verb
from common.registry import Documents, Fault, parse
from common.snapshots import Snapshots
from common.store.engine.session import Database
from common.store.reads import names, placements
from common.store.reads.placements import PlacementView
from common.store.reads.rules import UnruledView, unruled
from common.store.state import fleet as fleets
from console.api.contract.errors import NotFoundError, RequestError, TooLargeError
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs, needs_everywhere
from scheduler.loop.facts import read_facts
from scheduler.planning.preview import ClusterEffect, Effect, preview

router = api_router("registry")
MOST_FILES = 20_000
MOST_BYTES = 64 * 1024 * 1024
"""Of one registry, as sent."""


class Files(BaseModel):
    """A registry: content in base64 by path from its root."""

    model_config = ConfigDict(extra="forbid")

    files: dict[str, str] = Field(max_length=MOST_FILES)


@dataclass(frozen=True, slots=True)
class EffectView:
    """What becomes of one placement; ``detail`` is for a person."""

    ref: str
    effect: Effect
    detail: str


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """What a registry would change.

    Attributes:
        faults: what is wrong with it.
        notices: what is not wrong but should be known.
        refused: whether it would change nothing for its faults.
        clusters: that are added, removed or changed.
        placements: that change; what is not listed stays as it is.
    """

    faults: tuple[Fault, ...]
    notices: tuple[Fault, ...]
    refused: bool
    clusters: tuple[ClusterEffect, ...]
    placements: tuple[EffectView, ...]


@dataclass(frozen=True, slots=True)
class TargetView:
    """The target of an application that takes a cluster, and where it is written."""

    name: str
    where: str


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source as the registry names it."""

    name: str
    repo: str
    ref: str
    path: str


@dataclass(frozen=True, slots=True)
class ValueView:
    """A value, by its path, with the document that gave it and where that is written."""

    path: tuple[str, ...]
    value: Any
    origin: str
    where: str


@dataclass(frozen=True, slots=True)
class DeclaredPlacement:
    """A placement as the registry in force has it.

    Attributes:
        application: file and line of its document; of the cluster alike.
        disposition: what becomes of its objects once nothing asks for them.
        pinned: whether it stays at a revision.
        interval: seconds between two sweeps.
    """

    application: str
    cluster: str
    target: TargetView
    project: str
    disposition: str
    sources: tuple[DeclaredSource, ...]
    pinned: bool
    namespace: str
    mode: str
    interval: float
    values: tuple[ValueView, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a placement comes from.

    Attributes:
        placement: as it stands; None where it is declared and not planned yet.
        declared: None where the registry does not place it any more.
        why_not: why it does not; empty where it does.
        without_health_rule: kinds of its objects of whose health only a guess is said, or nothing.
    """

    placement: PlacementView | None
    declared: DeclaredPlacement | None
    why_not: str
    without_health_rule: tuple[UnruledView, ...]


@router.post("/plan", dependencies=[needs_everywhere(Verb.READ)])
def post_plan(request: Request, body: Files) -> PlanAnswer:
    """Return what a registry would change if it were committed now; nothing is stored."""
    files = _decoded(body.files)
    database: Database = request.app.state.database
    snapshots: Snapshots = request.app.state.snapshots
    known = snapshots.find(database)
    with database.read() as connection:
        stored = fleets.snapshot(connection, known[0]).documents if known else None
        facts = read_facts(connection, now=database.now(connection))
    parsed = parse(files, None if stored is None else Documents.from_json(stored))
    if parsed.refused or parsed.fleet is None:
        return PlanAnswer(parsed.faults, parsed.notices, parsed.refused, (), ())
    found = preview(known[1] if known else None, parsed.fleet, facts)
    effects = tuple(EffectView(str(one.ref), one.effect, one.detail) for one in found.placements)
    return PlanAnswer(parsed.faults, parsed.notices, parsed.refused, found.clusters, effects)


def _decoded(files: dict[str, str]) -> dict[str, bytes]:
    if sum(map(len, files.values())) > MOST_BYTES:
        message = f"the registry has more than {MOST_BYTES} bytes"
        raise TooLargeError(message)
    try:
        return {path: base64.b64decode(content, validate=True) for path, content in files.items()}
    except ValueError as error:
        message = "a file's content is not base64"
        raise RequestError(message) from error


@router.get("/placements/{cluster}/{application}/explain", dependencies=[needs(Verb.READ)])
def get_explanation(request: Request, scope: Reading, cluster: str, application: str) -> Explanation:
    """Return where a placement comes from: files and lines, target, source, and every value with who gave it.

    The kinds of its objects that have no rule of health are named too, with whether what is said of them is a guess.
    """
    database: Database = request.app.state.database
    snapshots: Snapshots = request.app.state.snapshots
    ref = PlacementRef(cluster, application)
    _, fleet = snapshots.in_force(database)
    with database.read() as connection:
        view, without_rule = placements.placement(connection, scope, ref), unruled(connection, scope, ref)
        clusters = frozenset(names.clusters(connection, scope))
    placement = fleet.placement(ref)
    if placement is not None and not scope.covers(placement.application.project):
        placement = None
    why_not = "" if placement else _why_not(_readable(fleet, scope, clusters), ref)
    if placement is None and view is None:
        raise NotFoundError(why_not)
    declared = None if placement is None else _declared(placement)
    return Explanation(view, declared, why_not, without_rule)


def _declared(placement: Placement) -> DeclaredPlacement:
    return DeclaredPlacement(
        application=str(placement.application.where),
        cluster=str(placement.cluster.where),
        target=TargetView(placement.target.name, str(placement.target.where)),
        project=placement.application.project,
        disposition=placement.disposition,
        sources=tuple(
            DeclaredSource(one.name, one.to_resolve.repo, one.to_resolve.text, one.path) for one in placement.sources
        ),
        pinned=placement.pin is not None,
        namespace=placement.namespace,
        mode=placement.sync.mode,
        interval=placement.interval.total_seconds(),
        values=tuple(ValueView(one.path, one.value, one.origin, str(one.where)) for one in placement.explain()),
    )


class _Names(NamedTuple):
    """Names of a registry that a caller may read."""

    applications: frozenset[str]
    clusters: frozenset[str]


def _readable(fleet: Fleet, scope: Scope, clusters: frozenset[str]) -> _Names:
    applications = (name for name, one in fleet.applications.items() if scope.covers(one.project))
    return _Names(frozenset(applications), clusters & fleet.clusters.keys())


def _why_not(readable: _Names, ref: PlacementRef) -> str:
    """Return why the registry has no such placement, with the names that may have been meant."""
    for kind, name, known in (
        ("application", ref.application, readable.applications),
        ("cluster", ref.cluster, readable.clusters),
    ):
        if name not in known:
            return sentences(f"the registry has no {kind} {name}", suggestion(name, known))
    return f"no target of application {ref.application} takes cluster {ref.cluster}, or its project does not allow it"
