"""Seeded random sequences of operations, and running one against an API server."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from tests.contract.kube_api.documents import KindUnderTest
from tests.contract.kube_api.kinds_under_test import KINDS
from tests.contract.kube_api.kube import JSON_PATCH, MERGE, STRATEGIC, Kube, Reply

Json = dict[str, Any]
MANAGERS = ("alice", "bob", "carol")


class Verb(StrEnum):
    """What a step does."""

    APPLY = "apply"
    CREATE = "create"
    UPDATE = "update"
    MERGE_PATCH = "merge-patch"
    STRATEGIC_PATCH = "strategic-patch"
    JSON_PATCH = "json-patch"
    STATUS = "status"
    DELETE = "delete"
    LIST = "list"
    GET = "get"


@dataclass(frozen=True, slots=True)
class Step:
    """One request.

    Attributes:
        document: body; its uid and resourceVersion are filled in from what that server last showed, see ``pins``.
        pins: "uid", "resourceVersion" -> "right" or "wrong": preconditions to send.
    """

    verb: Verb
    kind: KindUnderTest
    name: str
    manager: str = ""
    document: Json = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.verb} {self.kind.kind} {self.name} {self.manager} {self.query} {self.pins} {self.document}"


def sequence(seed: int) -> list[Step]:
    """Return the steps of a seed: always the same ones."""
    draw = Random(seed)  # noqa: S311 - repeatable, not secret
    kind = draw.choice(KINDS)
    names = [f"s{seed}-{letter}" for letter in "ab"[: draw.choice([1, 1, 2])]]
    return [_step(draw, kind, draw.choice(names), first=index == 0) for index in range(draw.randint(5, 12))]


def _step(draw: Random, kind: KindUnderTest, name: str, *, first: bool) -> Step:
    weights = {
        Verb.APPLY: 45,
        Verb.CREATE: 12 if first else 3,
        Verb.UPDATE: 10,
        Verb.MERGE_PATCH: 8,
        Verb.STRATEGIC_PATCH: 4,
        Verb.JSON_PATCH: 4,
        Verb.STATUS: 8 if kind.status else 0,
        Verb.DELETE: 5,
        Verb.LIST: 5,
        Verb.GET: 3,
    }
    verb = draw.choices(list(weights), list(weights.values()))[0]
    return _MAKERS[verb](draw, kind, name)


def _dry(draw: Random, query: dict[str, str]) -> dict[str, str]:
    return {**query, "dryRun": "All"} if draw.random() < 0.2 else query


def _pins(draw: Random) -> dict[str, str]:
    if draw.random() > 0.15:
        return {}
    return {draw.choice(["uid", "resourceVersion"]): draw.choice(["right", "right", "wrong"])}


def _apply(draw: Random, kind: KindUnderTest, name: str) -> Step:
    query = {"force": "true"} if draw.random() < 0.35 else {}
    document = kind.document(draw, name)
    return Step(Verb.APPLY, kind, name, draw.choice(MANAGERS), document, _dry(draw, query), _pins(draw))


def _create(draw: Random, kind: KindUnderTest, name: str) -> Step:
    query = {"fieldValidation": "Strict"} if draw.random() < 0.3 else {}
    return Step(Verb.CREATE, kind, name, draw.choice(MANAGERS), kind.document(draw, name), _dry(draw, query))


def _update(draw: Random, kind: KindUnderTest, name: str) -> Step:
    pins = {"resourceVersion": draw.choice(["right", "right", "wrong", "none"])}
    return Step(Verb.UPDATE, kind, name, draw.choice(MANAGERS), kind.document(draw, name), _dry(draw, {}), pins)


def _merge_patch(draw: Random, kind: KindUnderTest, name: str) -> Step:
    document = kind.document(draw, name)
    if draw.random() < 0.3:
        document["metadata"]["labels"] = None
    return Step(Verb.MERGE_PATCH, kind, name, draw.choice(MANAGERS), document, _dry(draw, {}), _pins(draw))


def _strategic_patch(draw: Random, kind: KindUnderTest, name: str) -> Step:
    return Step(Verb.STRATEGIC_PATCH, kind, name, draw.choice(MANAGERS), kind.document(draw, name), _dry(draw, {}))


def _json_patch(draw: Random, kind: KindUnderTest, name: str) -> Step:
    operations = draw.choice(
        [
            [{"op": "add", "path": "/metadata/labels", "value": {"j": draw.choice("12")}}],
            [{"op": "add", "path": "/metadata/annotations/x", "value": "1"}],
            [{"op": "remove", "path": "/metadata/labels/l1"}],
            [{"op": "test", "path": "/metadata/name", "value": draw.choice([name, "other"])}],
        ]
    )
    return Step(Verb.JSON_PATCH, kind, name, draw.choice(MANAGERS), {"operations": operations}, _dry(draw, {}))


def _status(draw: Random, kind: KindUnderTest, name: str) -> Step:
    assert kind.status is not None
    how = draw.choice(["merge", "apply"])
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
    document = {**head, "status": kind.status(draw)}
    query = {"force": "true"} if how == "apply" and draw.random() < 0.5 else {}
    manager = draw.choice(["controller", "carol"])
    return Step(Verb.STATUS, kind, name, manager, document, query, {"how": how})


def _delete(draw: Random, kind: KindUnderTest, name: str) -> Step:
    pins = {} if draw.random() < 0.4 else {draw.choice(["uid", "resourceVersion"]): draw.choice(["right", "wrong"])}
    document: Json = {}
    if draw.random() < 0.5:
        document["propagationPolicy"] = draw.choice(["Background", "Orphan", "Foreground"])
    if draw.random() < 0.2:
        document["dryRun"] = ["All"]
    return Step(Verb.DELETE, kind, name, "", document, _dry(draw, {}), pins)


def _list(draw: Random, kind: KindUnderTest, name: str) -> Step:
    selector = draw.choice(["l1=1", "l1", "!l2", "l1!=2", "l1 in (0,1)", "l2 notin (0)", "l0=1,l1"])
    return Step(Verb.LIST, kind, name, "", {}, {"labelSelector": selector})


def _get(_: Random, kind: KindUnderTest, name: str) -> Step:
    return Step(Verb.GET, kind, name)


_MAKERS: dict[Verb, Callable[[Random, KindUnderTest, str], Step]] = {
    Verb.APPLY: _apply,
    Verb.CREATE: _create,
    Verb.UPDATE: _update,
    Verb.MERGE_PATCH: _merge_patch,
    Verb.STRATEGIC_PATCH: _strategic_patch,
    Verb.JSON_PATCH: _json_patch,
    Verb.STATUS: _status,
    Verb.DELETE: _delete,
    Verb.LIST: _list,
    Verb.GET: _get,
}
_PATCHES = {Verb.MERGE_PATCH: MERGE, Verb.STRATEGIC_PATCH: STRATEGIC, Verb.JSON_PATCH: JSON_PATCH}


class Runner:
    """Runs steps against one API server and remembers what it showed, so that preconditions can be right or wrong."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._shown: dict[str, Json] = {}

    def run(self, step: Step) -> Reply:
        """Carry out a step."""
        reply = self._send(step)
        if step.verb in (Verb.LIST, Verb.DELETE) or "dryRun" in step.query or reply.code >= 300:
            return reply
        self._shown[step.name] = reply.body["metadata"]
        return reply

    def _send(self, step: Step) -> Reply:
        collection = step.kind.collection(self._namespace)
        path = f"{collection}/{step.name}"
        query = {**step.query, **({"fieldManager": step.manager} if step.manager else {})}
        document = self._pinned(step)
        if step.verb is Verb.APPLY:
            query.pop("fieldManager")
            return self._kube.apply(path, document, step.manager, **query)
        if step.verb is Verb.CREATE:
            return self._kube.create(collection, document, **query)
        if step.verb is Verb.UPDATE:
            return self._kube.update(path, document, **query)
        if step.verb is Verb.STATUS:
            if step.pins["how"] == "apply":
                query.pop("fieldManager")
                return self._kube.apply(f"{path}/status", document, step.manager, **query)
            return self._kube.patch(f"{path}/status", document, MERGE, **query)
        if step.verb in _PATCHES:
            body = document["operations"] if step.verb is Verb.JSON_PATCH else document
            return self._kube.patch(path, body, _PATCHES[step.verb], **query)
        if step.verb is Verb.DELETE:
            return self._kube.delete(path, self._delete_options(step), **query)
        return self._kube.get(collection if step.verb is Verb.LIST else path, **query)

    def _value(self, step: Step, name: str, how: str) -> str:
        known: str = self._shown.get(step.name, {}).get(name, "")
        if how == "right" and known:
            return known
        return "11111111-2222-3333-4444-555555555555" if name == "uid" else "1"

    def _pinned(self, step: Step) -> Json:
        document = copy.deepcopy(step.document)
        for name, how in step.pins.items():
            if name in ("uid", "resourceVersion") and how != "none" and step.verb is not Verb.DELETE:
                document.setdefault("metadata", {})[name] = self._value(step, name, how)
        return document

    def _delete_options(self, step: Step) -> Json:
        head = {"apiVersion": "v1", "kind": "DeleteOptions", **step.document}
        wanted = {name: self._value(step, name, how) for name, how in step.pins.items()}
        return {**head, "preconditions": wanted} if wanted else head
