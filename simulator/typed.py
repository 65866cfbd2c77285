"""Values with a schema: their field sets, how two merge, how two differ, and taking fields away.

The rules are those of structured-merge-diff, the library behind server-side apply in the API server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from simulator import fieldset
from simulator.fieldset import FieldSet, Path, Tree
from simulator.schema import ANY, KEY_DEFAULTS, Node, Shape


class _Missing:
    """No value at all, as opposed to null."""


MISSING: Final = _Missing()


class SchemaError(Exception):
    """A value does not fit its schema: path and what is wrong, as the API server words it."""


def shape_of(node: Node, value: Any) -> Shape:
    """Return what a value is merged as; a free node takes the shape of its value."""
    if node.shape is not Shape.ANY:
        return node.shape
    if isinstance(value, dict):
        return Shape.MAP
    return Shape.LIST if isinstance(value, list) else Shape.SCALAR


def is_atomic(node: Node, value: Any) -> bool:
    """Say whether a value is replaced as a whole."""
    return node.atomic or (node.shape is Shape.ANY and not isinstance(value, dict))


def item_element(node: Node, item: Any) -> str:
    """Return the path element of a list item.

    Raises:
        SchemaError: the item lacks every key.
    """
    if node.is_set:
        return fieldset.value_element(item)
    keys = {name: item[name] if name in item else KEY_DEFAULTS.get(name, MISSING) for name in node.keys}
    present = {name: value for name, value in keys.items() if value is not MISSING}
    if not present or not isinstance(item, dict):
        message = f'associative list with keys has an element that omits key field "{node.keys[0]}"'
        raise SchemaError(message)
    return fieldset.key_element(present)


def field_set(node: Node, value: Any) -> FieldSet:
    """Return every path of a configuration that its author thereby owns."""
    found: set[Path] = set()
    _collect(node, value, (), found)
    return frozenset(found)


def _collect(node: Node, value: Any, path: Path, found: set[Path]) -> None:
    shape = shape_of(node, value)
    if shape is Shape.SCALAR or is_atomic(node, value):
        found.add(path)
        return
    if not value:
        return
    if shape is Shape.LIST:
        for item in value:
            below = (*path, item_element(node, item))
            _collect(node.element or ANY, item, below, found)
            found.add(below)
        return
    for name, item in value.items():
        below = (*path, f"f:{name}")
        named = node.fields.get(name)
        _collect(named or node.element or ANY, item, below, found)
        if named is None or item is None or item == {}:
            found.add(below)


@dataclass(slots=True)
class Difference:
    """Paths that one value has otherwise than another."""

    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


def compare(node: Node, old: Any, new: Any) -> Difference:
    """Return what changed from ``old`` to ``new``."""
    difference = Difference()
    _compare(node, old, new, (), difference)
    return difference


def _compare(node: Node, old: Any, new: Any, path: Path, into: Difference) -> None:
    known = old if new is MISSING or new is None else new
    shape = shape_of(node, known)
    if shape is Shape.SCALAR or is_atomic(node, known) or not (_filled(old) or _filled(new)):
        _compare_leaf(old, new, path, into)
        return
    pairs = _list_pairs(node, old, new) if shape is Shape.LIST else _map_pairs(old, new)
    for element, before, after in pairs:
        child = node.element if shape is Shape.LIST else node.child(element[2:])
        _compare(child or ANY, before, after, (*path, element), into)
    if old is MISSING:
        into.added.add(path)
    elif new is MISSING:
        into.removed.add(path)


def _filled(value: Any) -> bool:
    return value is not MISSING and bool(value)


def _compare_leaf(old: Any, new: Any, path: Path, into: Difference) -> None:
    if old is MISSING:
        into.added.add(path)
    elif new is MISSING:
        into.removed.add(path)
    elif not same(old, new):
        into.modified.add(path)


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal; unlike Python, true is not 1."""
    if left is right:
        return True
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    return bool(left == right)


def identical(left: Any, right: Any) -> bool:
    """Say whether two whole documents are equal, by their bytes: many times faster than walking both."""
    return orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)


