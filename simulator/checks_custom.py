"""Validation of custom resources against their schema, and of the definitions themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from simulator import errors
from simulator.errors import Cause
from simulator.schema import Node, Shape
from simulator.typed import same

Json = dict[str, Any]


def check_custom(node: Node, document: Mapping[str, Any]) -> list[Cause]:
    """Return what is wrong with a custom resource, by its structural schema."""
    causes: list[Cause] = []
    for name, value in document.items():
        child = node.fields.get(name)
        if name != "metadata" and child is not None:
            causes += _check(child, value, name)
    causes += [errors.required(name) for name in node.required if name not in document]
    return causes


def _check(node: Node, value: Any, path: str) -> list[Cause]:
    if value is None:
        nullable = node.raw.get("nullable") or node.shape is Shape.ANY
        return [] if nullable else [_wrong_type(path, "null", _expected(node))]
    if isinstance(value, dict) and node.shape is Shape.MAP:
        causes = [errors.required(f"{path}.{name}") for name in node.required if name not in value]
        for name, item in value.items():
            child = node.child(name)
            causes += _check(child, item, f"{path}.{name}") if child is not None else []
        return causes
    if isinstance(value, list) and node.shape is Shape.LIST:
        element = node.element
        found = [_check(element, item, f"{path}[{i}]") for i, item in enumerate(value)] if element else []
        return [*_check_items(node, value, path), *(cause for causes in found for cause in causes)]
    return _check_bounds(node, value, path) if node.shape is Shape.SCALAR else []


def _expected(node: Node) -> str:
    return (
        "object" if node.shape is Shape.MAP else "array" if node.shape is Shape.LIST else min(node.types, default="any")
    )


def _wrong_type(path: str, found: str, expected: str) -> Cause:
    why = f'{path} in body must be of type {expected}: "{found}"'
    return Cause("FieldValueTypeInvalid", f'Invalid value: "{found}": {why}', path)


def _check_items(node: Node, value: list[Any], path: str) -> list[Cause]:
    raw = node.raw
    causes = []
    if "minItems" in raw and len(value) < raw["minItems"]:
        why = f"{path} in body should have at least {raw['minItems']} items"
        causes.append(errors.invalid_value(path, len(value), why))
    if "maxItems" in raw and len(value) > raw["maxItems"]:
        causes.append(
            Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {raw['maxItems']} items", path)
        )
    return causes


def _check_bounds(node: Node, value: Any, path: str) -> list[Cause]:
    raw = node.raw
    causes: list[Cause] = []
    if "minimum" in raw and value < raw["minimum"]:
        why = f"{path} in body should be greater than or equal to {raw['minimum']}"
        causes.append(errors.invalid_value(path, value, why))
    if "maximum" in raw and value > raw["maximum"]:
        why = f"{path} in body should be less than or equal to {raw['maximum']}"
        causes.append(errors.invalid_value(path, value, why))
    if "pattern" in raw and isinstance(value, str) and not re.search(raw["pattern"], value):
        causes.append(errors.invalid_value(path, value, f"{path} in body should match '{raw['pattern']}'"))
    if "minLength" in raw and isinstance(value, str) and len(value) < raw["minLength"]:
        why = f"{path} in body should be at least {raw['minLength']} chars long"
        causes.append(errors.invalid_value(path, value, why))
    if node.enum and not any(same(value, each) for each in node.enum):
        listed = ", ".join(f'"{each}"' for each in node.enum)
        message = f"Unsupported value: {errors.rendered(value)}: supported values: {listed}"
        causes.append(Cause("FieldValueNotSupported", message, path))
    return causes


def fill_defaults(node: Node, value: Any) -> None:
    """Fill the defaults that a custom schema declares, in place."""
    if isinstance(value, dict):
        for name, default in node.defaults.items():
            value.setdefault(name, default)
        for name, item in value.items():
            child = node.child(name)
            if child is not None and name != "metadata":
                fill_defaults(child, item)
    elif isinstance(value, list) and node.element is not None:
        for item in value:
            fill_defaults(node.element, item)


def check_definition(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a CustomResourceDefinition."""
    spec = new.get("spec", {})
    names = spec.get("names", {})
    causes = []
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if new["metadata"]["name"] != wanted:
        name = new["metadata"]["name"]
        causes.append(errors.invalid_value("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    causes += [errors.required(f"spec.{name}") for name in ("group", "scope") if not spec.get(name)]
    causes += [errors.required(f"spec.names.{name}") for name in ("plural", "kind") if not names.get(name)]
    stored = [version for version in spec.get("versions") or () if version.get("storage")]
    if len(stored) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(errors.invalid_value("spec.versions", [], why))
    before = (live or {}).get("spec", {})
    if before and before.get("scope") != spec.get("scope"):
        causes.append(errors.immutable("spec.scope", spec.get("scope")))
    return causes
