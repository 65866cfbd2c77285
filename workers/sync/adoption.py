"""Taking in an object that exists without our mark, so that it prunes and loses fields like any other of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from common.domain.fleet import AdoptPolicy
from workers.sync import fieldset
from workers.sync.live import MANAGER, LiveMeta, ManagedFields
from workers.sync.marks import Owner, Standing

_CLIENTS = frozenset(
    {
        "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-replace", "kubectl-edit", "kubectl-patch",
        "helm", "Helm", "helm-controller", "kustomize-controller", "argocd-controller",
        "argocd-application-controller", "before-first-apply",
    }
)  # fmt: skip
"""Managers that write what a person or a deployment tool declared, as opposed to controllers of the cluster."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The object is not ours to take; ``detail`` says whose it is and what to do."""

    detail: str


def moves(manager: str) -> bool:
    """Tell whether the fields of a manager become ours by adoption."""
    return manager in _CLIENTS


def refusal(owner: Owner, policy: AdoptPolicy) -> Refusal | None:
    """Return why a live object may not be taken; None when it is ours or may be adopted."""
    match owner.standing:
        case Standing.OURS:
            return None
        case Standing.OTHERS:
            return Refusal(f"conflict: owned by {owner.name}")
        case Standing.TOOLS if policy is not AdoptPolicy.ANY:
            return Refusal(f"conflict: owned by {owner.name}; set `adopt: any` once that tool no longer manages it")
        case _ if policy is AdoptPolicy.NEVER:
            return Refusal("conflict: it exists and nobody's mark is on it; set `adopt: unowned` to take it")
    return None


def migrated(meta: LiveMeta) -> tuple[ManagedFields, ...] | None:
    """Return managedFields with what those clients own moved to our entry; None when there is nothing to move.

    This is what makes a later removal of such a field work: server-side apply removes only what we alone own.
    """
    entries = meta.managed_fields or ()
    moving = [entry for entry in entries if moves(entry.manager) and not entry.subresource]
    if not moving:
        return None
    ours = [entry for entry in entries if entry.ours]
    union = fieldset.merged(entry.decoded() for entry in (*ours, *moving))
    entry = ManagedFields(
        manager=MANAGER,
        operation="Apply",
        api_version=(ours or moving)[0].api_version,
        time=(ours or moving)[0].time,
        fields_type="FieldsV1",
        fields=msgspec.Raw(orjson.dumps(union)),
    )
    return (*(each for each in entries if each not in moving and not each.ours), entry)


def migration(meta: LiveMeta, entries: Sequence[ManagedFields]) -> list[Mapping[str, Any]]:
    """Return the JSON patch that stores ``entries``, provided that the object is still as ``meta`` says."""
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta.resource_version},
        {"op": "replace", "path": "/metadata/managedFields", "value": [_wire(entry) for entry in entries]},
    ]


def _wire(entry: ManagedFields) -> dict[str, Any]:
    wire: dict[str, Any] = orjson.loads(msgspec.json.encode(entry))
    return {key: value for key, value in wire.items() if value != ""}
