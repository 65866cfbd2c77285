"""What a second rendering of the same files gave otherwise: nobody could tell then what Git wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from common.domain.fleet import IgnoreRule
from common.domain.foreign import further
from common.domain.refs import ObjectId
from workers.render.faults import ChangingError
from workers.render.manifests import Sourced
from workers.sync.plan.ignore import ignored_in, left_out

_SHOWN = 10


def refuse_changing(
    first: Sequence[Sourced], second: Sequence[Sourced], ignore: Sequence[IgnoreRule], *, namespace: str
) -> None:
    """Return if both renderings are equal but for the fields that ``ignore`` names.

    Raises:
        ChangingError: naming each object and field that differs.
    """
    found = _differing(settled(first, ignore, namespace), settled(second, ignore, namespace))
    shown = list(islice(found, _SHOWN))
    if shown:
        left = sum(1 for _ in found)
        more = f" (and {left} more)" if left else ""
        message = f"rendered twice, these differ: {'; '.join(shown)}{more}"
        raise ChangingError(message, remedy="Set the value in the registry, or list the field in sync.ignore.")


def settled(objects: Sequence[Sourced], ignore: Sequence[IgnoreRule], namespace: str) -> list[Mapping[str, Any]]:
    """Return the manifests without the fields that ``ignore`` names."""
    if not ignore:
        return [each.manifest for each in objects]
    return [left_out(each.manifest, ignored_in(_id(each.manifest, namespace), ignore, {}).pointers) for each in objects]


def _id(manifest: Mapping[str, Any], namespace: str) -> ObjectId:
    metadata = manifest.get("metadata") or {}
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    return ObjectId(group, str(manifest.get("kind")), str(metadata.get("namespace") or namespace), name)


def _differing(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(first) != len(second):
        yield f"{len(first)} objects, then {len(second)}"
        return
    for one, other in zip(first, second, strict=True):
        object_id = _id(one, "")
        for path in _fields("", one, other):
            yield f"{object_id.kind} {object_id.name}: {path}"


def _fields(path: str, one: Any, other: Any) -> Iterator[str]:
    """Yield a JSON pointer for each field that differs; values never: they may be passwords."""
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted(one.keys() | other.keys()):
            step = f"/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _fields(further(path, step), one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _fields(f"{path}/{index}", *pair)
    else:
        yield path
