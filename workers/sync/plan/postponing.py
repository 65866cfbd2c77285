"""Which refusals of a dry-run may be for want of what the same run writes first. Pure.

A dry-run of everything before any write meets the cluster as it is: a binding before its Role, a Pod before its
PriorityClass or account. Such an object is dry-run again once the other is written. What nothing in the run can
explain is refused at once, so that nothing of its wave is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from common.domain.errors import PermanentError
from common.domain.refs import ObjectId
from workers.sync.errors import DeniedError, ForbiddenError, NotFoundError
from workers.sync.objects.groups import built_in
from workers.sync.objects.ordering import NAMESPACE
from workers.sync.plan.normalise import Wanted

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_BOUNDS = frozenset({("", "LimitRange"), ("", "ResourceQuota")})
"""Govern what is beside them in their namespace."""
_REFERRED = frozenset(
    {
        ("", "ConfigMap"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("resource.k8s.io", "DeviceClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)
"""Kinds that the API server's own admission looks up for whoever refers to them."""
_WORD = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9.:_]*[A-Za-z0-9])?")
_MISSING = re.compile(
    r"(?<![-a-z.A-Z0-9])(?P<kind>[A-Za-z][-a-z.A-Z0-9]*+) (?:with name )?\"?(?P<name>[-a-z0-9.:]++)\"?"
    r" (?:was )?(?:not )?found"
)
"""``serviceaccount "app" not found``, ``no PriorityClass with name high was found``."""
_UNAUTHORISED = re.compile(r"\bUser \"[^\"]*\" cannot |attempting to grant RBAC permissions not currently held")
_TOO_LONG = 4_000


def explained_by(refused: Wanted, error: PermanentError, before: Iterable[Wanted]) -> ObjectId | None:
    """Return the object for want of which another one may be refused; None where nothing explains it.

    Args:
        refused: the other one.
        error: what its dry-run was answered.
        before: what this run creates or changes before it.
    """
    if not isinstance(error, (DeniedError, ForbiddenError, NotFoundError)):
        return None
    explains = _explanation(refused, error)
    return next((one.object for one in before if explains(one)), None)


def _explanation(refused: Wanted, error: PermanentError) -> Callable[[Wanted], bool]:
    """Return what tells whether an object explains the refusal."""
    said = error.message.partition(": ")[2][:_TOO_LONG]  # without the request, which names the object itself
    missing = {(found["kind"].partition(".")[0].lower(), found["name"]) for found in _MISSING.finditer(said)}
    if missing <= _as_missing(refused) and isinstance(error, NotFoundError) and refused.object.group == _RBAC:
        # Of a binding whose role is not there, an API server says that the binding is not found.
        return lambda one: _is_role_of(one, refused)
    if missing:
        return lambda one: not missing.isdisjoint(_as_missing(one))
    if isinstance(error, NotFoundError):
        return lambda _: False
    if isinstance(error, ForbiddenError) and _UNAUTHORISED.search(said):
        return lambda one: one.object.group == _RBAC and _reaches(one, refused)
    denied, texts = isinstance(error, DeniedError), frozenset(_texts(_content(refused.manifest)))
    words = frozenset(_WORD.findall(said)) - {refused.object.name}
    return lambda one: _governs(one, refused, words, denied=denied) or _is_needed(one, words | texts)


def _as_missing(one: Wanted) -> set[tuple[str, str]]:
    return {(name.lower(), one.object.name) for name in (one.target.kind.resource, one.object.kind)}


def _is_role_of(one: Wanted, binding: Wanted) -> bool:
    reference = binding.manifest.get("roleRef")
    named = (reference.get("kind"), reference.get("name")) if isinstance(reference, Mapping) else ()
    return one.object.group == _RBAC and (one.object.kind, one.object.name) == named and _reaches(one, binding)


def _reaches(one: Wanted, refused: Wanted) -> bool:
    """Tell whether an object counts for another one's namespace."""
    return one.object.namespace in {"", refused.object.namespace}


def _governs(one: Wanted, refused: Wanted, words: frozenset[str], *, denied: bool) -> bool:
    """Tell whether an object says what may be in a namespace, or in a cluster."""
    kind = (one.object.group, one.object.kind)
    if kind == NAMESPACE:
        return one.object.name == refused.object.namespace
    if kind in _BOUNDS:
        return not denied and _reaches(one, refused)
    return denied and one.object.group == _ADMISSION and not words.isdisjoint(_names_in(one))


def _is_needed(one: Wanted, named: frozenset[str]) -> bool:
    """Tell whether an object is of a kind that others are admitted by, and the refusal or the refused names it."""
    needed = (one.object.group, one.object.kind) in _REFERRED or not built_in(one.object.group)
    return needed and one.object.name in named


def _names_in(one: Wanted) -> frozenset[str]:
    """Return by which names a refusal may name a policy, or the configuration of webhooks."""
    webhooks = one.manifest.get("webhooks")
    given = webhooks if isinstance(webhooks, list) else []
    return frozenset({one.object.name, *(str(each.get("name")) for each in given if isinstance(each, Mapping))})


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind", "metadata"}}


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
