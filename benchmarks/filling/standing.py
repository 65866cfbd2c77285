"""How each placement stands: most are well, and the rest have whatever can be wrong, each as often as it is rare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection

from benchmarks.filling.loader import load
from benchmarks.filling.registry import RENDERERS, is_away, repository
from benchmarks.filling.shape import FLEET, HOSTILE, Place, Shape, digest
from common.domain.health import Health
from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef
from common.domain.status import Contact, Found, StatusFacts, sync_status
from common.store.schema.tables import InventoryRow, PlacementRow, PlacementSourceRow
from common.store.state.status import identity_of

_OBJECTS = (
    ("apps", "Deployment", "v1", "deployments"),
    ("", "Service", "v1", "services"),
    ("", "ConfigMap", "v1", "configmaps"),
    ("networking.k8s.io", "Ingress", "v1", "ingresses"),
    ("", "ServiceAccount", "v1", "serviceaccounts"),
    ("autoscaling", "HorizontalPodAutoscaler", "v2", "horizontalpodautoscalers"),
)
_STRANGE = 0.1
"""Share of messages that a stranger wrote."""
Columns = Mapping[str, Any]
Words = Callable[[Place, Random], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """One way in which placements stand.

    Attributes:
        weight: how many of a thousand placements stand so.
        columns: of the placement, that are not as of one that is well.
        params: of the reason that tells why, by the name of its columns.
        behind: commits that what is in is older than what is wanted.
    """

    weight: float
    columns: Columns = field(default_factory=dict)
    params: Mapping[str, Words] = field(default_factory=dict)
    behind: int = 0


def _said(*words: str) -> Words:
    """Return what makes a message: one of these, or now and then what a stranger wrote."""

    def make(place: Place, chance: Random) -> Mapping[str, Any]:
        if chance.random() < _STRANGE:
            return {"message": chance.choice(HOSTILE)}
        return {"message": chance.choice(words).format(at=place)}

    return make


def _object(place: Place, _chance: Random) -> Mapping[str, Any]:
    return {"object": {"kind": "Deployment", "name": place.application}}


def _condition(place: Place, chance: Random) -> Mapping[str, Any]:
    words = chance.choice(("0 of 3 pods are available", "progress deadline exceeded", *HOSTILE[:3]))
    return {**_object(place, chance), "type": "Available", "reason": "MinimumReplicasUnavailable", "message": words}


def _container(place: Place, chance: Random) -> Mapping[str, Any]:
    reason = chance.choice(("CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError", HOSTILE[0]))
    return {**_object(place, chance), "container": place.application[:20], "reason": reason}


def _replicas(place: Place, chance: Random) -> Mapping[str, Any]:
    return {**_object(place, chance), "count": chance.randrange(3), "wanted": 3, "of": "replicas", "state": "ready"}


def _differs(place: Place, chance: Random) -> Mapping[str, Any]:
    first = f"apps/Deployment:{place.application}/{place.application}"
    return {"objects": 1 + chance.randrange(3), "adopted": 0, "first": first}


def _fights(place: Place, chance: Random) -> Mapping[str, Any]:
    return {**_differs(place, chance), "manager": chance.choice(("kubectl-edit", "hpa-operator", HOSTILE[3]))}


def _asks(_place: Place, _chance: Random) -> Mapping[str, Any]:
    return {"objects": 23, "why": {"code": "prune.max-objects", "params": {"objects": 23, "most": 20}}}


def _failed(weight: float, code: str, remedy: str, *words: str) -> Standing:
    columns = {"failure_code": code, "failure_remedy": remedy, "failure_count": 3, "failures": 3}
    return Standing(weight, columns, {"failure": _said(*words)}, behind=1)


def _ill(weight: float, health: Health, code: str, words: Words) -> Standing:
    return Standing(weight, {"health": health.value, "health_reason_code": code}, {"health_reason": words})


def _found(weight: float, code: Found, words: Words) -> Standing:
    return Standing(weight, {"found_code": code.value}, {"found": words})


def _held(weight: float, code: str, words: Words | None = None, **columns: Any) -> Standing:
    return Standing(weight, {"hold_code": code, **columns}, {"hold": words} if words else {}, behind=2)


AWAY = Standing(
    0,
    {"contact_code": Contact.LOST.value, "health": Health.UNKNOWN.value},
    {"contact": lambda _place, _chance: {"code": "cluster.unreachable", "message": "i/o timeout"}},
)
"""How all placements on a cluster stand that does not answer."""
STANDINGS = (
    Standing(880),
    _ill(16, Health.DEGRADED, "health.condition", _condition),
    _ill(14, Health.DEGRADED, "health.container", _container),
    _ill(6, Health.DEGRADED, "health.replicas", _replicas),
    _ill(12, Health.PROGRESSING, "health.rolling-out", _object),
    _ill(6, Health.PROGRESSING, "health.replicas", _replicas),
    _ill(3, Health.MISSING, "health.missing", _object),
    _ill(8, Health.SUSPENDED, "health.suspended", _object),
    _failed(4, "cluster.invalid", "permanent", "Deployment.apps {at.application} is invalid: spec.replicas: must be 1"),
    _failed(4, "apply.conflict", "permanent", "field spec.replicas of {at.application} is owned by hpa-operator"),
    _failed(2, "cluster.forbidden", "permanent", "deployments.apps is forbidden: team may not patch in {at.cluster}"),
    _failed(2, "cluster.timeout", "transient", "context deadline exceeded"),
    _found(5, Found.WARNED, _differs),
    _found(5, Found.DRIFTED, _differs),
    _found(2, Found.FIGHT, _fights),
    _found(2, Found.PRUNE_ASKED, _asks),
    _found(2, Found.WAITS, lambda _place, _chance: {"what": {"code": "sync.unhealthy", "params": {}}}),
    Standing(5, behind=1),
    _held(3, "sync.manual"),
    _held(2, "source.unreadable", _said("path {at.application} is not in the repository")),
    _held(8, "placement.paused", paused_by="Ada Lovelace", pause_reason="while the incident lasts"),
    _held(2, "placement.paused", paused_by=HOSTILE[0], pause_reason=HOSTILE[2]),
    _held(2, "placement.unmatched", state=PlacementState.LEAVING.value),
    _held(3, "placement.unplaced", state=PlacementState.RETAINED.value),
    Standing(2, {"state": PlacementState.LEFT.value}),
)
_WELL = {
    "state": PlacementState.PLACED.value, "hold_code": "", "contact_code": "", "found_code": "",
    "health": Health.HEALTHY.value, "health_reason_code": "", "paused_by": None, "pause_reason": "",
    "failure_code": "", "failure_remedy": "", "failure_count": 0, "failures": 0,
}  # fmt: skip
_REASONS = ("hold", "contact", "found", "health_reason", "failure")
_COLUMNS = (
    "id", "cluster", "application", "project", "mark", "source_id", "desired_source_digest",
    "desired_parameters_digest", "desired_at", "applied_source_digest", "applied_parameters_digest", "applied_sources",
    "applied_at", "confirmed_at", "sync_status", "health_at", "objects", "paused_at", "failure_since",
    "failure_last_at", "full_check_due_at", *_WELL, *(f"{name}_params" for name in _REASONS),
)  # fmt: skip


def standings(shape: Shape) -> Iterator[tuple[Place, Standing]]:
    """Yield every placement with how it stands, always alike for one shape."""
    chance, weights = shape.chance("standing"), [one.weight for one in STANDINGS]
    numbers = {name: number for number, name in enumerate(shape.cluster_names)}
    for place in shape.places():
        (one,) = chance.choices(STANDINGS, weights)
        yield place, AWAY if is_away(numbers[place.cluster]) else one


def fill(connection: Connection, shape: Shape) -> None:
    """Add the placements, what each should run, and the objects that it owns."""
    load(connection, PlacementRow, _COLUMNS, _placements(shape))
    sources = ("placement_id", "position", "repo", "credentials", "ref", "commit", "renderers")
    last = shape.commits - 1
    wanted = (
        (one.id, 0, repository(one.source, shape), "", "refs/heads/main", shape.commit(one.source, last), RENDERERS)
        for one in shape.places()
    )
    load(connection, PlacementSourceRow, sources, wanted)
    columns = (
        "placement_id", "group", "kind", "namespace", "name", "version", "resource", "desired_digest", "uid", "health",
        "health_reason_code", "health_reason_params", "wanted", "by_hand",
    )  # fmt: skip
    load(connection, InventoryRow, columns, _inventory(shape))


def stored_sources(shape: Shape, source: int, number: int) -> list[dict[str, Any]]:
    """Return what a revision came from, as it is stored, by the commit's place in its source's history."""
    of = {"repo": repository(source, shape), "credentials": "", "ref": "refs/heads/main"}
    return [{**of, "commit": shape.commit(source, number), "renderers": RENDERERS}]


def _placements(shape: Shape) -> Iterator[tuple[Any, ...]]:
    chance = shape.chance("reasons")
    for place, standing in standings(shape):
        columns = {**_WELL, **standing.columns}
        last = shape.commits - 1
        applied = last - standing.behind
        desired, have = (f"{place.application}/{number}" for number in (last, applied))
        params = {name: dict(make(place, chance)) for name, make in standing.params.items()}
        ref = PlacementRef(place.cluster, place.application)
        seen = shape.now - timedelta(seconds=chance.randrange(300), hours=3 if standing is AWAY else 0)
        since = shape.now - timedelta(hours=1 + chance.randrange(72))
        failed = since if columns["failure_code"] else None
        yield (
            place.id, place.cluster, place.application, place.project, ref.mark(FLEET), place.source, digest(desired),
            digest("p"), since, digest(have), digest("p"), stored_sources(shape, place.source, applied), since, seen,
            _status(columns, wanted=desired, applied=have), seen, shape.objects,
            since if columns["paused_by"] else None, failed, seen if failed else None,
            shape.now + timedelta(seconds=chance.randrange(86_400)), *(columns[name] for name in _WELL),
            *(params.get(name) for name in _REASONS),
        )  # fmt: skip


def _status(columns: Columns, *, wanted: str, applied: str) -> str:
    """Return the one status that the facts make."""
    facts = StatusFacts(
        state=PlacementState(columns["state"]),
        desired=identity_of(wanted, "p"),
        applied=identity_of(applied, "p"),
        confirmed=True,
        failed=bool(columns["failure_code"]),
        contact=columns["contact_code"],
        found=columns["found_code"],
    )
    return sync_status(facts).value


def _inventory(shape: Shape) -> Iterator[tuple[Any, ...]]:
    for place, standing in standings(shape):
        if standing.columns.get("state") == PlacementState.LEFT:
            continue
        health = standing.columns.get("health", Health.HEALTHY.value)
        code = standing.columns.get("health_reason_code", "")
        for at in range(shape.objects):
            group, kind, version, resource = _OBJECTS[at % len(_OBJECTS)]
            name = place.application if at < len(_OBJECTS) else f"{place.application[:50]}-{at}"
            ill = at == 0 and code
            yield (
                place.id, group, kind, place.application, name, version, resource, digest(kind), f"{place.id}-{at}",
                health if at == 0 else Health.HEALTHY.value, code if ill else "", {} if ill else None,
                not (at == shape.objects - 1 and place.id % 400 == 0),
                "spec.template.spec.containers[0].env" if at == 0 and place.id % 700 == 0 else "",
            )  # fmt: skip
