"""Reading: single objects and lists, by selector, in pages, whole or metadata only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from simulator import errors
from simulator.request import Answer, Request, Target
from simulator.store import Cluster, Place, Stored
from simulator.storing import wire

Predicate = Callable[[Mapping[str, str]], bool]
_SET_BASED = re.compile(r"^\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUALITY = re.compile(r"^\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s,()]*)\s*$")
_PRESENCE = re.compile(r"^\s*(!?)\s*([^\s!=,()]+)\s*$")
_META_VERSION = "meta.k8s.io/v1"


def wants_metadata_only(request: Request) -> bool:
    """Say whether the client asked for PartialObjectMetadata."""
    return "as=PartialObjectMetadata" in request.accept


def label_selector(text: str) -> Predicate:
    """Return the predicate of a label selector.

    Raises:
        ApiError: 400 when it does not parse.
    """
    parts = [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    tests = [_label_test(part) for part in parts]
    return lambda labels: all(test(labels) for test in tests)


def _label_test(part: str) -> Predicate:
    if found := _SET_BASED.match(part):
        name, operator, listed = found.groups()
        values = {each.strip() for each in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(name) in values
        return lambda labels: labels.get(name) not in values
    if found := _EQUALITY.match(part):
        name, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(name) != value
        return lambda labels: labels.get(name) == value
    if found := _PRESENCE.match(part):
        negated, name = found.groups()
        return (lambda labels: name not in labels) if negated else (lambda labels: name in labels)
    message = f"unable to parse requirement: {part}"
    raise errors.bad_request(message)


_ABOUT = frozenset(
    f"involvedObject.{field}"
    for field in ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
)


def field_selector(text: str, target: Target) -> Callable[[Place, Stored], bool]:
    """Return the predicate of a field selector over name and namespace, and of events over what they are about.

    Raises:
        ApiError: 400 for any other field.
    """
    wanted: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        name, negated, value = _field_test(part)
        about = target.kind.kind == "Event" and name in _ABOUT
        if name not in ("metadata.name", "metadata.namespace") and not about:
            kind = f"{target.kind.plural}.{target.kind.group}" if target.kind.group else target.kind.plural
            message = f'Unable to find "{kind}" that match field selector: field label not supported: {name}'
            raise errors.bad_request(message)
        wanted.append((name, value, negated))
    return lambda place, stored: all(
        (_field(name, place, stored) == value) is not negated for name, value, negated in wanted
    )


def _field(name: str, place: Place, stored: Stored) -> str:
    whole, _, part = name.partition(".")
    if whole == "metadata":
        return place[1] if part == "name" else place[0]
    return str(stored.document().get(whole, {}).get(part, ""))


def _field_test(part: str) -> tuple[str, bool, str]:
    name, operator, value = re.split(r"(!=|==|=)", part, maxsplit=1) if "=" in part else (part, "", "")
    if not operator:
        message = f"invalid field selector: {part}"
        raise errors.bad_request(message)
    return name.strip(), operator == "!=", value.strip()


def get(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle GET of one object."""
    stored = cluster.get(target.kind, (target.namespace, target.name))
    if stored is None:
        raise errors.not_found(target.kind.subject(target.name))
    if wants_metadata_only(request):
        head = f'"kind":"PartialObjectMetadata","apiVersion":"{_META_VERSION}",'.encode()
        return Answer(200, b"{" + head + b'"metadata":' + stored.meta + b"}")
    return wire(target.kind, 200, stored)


def select(cluster: Cluster, target: Target, request: Request) -> list[tuple[Place, Stored]]:
    """Return what a collection request is about, in the order of namespace and name."""
    by_label = label_selector(request.query.get("labelSelector", ""))
    by_field = field_selector(request.query.get("fieldSelector", ""), target)
    shelf = cluster.objects.get(target.kind.key, {})
    return sorted(
        (
            (place, stored)
            for place, stored in shelf.items()
            if (not target.namespace or place[0] == target.namespace)
            and by_label(stored.labels)
            and by_field(place, stored)
        ),
        key=lambda each: each[0],
    )


def list_objects(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle GET of a collection."""
    found = select(cluster, target, request)
    version, after = _position(cluster, request.query.get("continue", ""))
    if after is not None:
        found = [each for each in found if each[0] > after]
    limit = _limit(request.query.get("limit", ""))
    page = found[:limit] if limit else found
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if len(page) < len(found):
        meta["continue"] = _token(version, page[-1][0])
        if not request.query.get("labelSelector") and not request.query.get("fieldSelector"):
            meta["remainingItemCount"] = len(found) - len(page)
    return Answer(200, _list_body(target, request, meta, page))


def _list_body(target: Target, request: Request, meta: Mapping[str, Any], page: list[tuple[Place, Stored]]) -> bytes:
    kind, version, item_head = target.kind.list_kind, target.kind.api_version, b""
    partial = wants_metadata_only(request)
    if partial:
        kind, version = "PartialObjectMetadataList", _META_VERSION
        item_head = b'"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":'
        items = [b"{" + item_head + stored.meta + b"}" for _, stored in page]
    else:
        if target.kind.custom:
            item_head = f'"apiVersion":"{target.kind.api_version}","kind":"{target.kind.kind}",'.encode()
        items = [stored.wire(item_head) for _, stored in page]
    head = f'{{"kind":"{kind}","apiVersion":"{version}","metadata":'.encode()
    # an empty metadata list is null on a real API server too
    listed = b"null" if partial and not items else b"[" + b",".join(items) + b"]"
    return head + orjson.dumps(meta) + b',"items":' + listed + b"}"


def _limit(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _token(version: int, last: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": list(last)})).decode()


def _position(cluster: Cluster, token: str) -> tuple[int, Place | None]:
    if not token:
        return cluster.version, None
    try:
        parsed = orjson.loads(base64.urlsafe_b64decode(token))
        namespace, name = parsed["start"]
        return int(parsed["rv"]), (namespace, name)
    except (binascii.Error, orjson.JSONDecodeError, KeyError, ValueError, TypeError) as error:
        message = f"continue key is not valid: {error}"
        raise errors.bad_request(message) from error
