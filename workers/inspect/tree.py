"""Objects and what hangs on them, as a tree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.domain.health import Health, HealthReport
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from workers.inspect.details import NOTHING, Details
from workers.sync.objects.groups import built_in

Kind = tuple[str, str]
"""Group and kind."""
POD: Kind = ("", "Pod")
REPLICA_SET: Kind = ("apps", "ReplicaSet")
JOB: Kind = ("batch", "Job")
WORKLOADS: tuple[Kind, ...] = (
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    REPLICA_SET,
    ("batch", "CronJob"),
    JOB,
    POD,
)
"""What an operator makes for its custom objects, as far as it is looked for."""
_CHILDREN: Mapping[Kind, tuple[Kind, ...]] = {
    ("apps", "Deployment"): (REPLICA_SET,),
    ("apps", "StatefulSet"): (POD,),
    ("apps", "DaemonSet"): (POD,),
    REPLICA_SET: (POD,),
    ("", "ReplicationController"): (POD,),
    ("batch", "CronJob"): (JOB,),
    JOB: (POD,),
    POD: (),
}


@dataclass(frozen=True, slots=True)
class Met:
    """An object that somebody owns, by its metadata."""

    object: ObjectId
    uid: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, in words."""

    type: str
    reason: str
    message: str
    times: int
    at: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Health of one object as people and programs read it: the reason in words, with code and parameters beside."""

    health: Health
    reason: str = ""
    reason_code: str = ""
    reason_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the tree.

    Attributes:
        report: its health; None where it was not looked at.
        details: what else is worth seeing at a glance.
        events: the last ones, latest first; only of what is not well.
    """

    object: ObjectId
    report: Seen | None
    details: Details = NOTHING
    children: tuple[Node, ...] = ()
    events: tuple[Happened, ...] = ()


def wanted_kinds(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """Return the kinds that may hang on objects of ``kinds``, at any depth."""
    found: set[Kind] = set()
    waiting = list(kinds)
    while waiting:
        new = set(_below(waiting.pop())) - found
        found |= new
        waiting += new
    return frozenset(found)


def _below(kind: Kind) -> tuple[Kind, ...]:
    """Return what may hang on a kind: of Kubernetes' own as its controllers do it, of others any workload."""
    if kind in _CHILDREN:
        return _CHILDREN[kind]
    return () if built_in(kind[0]) else WORKLOADS


def reached(roots: Mapping[str, str], met: Iterable[Met], *, most: int) -> tuple[tuple[Met, ...], int]:
    """Return what hangs on objects, level by level, and how many were left out.

    An owner is in the same namespace, or in none: a reference that says otherwise is one that no controller made.

    Args:
        roots: the namespaces of these objects by their uids.
        met: everything that has owners.
        most: how many are returned at most.
    """
    below: dict[str, list[Met]] = {}
    for one in met:
        for owner in one.owners:
            below.setdefault(owner, []).append(one)
    found: dict[str, Met] = {}
    waiting = sorted(roots.items())
    while waiting:
        level = [
            one
            for uid, namespace in waiting
            for one in sorted(below.get(uid, ()), key=lambda one: one.object)
            if namespace in {"", one.object.namespace} and one.uid not in roots
        ]
        waiting = [(one.uid, one.object.namespace) for one in level if one.uid not in found]
        found |= {one.uid: one for one in level}
    kept = list(found.values())
    return tuple(kept[:most]), max(0, len(kept) - most)


def on(roots: Sequence[ObjectId], uids: Mapping[ObjectId, str], met: Sequence[Met]) -> tuple[Met, ...]:
    """Return those of ``met`` that hang on the objects ``roots``, however far below."""
    own = {uids[one]: one.namespace for one in roots if uids.get(one)}
    return reached(own, met, most=len(met))[0]


def is_spent(manifest: Mapping[str, Any]) -> bool:
    """Return whether an object is kept for the history alone: an older ReplicaSet, scaled down to nothing."""
    spec, status = manifest.get("spec"), manifest.get("status")
    wanted = spec.get("replicas") if isinstance(spec, Mapping) else None
    left = status.get("replicas", 0) if isinstance(status, Mapping) else 0
    return manifest.get("kind") == "ReplicaSet" and wanted == 0 and left == 0


def grown(
    roots: Sequence[tuple[ObjectId, str]],
    met: Sequence[Met],
    reports: Mapping[ObjectId, HealthReport],
    details: Mapping[ObjectId, Details],
    events: Mapping[ObjectId, Sequence[Happened]],
) -> tuple[Node, ...]:
    """Return the tree below each root, in the order of ``roots``.

    Args:
        roots: with their uids; an empty one has nothing below it.
        met: what hangs on them, from ``reached``.
        reports: health of those that were looked at.
        details: of those that were read.
        events: of those that are not well.
    """
    below: dict[str, list[Met]] = {}
    for one in met:
        for owner in one.owners:
            below.setdefault(owner, []).append(one)

    def node(object_id: ObjectId, uid: str, above: frozenset[str]) -> Node:
        hanging = sorted(below.get(uid, ()) if uid else (), key=lambda one: one.object)
        children = [node(one.object, one.uid, above | {uid}) for one in hanging if one.uid not in above]
        return Node(
            object_id,
            _seen(reports.get(object_id)),
            details.get(object_id, NOTHING),
            tuple(children),
            tuple(events.get(object_id, ())),
        )

    return tuple(node(object_id, uid, frozenset({uid})) for object_id, uid in roots)


def _seen(report: HealthReport | None) -> Seen | None:
    if report is None:
        return None
    why = report.reason
    return Seen(report.health, sentence(why), str(why.code), dict(why.params))
