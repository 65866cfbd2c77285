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
        return [*target, *(item for item in patch if item not in target)]
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if DIRECTIVE not in item]
    key = node.merge_key
    merged = list(target)
    for item in patch:
        place = next((i for i, known in enumerate(merged) if key in item and known.get(key) == item[key]), None)
        if item.get(DIRECTIVE) == "delete":
            merged = [known for known in merged if known.get(key) != item.get(key)]
        elif place is None:
            merged.append(strategic_merge(node.element or ANY, {}, item))
        else:
            merged[place] = strategic_merge(node.element or ANY, merged[place], item)
    return merged


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


def _refused(message: str) -> errors.ApiError:
    return errors.ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {message}")


def _json_operation(document: Any, operation: Mapping[str, Any]) -> Any:
    kind, path = operation.get("op"), _pointer(operation.get("path", ""))
    if kind == "test":
        found = _find(document, path)
        if not same(found, operation.get("value")):
            raise _refused(f"testing value {operation.get('path')} failed")
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
    raise errors.bad_request(f"Unexpected kind: {kind}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(parent: Any, part: str) -> Any:
    if not isinstance(parent, list):
        return part
    try:
        return int(part)
    except ValueError:
        raise _refused(f"invalid index {part}") from None


def _find(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        try:
            document = document[_index(document, part)]
        except (KeyError, IndexError, TypeError):
            raise _refused(f"path {part} does not exist") from None
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
        raise _refused(f"path {path[-1]} does not exist")
    return document


def _remove(document: Any, path: Sequence[str]) -> None:
    _find(document, path)
    parent = _find(document, path[:-1])
    del parent[_index(parent, path[-1])]
