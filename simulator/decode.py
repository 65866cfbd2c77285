"""What decoding into the API's Go types does to a document: drops, canonical forms, and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from simulator.schema import QUANTITY, Node, Shape, zero_value

Json = dict[str, Any]

_SCALE = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([KMGTPE]i|[numkMGTPE]?|[eE][+-]?[0-9]+)$")


@dataclass(slots=True)
class Decoded:
    """A document as the server keeps it, and what it had to say about the original."""

    value: Any
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def decode(node: Node, document: Mapping[str, Any]) -> Decoded:
    """Return the document with unknown fields, nulls and empty values dropped and quantities canonical."""
    result = Decoded(None)
    result.value = _value(node, document, "", result)
    return result


def _value(node: Node, value: Any, path: str, into: Decoded) -> Any:
    if node.shape is Shape.ANY or node.open:
        return value
    if value is None:
        return None
    if not _fits(node, value):
        into.wrong.append(f"{path}: {type(value).__name__}")
        return None
    if node.shape is Shape.MAP:
        return _map(node, value, path, into)
    if node.shape is Shape.LIST and node.element is not None:
        return [_value(node.element, item, f"{path}[{i}]", into) for i, item in enumerate(value)]
    return canonical_quantity(value) if node.name == QUANTITY else value


def _fits(node: Node, value: Any) -> bool:
    if node.shape is Shape.MAP:
        return isinstance(value, dict)
    if node.shape is Shape.LIST:
        return isinstance(value, list)
    return not node.types or any(_is_a(value, name) for name in node.types)


def _is_a(value: Any, name: str) -> bool:
    if name == "string":
        return isinstance(value, str)
    if name == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (name == "number" and isinstance(value, float))


def _map(node: Node, value: Mapping[str, Any], path: str, into: Decoded) -> Json:
    kept: Json = {}
    for name, item in value.items():
        child = node.child(name)
        below = f"{path}.{name}" if path else name
        if child is None:
            into.unknown.append(below)
            continue
        if item is None and not node.raw:
            continue
        decoded = _value(child, item, below, into)
        if node.raw or name not in node.fields or not _omitted(node, name, child, decoded):
            kept[name] = decoded
    for name, zero in node.always.items():
        kept.setdefault(name, zero)
    for name in node.structs:
        if name not in kept and name in node.fields:
            kept[name] = zero_value(node.fields[name])
    return kept


def _omitted(node: Node, name: str, child: Node, value: Any) -> bool:
    """Say whether Go would leave the field out: plain zeroes, and collections that are empty."""
    if value is None:
        return True
    if name in node.always:
        return False
    if isinstance(value, list):
        return not value
    if isinstance(value, dict):
        return not value and not child.fields and not child.open and child.shape is Shape.MAP
    return name in node.plain and bool(value == node.plain[name])


def settle_empty(node: Node, document: Any) -> None:
    """Turn empty lists that are always written into null, in place: what an API server stores them as."""
    if isinstance(document, dict):
        for name, value in document.items():
            child = node.child(name)
            if value == [] and name in node.always:
                document[name] = None
            elif child is not None and isinstance(value, dict | list):
                settle_empty(child, value)
    elif node.element is not None and node.element.shape is Shape.MAP:
        for item in document:
            settle_empty(node.element, item)


def canonical_quantity(value: Any) -> Any:
    """Return a resource quantity as the API server prints it: ``0.5`` is ``500m``, ``1024Mi`` is ``1Gi``."""
    text = str(value)
    number = quantity(text)
    if number is None:
        return value
    return _binary(number, text) if text[-2:] in _BINARY else _decimal(number)


def quantity(text: str) -> Decimal | None:
    """Return the number that a resource quantity stands for; None if it is none."""
    matched = _QUANTITY.match(text)
    if not matched:
        return None
    try:
        number = Decimal(matched.group(1))
    except InvalidOperation:
        return None
    suffix = matched.group(2)
    if suffix in _BINARY:
        return number * Decimal(1024) ** _BINARY[suffix]
    exponent = int(suffix[1:]) if suffix[:1] in ("e", "E") and len(suffix) > 1 else _SCALE[suffix]
    return number.scaleb(exponent)


def _binary(number: Decimal, text: str) -> str:
    if number == 0:
        return "0"
    if number != number.to_integral_value() or abs(number) < 1024:
        return _decimal(number)
    whole, power = int(number), 0
    while whole % 1024 == 0 and power < len(_BINARY):
        whole, power = whole // 1024, power + 1
    return f"{whole}{[*_BINARY][power - 1]}" if power else text


def _decimal(number: Decimal) -> str:
    if number == 0:
        return "0"
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        scaled = number.scaleb(-_SCALE[suffix])
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{number.scaleb(9).to_integral_value(rounding='ROUND_UP')}n"
