"""Sets of field paths, as server-side apply keeps them in ``metadata.managedFields``.

A path is a tuple of elements in their FieldsV1 spelling: ``f:name``, ``k:{"name":"web"}``, ``v:"x"``. A set of paths is
a plain frozenset, so union, difference and intersection are Python's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

Path = tuple[str, ...]
FieldSet = frozenset[Path]
Tree = dict[str, Any]
EMPTY: FieldSet = frozenset()


def decode(fields: Mapping[str, Any]) -> FieldSet:
    """Return the paths that a FieldsV1 document names."""
    found: set[Path] = set()
    _decode_into(fields, (), found)
    return frozenset(found)


def _decode_into(fields: Mapping[str, Any], prefix: Path, found: set[Path]) -> None:
    for element, below in fields.items():
        if element == ".":
            found.add(prefix)
        elif not below:
            found.add((*prefix, element))
        else:
            _decode_into(below, (*prefix, element), found)


def tree(paths: Iterable[Path]) -> Tree:
    """Return the paths as the nested FieldsV1 document."""
    root: Tree = {}
    for path in sorted(paths, key=len, reverse=True):
        node = root
        for element in path[:-1]:
            node = node.setdefault(element, {})
        if path:
            below = node.setdefault(path[-1], {})
            if below:
                below["."] = {}
    return root


def is_member(below: Tree) -> bool:
    """Say whether the element above this subtree is itself in the set."""
    return not below or "." in below


def ordered(paths: Iterable[Path]) -> list[Path]:
    """Return the paths in the order in which the API server lists them in messages."""
    found: list[Path] = []
    _walk(tree(paths), (), found)
    return found


def _walk(node: Tree, prefix: Path, found: list[Path]) -> None:
    elements = sorted((each for each in node if each != "."), key=_element_order)
    found.extend((*prefix, element) for element in elements if is_member(node[element]))
    for element in elements:
        if node[element]:
            _walk(node[element], (*prefix, element), found)


def _element_order(element: str) -> tuple[int, str]:
    return ("fkvi".index(element[0]), element)


def spelled(path: Path) -> str:
    """Return the path as in messages: ``.spec.containers[name="web"].image``."""
    return "".join(_spelled_element(element) for element in path)


def _spelled_element(element: str) -> str:
    kind, text = element[0], element[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        keys = orjson.loads(text)
        return "[" + ",".join(f"{name}={_scalar(value)}" for name, value in sorted(keys.items())) + "]"
    if kind == "v":
        return f"[={_scalar(orjson.loads(text))}]"
    return f"[{text}]"


def _scalar(value: object) -> str:
    return orjson.dumps(value).decode()


def key_element(keys: Mapping[str, Any]) -> str:
    """Return the path element for a list item known by its key fields."""
    return "k:" + orjson.dumps(dict(keys), option=orjson.OPT_SORT_KEYS).decode()


def value_element(value: object) -> str:
    """Return the path element for a member of a set."""
    return "v:" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
