"""Kinds that a CustomResourceDefinition among the manifests brings, before the cluster serves them. Pure.

What a definition says decides nothing but the order of things: that an object of the kind is expected, and whether it
is in a namespace. Where the object really is, the cluster's discovery says once the definition is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from workers.sync.errors import UnknownKindError
from workers.sync.objects.groups import built_in
from workers.sync.objects.live import Kind
from workers.sync.objects.segments import is_group, is_kind, is_label
from workers.sync.plan.options import ApplyMode, options_of
from workers.sync.plan.places import place_of
from workers.sync.ports import KindLookup, Manifest


class _Names(msgspec.Struct):
    kind: str
    plural: str


class _Version(msgspec.Struct):
    name: str
    served: bool = False


class _Spec(msgspec.Struct):
    group: str
    names: _Names
    scope: Literal["Cluster", "Namespaced"]
    versions: list[_Version]


class _Metadata(msgspec.Struct):
    name: str
    annotations: dict[str, str | None] | None = None


class _Definition(msgspec.Struct):
    api_version: Literal["apiextensions.k8s.io/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["CustomResourceDefinition"]
    metadata: _Metadata
    spec: _Spec


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind as a CustomResourceDefinition defines it, in the versions that it serves."""

    group: str
    kind: str
    versions: tuple[str, ...]
    namespaced: bool


def definition_of(manifest: Any) -> Definition | None:
    """Return the kind that a manifest brings to a cluster once it is written; None where that is none.

    A malformed definition brings nothing: the API server says what is wrong with it, better than we could. Nor does one
    that is never written, one that is a hook, or one for a group of the API server itself.
    """
    try:
        given = msgspec.convert(manifest, _Definition)
        annotations = {key: value or "" for key, value in (given.metadata.annotations or {}).items()}
        never = options_of(annotations).apply is ApplyMode.NEVER or place_of(annotations).is_hook
    except ValueError:  # msgspec's errors derive from it
        return None
    spec = given.spec
    versions = tuple(one.name for one in spec.versions if one.served)
    texts = is_group(spec.group) and all(map(is_label, (spec.names.plural, *versions))) and is_kind(spec.names.kind)
    named = given.metadata.name == f"{spec.names.plural}.{spec.group}"
    if never or not (texts and named) or built_in(spec.group):
        return None
    return Definition(spec.group, spec.names.kind, versions, spec.scope == "Namespaced")


class CustomKinds:
    """The kinds of a cluster, and those whose CustomResourceDefinition is among the manifests.

    Args:
        lookup: how the cluster serves a kind.
        manifests: flat.
    """

    def __init__(self, lookup: KindLookup, manifests: Iterable[Manifest]) -> None:
        self._lookup = lookup
        self._defined = {(kind.group, kind.version, kind.kind): kind for kind in _promised(manifests)}
        self._known: dict[tuple[str, str, str], Kind] = {}
        self.arriving: set[Kind] = set()
        """Kinds that were asked for and that only a manifest defines so far."""

    def __call__(self, group: str, version: str, kind: str) -> Kind:
        """Return the kind; without its name in URLs where only a manifest defines it so far.

        Raises:
            UnknownKindError: neither the cluster serves it nor a manifest defines it.
        """
        key = (group, version, kind)
        if key not in self._known:
            try:
                self._known[key] = self._lookup(group, version, kind)
            except UnknownKindError:
                if key not in self._defined:
                    raise
                self._known[key] = self._defined[key]
                self.arriving.add(self._known[key])
        return self._known[key]


def _promised(manifests: Iterable[Manifest]) -> Iterator[Kind]:
    for manifest in manifests:
        definition = definition_of(manifest)
        if definition is not None:
            for version in definition.versions:
                yield Kind(definition.group, version, definition.kind, "", definition.namespaced)
