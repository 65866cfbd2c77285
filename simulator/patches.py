"""The three classic patch formats: JSON patch (RFC 6902), merge patch (RFC 7396) and strategic merge patch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from simulator import errors
from simulator.schema import ANY, Node, Shape
from simulator.typed import same

DIRECTIVE = "$patch"


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target after a merge patch; null removes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def strategic_merge(node: Node, target: Any, patch: Any) -> Any:
    """Return the target after a strategic merge patch: lists with a merge key merge by it, others are replaced."""
    if isinstance(patch, dict):
        return _strategic_map(node, target if isinstance(target, dict) else {}, patch)
    if isinstance(patch, list) and node.shape is Shape.LIST and node.merge_key:
        return _strategic_list(node, target if isinstance(target, list) else [], patch)
    return patch


def _strategic_map(node: Node, target: Mapping[str, Any], patch: Mapping[str, Any]) -> Any:
    if patch.get(DIRECTIVE) == "delete":
        return {}
    replace = patch.get(DIRECTIVE) == "replace"
    merged = {} if replace else dict(target)
    for name, value in patch.items():
        if name == "$retainKeys":
            merged = {key: kept for key, kept in merged.items() if key in value}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.split("/", 1)[1]
            merged[field] = [each for each in merged.get(field, []) if each not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = strategic_merge(node.child(name) or ANY, merged.get(name), value)
    return merged


def _strategic_list(node: Node, target: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    if node.merge_key == ".":
        return _interleaved([item for item in target if item not in patch], patch, target, "")
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if DIRECTIVE not in item]
    key = node.merge_key
    doomed = [item.get(key) for item in patch if item.get(DIRECTIVE) == "delete"]
    known = {item.get(key): item for item in target if item.get(key) not in doomed}
    wanted = [item for item in patch if item.get(DIRECTIVE) != "delete"]
    changed = [strategic_merge(node.element or ANY, known.get(item.get(key), {}), item) for item in wanted]
    named = {item.get(key) for item in changed}
    left = [item for name, item in known.items() if name not in named]
    return _interleaved(left, changed, [item.get(key) for item in target], key)


def _interleaved(left: Sequence[Any], right: Sequence[Any], order: Sequence[Any], key: str) -> list[Any]:
    """Return both lists in one: ``right`` first, save where both known places say otherwise.

    Items are told apart by their ``key``; an empty one means the items themselves.
    """
    merged: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        mine, other = (left[i].get(key), right[j].get(key)) if key else (left[i], right[j])
        if mine in order and other in order and order.index(mine) < order.index(other):
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return [*merged, *left[i:], *right[j:]]


def json_patch(target: Any, operations: Any) -> Any:
    """Return the target after a JSON patch.

    Raises:
        ApiError: 400 for a malformed patch, 422 where a path is missing or a test fails.
    """
    if not isinstance(operations, list):
        message = "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        raise errors.bad_request(message)
    document = copy.deepcopy(target)
    for operation in operations:
        document = _json_operation(document, operation)
    return document


def _refused() -> errors.ApiError:
    return errors.ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _json_operation(document: Any, operation: Mapping[str, Any]) -> Any:
    kind, path = operation.get("op"), _pointer(operation.get("path", ""))
    if kind == "test":
        found = _find(document, path)
        if not same(found, operation.get("value")):
            raise _refused()
        return document
    if kind in ("move", "copy"):
        source = _pointer(operation.get("from", ""))
        value = copy.deepcopy(_find(document, source))
        if kind == "move":
            _remove(document, source)
        return _add(document, path, value)
    if kind == "remove":
        _remove(document, path)
        return document
    if kind == "replace":
        _find(document, path)
        if not path:
            return operation.get("value")
        parent = _find(document, path[:-1])
        parent[_index(parent, path[-1])] = operation.get("value")
        return document
    if kind == "add":
        return _add(document, path, operation.get("value"))
    message = f"Unexpected kind: {kind}"
    raise errors.bad_request(message)


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(parent: Any, part: str) -> Any:
    if not isinstance(parent, list):
        return part
    try:
        return int(part)
    except ValueError:
        raise _refused() from None


def _find(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        try:
            document = document[_index(document, part)]
        except (KeyError, IndexError, TypeError):
            raise _refused() from None
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _find(document, path[:-1])
    if isinstance(parent, list):
        place = len(parent) if path[-1] == "-" else _index(parent, path[-1])
        parent.insert(place, value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise _refused()
    return document


def _remove(document: Any, path: Sequence[str]) -> None:
    _find(document, path)
    parent = _find(document, path[:-1])
    del parent[_index(parent, path[-1])]
