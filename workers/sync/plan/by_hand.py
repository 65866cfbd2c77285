"""What people added by hand to objects of ours, and Git does not have: told by field managers. Pure.

A sidecar, a key, a label: server-side apply leaves alone what it does not own. Only what a person's tool wrote counts,
so that what controllers and webhooks add is never taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import orjson

from common.domain.foreign import further
from workers.sync.objects import fieldset
from workers.sync.objects.fieldset import FieldSet, printed
from workers.sync.objects.live import MANAGER, LiveMeta, ManagedFields

_TOOLS = frozenset({"Headlamp", "headlamp-server", "Lens", "OpenLens", "dashboard", "k9s", "node-fetch", "octant"})
_PREFIXES = ("kubectl", "Mozilla")
"""How the rest of people's tools begin: each command of kubectl has a name of its own, and browsers have long ones."""

KEPT = (
    "/spec/replicas",
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
)
"""Never taken away: an object without replicas has one; to forget a restart is another restart."""
_NOT_SPEC = frozenset({"f:apiVersion", "f:kind", "f:status"})
_OF_METADATA = frozenset({"f:labels", "f:annotations"})
MOST = 20
"""Fields that are remembered of one object, and told."""


def is_by_hand(entry: ManagedFields) -> bool:
    """Tell whether a person's tool made an entry; what it wrote by a subresource (``scale``) is meant to be passing."""
    named = entry.manager in _TOOLS or entry.manager.startswith(_PREFIXES)
    return named and not entry.subresource


def added(meta: LiveMeta, left: Sequence[str]) -> FieldSet | None:
    """Return the fields that only people's tools own; None where there are none.

    Args:
        meta: of the live object.
        left: JSON pointers of what is not looked at.
    """
    entries = meta.managed_fields or ()
    if not any(is_by_hand(entry) for entry in entries):
        return None
    hands = fieldset.merged(entry.decoded() for entry in entries if is_by_hand(entry))
    others = fieldset.merged(entry.decoded() for entry in entries if not is_by_hand(entry))
    found = fieldset.minus(_looked_at(hands), others) if others else _looked_at(hands)
    for pointer in (*KEPT, *left):
        found = _without(found, [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")])
    return found


def _looked_at(fields: FieldSet) -> FieldSet:
    kept = {key: below for key, below in fields.items() if key not in _NOT_SPEC}
    metadata = {key: below for key, below in (fields.get("f:metadata") or {}).items() if key in _OF_METADATA}
    return {**kept, "f:metadata": metadata} if metadata else {k: v for k, v in kept.items() if k != "f:metadata"}


def _without(fields: FieldSet | None, tokens: Sequence[str]) -> FieldSet | None:
    """Return fields without what a pointer names; an index in it means any element.

    What holds it was not added as a whole then.
    """
    if fields is None or not tokens:
        return None
    token, rest = tokens[0], tokens[1:]
    any_element = token == "*" or token.isdigit()  # noqa: S105 - a step of a pointer
    kept = {}
    for element, below in fields.items():
        meant = element == f"f:{token}" or (any_element and element[:2] in {"k:", "i:", "v:"})
        inner = _without(below, rest) if meant and (below or not rest) else below
        if inner is not None:
            kept[element] = inner
    if kept != fields:
        kept.pop(".", None)
    return kept if any(element != "." for element in kept) else None


def names(fields: FieldSet | None) -> tuple[str, ...]:
    """Return at most ``MOST`` paths of fields as Kubernetes prints them, whole where all of something was added."""
    return tuple(islice(_names(fields, ""), MOST)) if fields else ()


def _names(fields: FieldSet, prefix: str) -> Iterator[str]:
    for element, below in fields.items():
        path = further(prefix, printed(element))
        if not below or "." in below:
            yield path
        else:
            yield from _names(below, path)


def taken(meta: LiveMeta, fields: FieldSet) -> tuple[ManagedFields, ...]:
    """Return managedFields with these fields as ours, so that an apply which does not have them takes them away."""
    entries = meta.managed_fields or ()
    kept: list[ManagedFields] = []
    for entry in entries:
        if entry.ours:
            continue
        left = fieldset.minus(entry.decoded(), fields) if is_by_hand(entry) else entry.decoded()
        if left:
            kept.append(msgspec.structs.replace(entry, fields=msgspec.Raw(orjson.dumps(left))))
    ours = meta.our_fields or ManagedFields(MANAGER, "Apply", api_version=entries[0].api_version, time=entries[0].time)
    union = fieldset.merged((ours.decoded(), fields))
    mine = msgspec.structs.replace(ours, fields_type="FieldsV1", fields=msgspec.Raw(orjson.dumps(union)))
    return (*kept, mine)


def without(body: Mapping[str, Any], fields: FieldSet) -> dict[str, Any]:
    """Return an object without the fields."""
    left = _removed(body, fields)
    return dict(left) if isinstance(left, Mapping) else {}


_GONE = object()


def _removed(value: Any, fields: FieldSet) -> Any:
    """Return a value without the fields; what was added as a whole stays where it holds something else by now."""
    if not fields:
        return _GONE
    left = value
    if isinstance(value, Mapping):
        named = {element[2:]: below for element, below in fields.items() if element.startswith("f:")}
        pairs = ((key, _removed(each, named[key]) if key in named else each) for key, each in value.items())
        left = {key: each for key, each in pairs if each is not _GONE}
    elif isinstance(value, list):
        left = [kept for each in value if (kept := _removed_element(each, fields)) is not _GONE]
    return _GONE if "." in fields and not left else left


def _removed_element(value: Any, fields: FieldSet) -> Any:
    for element, below in fields.items():
        what, _, text = element.partition(":")
        if what == "v" and orjson.loads(text) == value:
            return _GONE
        if what == "k" and isinstance(value, Mapping) and (keys := orjson.loads(text)).items() <= value.items():
            left = _removed(value, below)
            return left if left is _GONE else {**keys, **left}
    return value
