"""Which field manager holds a field of a live object, by its ``managedFields``. Pure.

What they hold is read as the API server writes it (structured-merge-diff, ``fieldpath/serialize-pe.go``): the keys of
an element in order, without blanks. Whatever is written otherwise has no owner that we know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from workers.sync.objects.live import MANAGER

NAME_LIMIT = 128
"""Characters of a manager's name, the most that an API server takes."""


@dataclass(frozen=True, slots=True)
class Element:
    """A step into a list: to the element that is, or was, ``value``."""

    value: Any


Step = str | Element
"""One step of the way to a field: a key of a mapping, or an element of a list."""


class Owners:
    """Who holds the fields of one object.

    Args:
        live: the object; an object without ``managedFields`` has no owners.
    """

    def __init__(self, live: Mapping[str, Any]) -> None:
        self._entries = tuple(_entries(live))

    def of(self, way: Sequence[Step]) -> str:
        """Return who holds the field at the end of ``way``; the last to write where several do, we ourselves last."""
        return next((manager for manager, fields in self._entries if _holds(fields, way)), "")


def _entries(live: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield managers with what they hold, the last to write first, and our own after all others."""
    metadata = live.get("metadata")
    listed = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    given = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    given.sort(key=lambda each: str(each.get("time", "")), reverse=True)
    given.sort(key=lambda each: each.get("manager") == MANAGER)
    for each in given:
        manager, fields = each.get("manager"), each.get("fieldsV1")
        if isinstance(manager, str) and isinstance(fields, Mapping):
            yield manager[:NAME_LIMIT], fields


def _holds(fields: Mapping[str, Any], way: Sequence[Step]) -> bool:
    node: Any = fields
    for step in way:
        if not node:  # a leaf that ends above holds all that is in it
            return node is not fields
        node = node.get(f"f:{step}") if isinstance(step, str) else _element(node, step.value)
        if not isinstance(node, Mapping):
            return False
    return True


def _element(node: Mapping[str, Any], value: Any) -> Any:
    if not isinstance(value, Mapping):
        return node.get(f"v:{_json(value)}")
    by_keys = next((each for each in node if each.startswith("k:")), "")
    try:
        keys = orjson.loads(by_keys[2:])
    except orjson.JSONDecodeError:
        return None
    named = {key: value.get(key) for key in sorted(keys)} if isinstance(keys, dict) else {}
    return node.get(f"k:{_json(named)}")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
