"""The published schemas, compiled to what merging and checking need: shapes, list keys, atomicity.

One compilation serves all clusters. Built-in kinds come from the OpenAPI definitions bundled with
``kubernetes-validate``; custom kinds from the schema in their CustomResourceDefinition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import orjson

SCHEMAS = "kubernetes-json-schema/v1.37.0-local/_definitions.json"
KEY_DEFAULTS: Mapping[str, object] = {"protocol": "TCP"}
"""Default values of list keys: the published schemas leave them out, the API server merges ports by them."""

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
SPECIAL_REFS = frozenset({"io.k8s.apimachinery.pkg.util.intstr.IntOrString", QUANTITY})
UNTYPED = frozenset(
    {
        "io.k8s.apimachinery.pkg.runtime.RawExtension",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
        META + "FieldsV1",
    }
)


class Shape(StrEnum):
    """What kind of value a schema node describes."""

    SCALAR = "scalar"
    MAP = "map"
    LIST = "list"
    ANY = "any"
    """Whatever the value is: objects merge by field, lists and scalars are replaced whole."""


@dataclass(slots=True, eq=False)
class Node:
    """One place in a schema. Recursive schemas are cyclic graphs of these, so they compare by identity.

    Attributes:
        shape: what value stands here.
        fields: named fields of an object.
        element: what the values of a free map or the items of a list are; None when neither.
        atomic: replaced as a whole, never merged.
        keys: fields that tell the items of a list apart; empty for sets and atomic lists.
        is_set: list items are told apart by their value.
        types: JSON types allowed ("string", "integer", …); empty allows all.
        required: names of fields that must be there.
        enum: allowed values; empty allows all.
        merge_key: key by which a strategic merge patch merges this list; empty replaces it.
        open: unknown fields are kept rather than refused or dropped.
        defaults: default values of fields (custom kinds only).
        name: of the definition it comes from, empty for inline schemas.
        plain: fields whose zero value is not written.
        always: fields that are written even when nothing set them, with what is written then.
        structs: objects that are written even when empty.
        raw: the schema of a custom kind, for what only it says (patterns, bounds).
    """

    shape: Shape
    fields: dict[str, Node] = field(default_factory=dict)
    element: Node | None = None
    atomic: bool = False
    keys: tuple[str, ...] = ()
    is_set: bool = False
    types: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] = ()
    merge_key: str = ""
    open: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    plain: Mapping[str, Any] = field(default_factory=dict)
    always: Mapping[str, Any] = field(default_factory=dict)
    structs: frozenset[str] = frozenset()
    raw: Mapping[str, Any] = field(default_factory=dict)

    def child(self, name: str) -> Node | None:
        """Return the node of a field, of the map's values, or None where nothing is declared."""
        return self.fields.get(name) or self.element


ANY = Node(Shape.ANY, open=True)
ANY_ATOMIC = Node(Shape.ANY, atomic=True, open=True)


class Definitions:
    """A set of OpenAPI definitions, compiled on demand."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._nodes: dict[str, Node] = {}

    def named(self, name: str) -> Node:
        """Return the node of a definition.

        Raises:
            KeyError: there is none of that name.
        """
        if name in self._nodes:
            return self._nodes[name]
        raw = self._raw[name]
        if name in UNTYPED:
            self._nodes[name] = ANY_ATOMIC
            return ANY_ATOMIC
        node = Node(Shape.SCALAR, name=name)
        self._nodes[name] = node  # before descending: definitions refer to themselves
        self._fill(node, raw)
        written = _go_types().get(name, {})
        node.plain = written.get("plain", {})
        node.always = written.get("always", {})
        node.structs = frozenset(written.get("structs", ()))
        return node

    def _compile(self, raw: Mapping[str, Any]) -> Node:
        reference = raw.get("$ref")
        if reference:
            target = self.named(reference.rsplit("/", 1)[1])
            if raw.get("x-kubernetes-map-type") != "atomic":
                return target
            return replace(target, atomic=True)
        node = Node(Shape.SCALAR)
        self._fill(node, raw)
        return node

    def _fill(self, node: Node, raw: Mapping[str, Any]) -> None:
        node.types = _types(raw)
        node.enum = tuple(raw.get("enum", ()))
        if node.name in SPECIAL_REFS:
            node.types = frozenset({"string", "integer", "number"})
            return
        if "properties" in raw or "additionalProperties" in raw:
            self._fill_map(node, raw)
        elif "array" in node.types:
            self._fill_list(node, raw)
        elif "object" in node.types:
            node.shape, node.open = Shape.MAP, True
            node.element = ANY

    def _fill_map(self, node: Node, raw: Mapping[str, Any]) -> None:
        node.shape = Shape.MAP
        node.atomic = raw.get("x-kubernetes-map-type") == "atomic"
        node.required = tuple(raw.get("required", ()))
        for name, below in raw.get("properties", {}).items():
            node.fields[name] = self._compile(below)
        free = raw.get("additionalProperties")
        if isinstance(free, Mapping):
            node.element = self._compile(free)

    def _fill_list(self, node: Node, raw: Mapping[str, Any]) -> None:
        node.shape = Shape.LIST
        kind = raw.get("x-kubernetes-list-type")
        node.keys = tuple(raw.get("x-kubernetes-list-map-keys", ())) if kind == "map" else ()
        node.is_set = kind == "set"
        node.atomic = not node.keys and not node.is_set
        node.element = self._compile(raw.get("items", {}))
        strategy = raw.get("x-kubernetes-patch-strategy", "")
        node.merge_key = raw.get("x-kubernetes-patch-merge-key", "") if "merge" in strategy else ""
        if not node.merge_key and "merge" in strategy:
            node.merge_key = "."  # a list of scalars that is merged as a set


def _types(raw: Mapping[str, Any]) -> frozenset[str]:
    declared = raw.get("type", ())
    listed = (declared,) if isinstance(declared, str) else declared
    return frozenset(listed) - {"null"}


@cache
def _go_types() -> Mapping[str, Any]:
    """Return what the schemas leave out of the Go types; see ``tests/contract/kube_api/extract_go_types.py``."""
    found: Mapping[str, Any] = orjson.loads(resources.files("simulator").joinpath("go_types.json").read_bytes())
    return found


def zero_value(node: Node) -> dict[str, Any]:
    """Return what an object looks like before anything is set."""
    value = dict(node.always)
    for name in node.structs:
        if name in node.fields:
            value[name] = zero_value(node.fields[name])
    return value


@cache
def builtin() -> Definitions:
    """Return the bundled definitions of the newest Kubernetes version, without their prose."""
    text = resources.files("kubernetes_validate").joinpath(SCHEMAS).read_bytes()
    return Definitions(_without_prose(orjson.loads(text)["$defs"]))


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_prose(below)
            for name, below in value.items()
            if not (name == "description" and isinstance(below, str))
        }
    return value


@cache
def object_meta() -> Node:
    """Return the schema of ``metadata``."""
    return builtin().named(META + "ObjectMeta")
