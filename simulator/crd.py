"""Custom kinds: what a CustomResourceDefinition makes the cluster serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.kinds import Kind, Trait
from simulator.schema import ANY, ANY_ATOMIC, Node, Shape, object_meta
from simulator.store import Cluster

Json = dict[str, Any]
KEY = ("apiextensions.k8s.io", "customresourcedefinitions")


def compile_schema(raw: Mapping[str, Any]) -> Node:
    """Return the node of a structural schema."""
    if raw.get("x-kubernetes-int-or-string"):
        return Node(Shape.SCALAR, types=frozenset({"integer", "string"}), raw=raw)
    kind = raw.get("type", "")
    if kind == "array":
        return _list(raw)
    if kind == "object" or "properties" in raw:
        return _map(raw)
    if not kind:
        return ANY if raw.get("x-kubernetes-preserve-unknown-fields") else ANY_ATOMIC
    return Node(Shape.SCALAR, types=frozenset({kind}), enum=tuple(raw.get("enum", ())), raw=raw)


def _list(raw: Mapping[str, Any]) -> Node:
    how = raw.get("x-kubernetes-list-type", "atomic")
    keys = tuple(raw.get("x-kubernetes-list-map-keys", ())) if how == "map" else ()
    element = compile_schema(raw.get("items", {}))
    return Node(
        Shape.LIST,
        element=element,
        atomic=how == "atomic",
        keys=keys,
        is_set=how == "set",
        types=frozenset({"array"}),
        raw=raw,
    )


def _map(raw: Mapping[str, Any]) -> Node:
    if raw.get("x-kubernetes-embedded-resource") or not (raw.get("properties") or raw.get("additionalProperties")):
        if raw.get("x-kubernetes-preserve-unknown-fields"):
            return ANY
    node = Node(Shape.MAP, types=frozenset({"object"}), raw=raw)
    node.atomic = raw.get("x-kubernetes-map-type") == "atomic"
    node.required = tuple(raw.get("required", ()))
    for name, below in raw.get("properties", {}).items():
        node.fields[name] = compile_schema(below)
        if "default" in below:
            node.defaults[name] = below["default"]
    free = raw.get("additionalProperties")
    if isinstance(free, Mapping):
        node.element = compile_schema(free)
    elif free is True or raw.get("x-kubernetes-preserve-unknown-fields"):
        node.element = ANY
    return node


def custom_kinds(definition: Mapping[str, Any]) -> list[Kind]:
    """Return one kind per served version of a CustomResourceDefinition."""
    spec = definition["spec"]
    names = spec["names"]
    storage = next((each["name"] for each in spec["versions"] if each.get("storage")), spec["versions"][0]["name"])
    found = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        node = compile_schema(version.get("schema", {}).get("openAPIV3Schema", {}))
        if node.shape is not Shape.MAP:
            node = Node(Shape.MAP, element=ANY)
        node.fields["apiVersion"] = node.fields["kind"] = Node(Shape.SCALAR, types=frozenset({"string"}))
        node.fields["metadata"] = object_meta()
        below = version.get("subresources") or {}
        traits = Trait.CUSTOM | Trait.GENERATION
        traits |= Trait.NAMESPACED if spec.get("scope") == "Namespaced" else Trait.NONE
        traits |= Trait.STATUS if "status" in below else Trait.NONE
        traits |= Trait.SCALE if "scale" in below else Trait.NONE
        found.append(
            Kind(
                group=spec["group"],
                version=version["name"],
                kind=names["kind"],
                plural=names["plural"],
                singular=names.get("singular", names["kind"].lower()),
                traits=traits,
                node=node,
                short_names=tuple(names.get("shortNames", ())),
                categories=tuple(names.get("categories", ())),
                list_kind=names.get("listKind", f"{names['kind']}List"),
                storage=storage,
            )
        )
    return found


def serve(cluster: Cluster, definition: Json, now: str) -> Json:
    """Begin to serve what a definition says; returns the status it then has."""
    withdraw(cluster, definition)
    for kind in custom_kinds(definition):
        cluster.kinds[(kind.group, kind.version, kind.plural)] = kind
    spec = definition["spec"]
    rows = (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
    known = {each["type"]: each for each in definition.get("status", {}).get("conditions") or ()}
    conditions = [
        known.get(kind)
        or {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
        for kind, reason, message in rows
    ]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    return {"acceptedNames": spec["names"], "conditions": conditions, "storedVersions": stored}


def withdraw(cluster: Cluster, definition: Mapping[str, Any]) -> None:
    """Cease to serve the kinds of a definition."""
    spec = definition["spec"]
    mine = [key for key in cluster.kinds if (key[0], key[2]) == (spec["group"], spec["names"]["plural"])]
    for key in mine:
        del cluster.kinds[key]
