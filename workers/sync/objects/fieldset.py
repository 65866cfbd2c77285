"""Field sets of server-side apply: the nested FieldsV1 form, and paths as conflicts print them.

The notation is that of structured-merge-diff (``fieldpath/serialize-pe.go`` and ``PathElement.String``): ``f:name`` a
field, ``k:{…}`` an element of a list by its keys, ``v:…`` an element of a set, ``i:n`` one by index, ``.`` the item
itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from workers.sync.errors import GarbageError

_INDEX = re.compile(r"-?[0-9]{1,18}")
FieldSet = Mapping[str, Any]
Element = str
"""One step of a path, in FieldsV1 form."""


def checked(fields: Mapping[str, Any]) -> FieldSet:
    """Return a field set as it came from a cluster, once every step of it is sure to be one.

    Raises:
        GarbageError: one is not.
    """
    for element, inner in fields.items():
        if not (_is_step(element) and isinstance(inner, Mapping)):
            message = f"the cluster sent managedFields in which {element[:80]!r} is no step"
            raise GarbageError(message)
        checked(inner)
    return fields


def _is_step(element: Element) -> bool:
    what, colon, value = element.partition(":")
    if what in {"k", "v"}:
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            return False
        return what == "v" or (isinstance(found, dict) and bool(found))
    return element == "." or (bool(colon) and (what == "f" or (what == "i" and _INDEX.fullmatch(value) is not None)))


def printed(element: Element) -> str:
    """Return a step as conflicts print it: ``.name``, ``[name="web"]``, ``[="x"]``, ``[3]``."""
    what, _, value = element.partition(":")
    if what == "k":
        keys: dict[str, Any] = orjson.loads(value)
        return "[" + ",".join(f"{key}={_text(keys[key])}" for key in sorted(keys)) + "]"
    if what == "v":
        return f"[={_text(orjson.loads(value))}]"
    return f"[{value}]" if what == "i" else f".{value}"


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


class Paths(Container[str]):
    """The paths of everything in a set, inner nodes included, as conflicts print them.

    They are known by digests, each made from the one above it: the texts would take the product of keys and fields.
    """

    def __init__(self, fields: FieldSet) -> None:
        self._known = frozenset(_digests(fields, _nothing()))

    def __contains__(self, path: object) -> bool:
        """Return whether the set holds what is at a path."""
        if not isinstance(path, str):
            return False
        whole = _nothing()
        whole.update(path.encode())
        return whole.digest() in self._known


def _nothing() -> Any:
    return hashlib.blake2b(digest_size=16)


def _digests(fields: FieldSet, above: Any) -> Iterator[bytes]:
    for element, below in fields.items():
        if element == ".":
            continue
        here = above.copy()
        here.update(printed(element).encode())
        yield here.digest()
        if below:
            yield from _digests(below, here)


def below(fields: FieldSet, path: Sequence[Element]) -> FieldSet | None:
    """Return what the set holds at and below ``path``; None where it holds nothing.

    A leaf that ends above ``path`` is an atomic value: who owns it owns what is in it, as one leaf.
    """
    node: FieldSet = fields
    for element in path:
        inner = node.get(element)
        if inner is None:
            return {} if not node and node is not fields else None
        node = inner
    return node


def minus(fields: FieldSet, other: FieldSet) -> FieldSet | None:
    """Return what ``fields`` holds and ``other`` does not; None when that is nothing. Inner nodes count by leaves."""
    if not fields or not other:
        return None if not other else fields
    rest = {}
    for element, inner in fields.items():
        if element == ".":
            continue
        left = minus(inner, other[element]) if element in other else inner
        if left is not None:
            rest[element] = left
    return rest or None


def projected(value: Any, fields: FieldSet) -> Any:
    """Return the part of ``value`` that the set holds; all of it at a leaf."""
    elements = [element for element in fields if element != "."]
    if not elements:
        return value
    if isinstance(value, Mapping):
        names = {element[2:]: fields[element] for element in elements if element.startswith("f:")}
        return {name: projected(value[name], names[name]) for name in names if name in value}
    if isinstance(value, list):
        return _projected_list(value, fields, elements)
    return value


def _projected_list(value: list[Any], fields: FieldSet, elements: Sequence[Element]) -> list[Any]:
    kept = []
    for element in elements:
        what, _, text = element.partition(":")
        if what == "k":
            keys: dict[str, Any] = orjson.loads(text)
            matching = (each for each in value if isinstance(each, Mapping) and keys.items() <= each.items())
            kept += [{**keys, **projected(each, fields[element])} for each in matching]
        elif what == "v":
            kept += [each for each in value if each == orjson.loads(text)]
    return kept


def without(value: Any, fields: FieldSet) -> Any:
    """Return ``value`` without what the set holds; None when nothing of it is left.

    Elements of a list by keys keep their keys: they say which element is meant.
    """
    elements = [element for element in fields if element != "."]
    if not elements:
        return None
    if isinstance(value, Mapping):
        return _without_fields(value, {element[2:]: fields[element] for element in elements if element[0] == "f"})
    if isinstance(value, list):
        return _without_elements(value, fields, elements) or None
    return value


def _without_fields(value: Mapping[str, Any], names: Mapping[str, FieldSet]) -> dict[str, Any] | None:
    left = {name: without(each, names[name]) if name in names else each for name, each in value.items()}
    left = {name: each for name, each in left.items() if each is not None or name not in names}
    return left or None


def _without_elements(value: list[Any], fields: FieldSet, elements: Sequence[Element]) -> list[Any]:
    taken = [orjson.loads(element[2:]) for element in elements if element[0] == "v"]
    keyed = [(orjson.loads(element[2:]), fields[element]) for element in elements if element[0] == "k"]
    kept = []
    for each in value:
        if each in taken:
            continue
        mine = (pair for pair in keyed if isinstance(each, Mapping) and pair[0].items() <= each.items())
        keys, inner = next(mine, ({}, None))
        kept.append(each if inner is None else {**keys, **(without(each, inner) or {})})
    return kept


def merged(sets: Iterable[FieldSet]) -> dict[str, Any]:
    """Return the union of field sets."""
    union: dict[str, Any] = {}
    for fields in sets:
        for element, below in fields.items():
            union[element] = merged((union.get(element, {}), below))
    return union


def list_keys(fields: Iterable[FieldSet], path: Sequence[Element]) -> tuple[str, ...]:
    """Return by which keys the elements of the list at ``path`` are told apart; empty where no manager's set says."""
    for each in fields:
        node: Mapping[str, Any] = each
        for element in path:
            node = node.get(element) or {}
        for element in node:
            if element.startswith("k:"):
                keys: dict[str, Any] = orjson.loads(element[2:])
                return tuple(sorted(keys))
    return ()
