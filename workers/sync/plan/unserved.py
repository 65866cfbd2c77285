"""Manifests of kinds that a cluster does not serve: refused, waited for, or held back. Pure.

An operator of the same application may bring the kind later. What speaks for it: an earlier wave of the run, another
manifest that defines the kind, or Argo CD's ``SkipDryRunOnMissingResource=true``. Nothing brings a kind of one of the
API server's own groups, or one that is served in another version only: that is an error in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from common.domain.refs import ObjectId
from workers.sync.errors import SilentGroupError, UnknownKindError
from workers.sync.objects.groups import built_in
from workers.sync.objects.ordering import CRD
from workers.sync.plan.places import Place, Stage
from workers.sync.ports import Manifest

_DEFINES = frozenset({"names", "claimNames"})
"""Under which a definition of a kind names it: those of Kubernetes, Crossplane and Gatekeeper alike."""
_DEEPEST = 6


class Brought(StrEnum):
    """When a kind may come to be served."""

    NEVER = "never"
    BEFORE = "before"
    """By what an earlier wave holds: the object's whole wave waits."""
    BESIDE = "beside"
    """By what its own wave holds: that is written first."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """One manifest whose kind the cluster does not serve, or whose group does not answer.

    Attributes:
        object: its id; without a namespace where the manifest names none, since nobody knows its scope.
        label: what it is called in a list of faults.
        place: when its turn comes.
        error: what the cluster said of its kind.
        tolerated: its annotations ask for patience with the kind.
        brought: when the kind may come.
    """

    object: ObjectId
    label: str
    place: Place
    error: UnknownKindError | SilentGroupError
    tolerated: bool = False
    brought: Brought = Brought.BEFORE

    def may_be(self, other: ObjectId) -> bool:
        """Tell whether ``other`` may be this very object."""
        same = (self.object.group, self.object.kind, self.object.name) == (other.group, other.kind, other.name)
        return same and self.object.namespace in {"", other.namespace}


def with_bringers(
    found: Iterable[Unserved], places: Iterable[Place], manifests: Iterable[Manifest]
) -> tuple[Unserved, ...]:
    """Return the same, each with when its kind may come.

    Args:
        found: what is not served.
        places: of everything else in the run.
        manifests: flat, of everything in the run.
    """
    unserved = tuple(found)
    if not unserved:
        return ()
    first = min((_turn(place) for place in places), default=None)
    defined = {name for manifest in manifests for name in _defined(manifest)}
    return tuple(replace(one, brought=_brought(one, first, defined)) for one in unserved)


def _brought(one: Unserved, first: tuple[int, int] | None, defined: set[tuple[str, str]]) -> Brought:
    if isinstance(one.error, SilentGroupError):
        return Brought.BESIDE
    if built_in(one.object.group) or one.error.in_group:
        return Brought.NEVER
    if one.tolerated or (one.object.group, one.object.kind) in defined or ("", one.object.kind) in defined:
        return Brought.BESIDE
    return Brought.BEFORE if first is not None and first < _turn(one.place) else Brought.NEVER


def _turn(place: Place) -> tuple[int, int]:
    stages = place.first | place.later
    return (min(stages) if place.is_hook and stages else Stage.SYNC, place.wave)


def _defined(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield group and kind of what a manifest defines; without a group where it names none.

    A CustomResourceDefinition is left out: what it defines arrives in this run, in just the versions that it names.
    """
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("spec"), Mapping):
        return
    if manifest.get("kind") == CRD[1]:
        return
    spec = manifest["spec"]
    group = spec.get("group")
    for kind in _kinds_named(spec, _DEEPEST):
        yield (group if isinstance(group, str) else "", kind)


def _kinds_named(value: Mapping[str, Any], deeper: int) -> Iterator[str]:
    for key, child in value.items():
        if not isinstance(child, Mapping):
            continue
        if key in _DEFINES and isinstance(child.get("kind"), str):
            yield child["kind"]
        elif deeper:
            yield from _kinds_named(child, deeper - 1)
