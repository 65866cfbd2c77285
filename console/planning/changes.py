"""Differences between manifests, and equal ones of many placements told once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.domain.changes import MUTATIONS, Action, Change
from common.domain.codes import ObjectReason
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import Reason
from workers.public.manifests import diff, flattened

TOLD = MUTATIONS | {Action.CONFLICT, Action.FAILED}
"""What a person who plans wants to see; the rest stays as it is."""


@dataclass(frozen=True, slots=True)
class PlannedPlacement:
    """What would become of one placement.

    Attributes:
        effect: as the registry's plan says it.
        changes: of its objects, those that stay as they are left out.
        error: why they cannot be told; empty where they can.
    """

    ref: PlacementRef
    effect: str
    changes: tuple[Change, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class SameChange:
    """One change of one object that all of ``placements`` share, word by word."""

    application: str
    change: Change
    placements: tuple[PlacementRef, ...]


@dataclass(frozen=True, slots=True)
class SameError:
    """Placements of which the objects cannot be told, for one reason."""

    application: str
    error: str
    placements: tuple[PlacementRef, ...]


def compared(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], *, secrets: Secrets = NO_SECRETS
) -> tuple[Change, ...]:
    """Return what differs between two renderings, by object; hooks are objects like others.

    Args:
        before: manifests with their namespaces; values of Secrets appear in no diff.
        after: as ``before``.
        secrets: what may be in either and is not shown.
    """
    old, new = _by_id(before), _by_id(after)
    found: list[Change] = []
    for object_id in sorted(old.keys() | new.keys()):
        was, is_ = old.get(object_id), new.get(object_id)
        if was is None:
            found.append(Change(object_id, Action.CREATED))
        elif is_ is None:
            found.append(Change(object_id, Action.PRUNED))
        elif differs := diff(was, is_, secrets=secrets):
            found.append(Change(object_id, Action.CONFIGURED, diff=differs))
        elif was != is_:
            found.append(Change(object_id, Action.CONFIGURED, Reason(ObjectReason.HIDDEN)))
    return tuple(found)


def _by_id(manifests: Iterable[Mapping[str, Any]]) -> dict[ObjectId, Mapping[str, Any]]:
    return {_id(manifest): manifest for manifest in flattened(manifests)}


def _id(manifest: Mapping[str, Any]) -> ObjectId:
    group, _, _ = str(manifest.get("apiVersion", "")).rpartition("/")
    metadata = manifest.get("metadata") or {}
    name = str(metadata.get("name") or f"{metadata.get('generateName', '')}…")
    return ObjectId(group, str(manifest.get("kind", "")), str(metadata.get("namespace") or ""), name)


def grouped(planned: Sequence[PlannedPlacement]) -> tuple[SameChange, ...]:
    """Return every change once, with the placements that have it; by application, then object, the widest first."""
    found: dict[tuple[object, ...], tuple[Change, list[PlacementRef]]] = {}
    for one in planned:
        for change in one.changes:
            # Its reason cannot be a key, for its parameters; what it says can.
            same_as = (one.ref.application, change.object, change.action, sentence(change.detail), change.diff)
            found.setdefault(same_as, (change, []))[1].append(one.ref)
    same = [SameChange(refs[0].application, change, tuple(refs)) for change, refs in found.values()]
    return tuple(sorted(same, key=lambda one: (one.application, one.change.object, -len(one.placements))))


def errors_of(planned: Sequence[PlannedPlacement]) -> tuple[SameError, ...]:
    """Return every error once, with the placements that have it."""
    found: dict[tuple[str, str], list[PlacementRef]] = {}
    for one in planned:
        if one.error:
            found.setdefault((one.ref.application, one.error), []).append(one.ref)
    return tuple(SameError(application, error, tuple(refs)) for (application, error), refs in found.items())