def _map_pairs(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    before = old if isinstance(old, dict) else {}
    after = new if isinstance(new, dict) else {}
    for name, value in before.items():
        yield f"f:{name}", value, after.get(name, MISSING)
    for name, value in after.items():
        if name not in before:
            yield f"f:{name}", MISSING, value


def _indexed(node: Node, value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in value if isinstance(value, list) else ():
        found.setdefault(item_element(node, item), item)
    return found


def _list_pairs(node: Node, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    before, after = _indexed(node, old), _indexed(node, new)
    for element, value in before.items():
        yield element, value, after.get(element, MISSING)
    for element, value in after.items():
        if element not in before:
            yield element, MISSING, value


def merge(node: Node, live: Any, config: Any) -> Any:
    """Return ``live`` with everything ``config`` says; lists keep an order that suits both."""
    known = live if config is MISSING else config
    shape = shape_of(node, live if config is None else known)
    if shape is Shape.SCALAR or is_atomic(node, known) or not (_filled(live) or _filled(config)):
        return live if config is MISSING else config
    if config is not MISSING and config is not None and live is not MISSING and shape_of(node, live) is not shape:
        return config
    if shape is Shape.LIST:
        return _merge_list(node, live, config)
    merged = {}
    for element, before, after in _map_pairs(live, config):
        merged[element[2:]] = merge(node.child(element[2:]) or ANY, before, after)
    return merged


def _merge_list(node: Node, live: Any, config: Any) -> list[Any]:
    before, after = _indexed(node, live), _indexed(node, config)
    item = node.element or ANY
    return [
        merge(item, before.get(element, MISSING), after.get(element, MISSING))
        for element in _merged_order(list(before), list(after))
    ]


def _merged_order(before: list[str], after: list[str]) -> list[str]:
    """Interleave two orders: shared items follow ``after``, the rest of ``before`` stays near its neighbours."""
    in_before, in_after = set(before), set(after)
    shared = [element for element in after if element in in_before]
    order: list[str] = []
    left = right = 0
    while left < len(before) or right < len(after):
        if left < len(before) and right < len(after):
            element = before[left]
            if element == after[right]:
                order.append(element)
                left, right, shared = left + 1, right + 1, shared[1:]
                continue
            if element in in_after and shared and shared[0] != element:
                left += 1
                continue
        if left < len(before) and before[left] not in in_after:
            order.append(before[left])
            left += 1
        elif right < len(after):
            order.append(after[right])
            shared = shared[1:] if shared and shared[0] == after[right] else shared
            right += 1
        else:
            left += 1
    return order


def remove(node: Node, value: Any, doomed: FieldSet) -> Any:
    """Return the value without the doomed paths; what becomes empty by it becomes null."""
    return _remove(node, value, fieldset.tree(doomed)) if doomed else value


def _remove(node: Node, value: Any, doomed: Tree) -> Any:
    shape = shape_of(node, value)
    if shape is Shape.SCALAR:
        return value
    if is_atomic(node, value) or not value:
        return None
    if shape is Shape.LIST:
        kept = []
        for item in value:
            below = doomed.get(item_element(node, item))
            if below is None:
                kept.append(item)
            elif not fieldset.is_member(below):
                kept.append(_remove(node.element or ANY, item, below))
        return kept or None
    left = {}
    for name, item in value.items():
        below = doomed.get(f"f:{name}")
        if below is None:
            left[name] = item
        elif not fieldset.is_member(below):
            left[name] = _remove(node.child(name) or ANY, item, below)
    return left or None


def with_named_parents(node: Node, paths: FieldSet) -> FieldSet:
    """Return the paths and every declared field above them, so that taking them away takes the field."""
    found = set(paths)
    for path in paths:
        place: Node | None = node
        for depth, element in enumerate(path[:-1]):
            name = element[2:]
            if element[0] == "f" and place is not None:
                if name in place.fields:
                    found.add(path[: depth + 1])
                place = place.child(name)
            else:
                place = place.element if place is not None else None
    return frozenset(found)
