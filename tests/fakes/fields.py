"""Objects as flat maps from field paths to values: what makes a server-side apply short enough for a fake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

Path = tuple[str, ...]
Flat = dict[Path, Any]


def flat(value: Any, path: Path = ()) -> Flat:
    """Return every leaf of ``value``; lists of named mappings merge by name, all other lists are one leaf."""
    if isinstance(value, Mapping) and value:
        found: Flat = {}
        for key, inner in value.items():
            found |= flat(inner, (*path, f"f:{key}"))
        return found
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and "name" in each for each in value):
        found = {}
        for each in value:
            key = orjson.dumps({"name": each["name"]}).decode()
            found |= flat(each, (*path, f"k:{key}"))
        return found
    return {path: value}


def nested(fields: Mapping[Path, Any]) -> Any:
    """Return the value that ``flat`` took apart."""
    if set(fields) == {()}:
        return fields[()]
    parts: dict[str, Flat] = {}
    for path, value in fields.items():
        parts.setdefault(path[0], {})[path[1:]] = value
    if any(part.startswith("k:") for part in parts):
        return [nested(inner) for inner in parts.values()]
    return {part[2:]: nested(inner) for part, inner in parts.items()}


def fields_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set of paths as FieldsV1."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
            if element.startswith("k:"):
                node.setdefault(".", {})
    return tree


def paths_of(fields: Mapping[str, Any], path: Path = ()) -> set[Path]:
    """Return the leaves of a FieldsV1."""
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        return {path}
    return {leaf for key, value in inner.items() for leaf in paths_of(value, (*path, key))}


def printed(path: Path) -> str:
    """Return a path as a conflict names it."""
    text = ""
    for element in path:
        if element.startswith("k:"):
            keys = orjson.loads(element[2:])
            text += "[" + ",".join(f'{key}="{value}"' for key, value in keys.items()) + "]"
        else:
            text += f".{element[2:]}"
    return text
