"""Taking in an object that exists without our mark, so that it prunes and loses fields like any other of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from common.domain.codes import ObjectReason
from common.domain.fleet import AdoptPolicy
from common.domain.foreign import foreign
from common.domain.status import NONE, Reason
from workers.sync.objects import fieldset
from workers.sync.objects.live import MANAGER, Live, LiveMeta, ManagedFields
from workers.sync.objects.marks import Owner, OwnerKind

_CLIENTS = frozenset(
    {
        "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-replace", "kubectl-edit", "kubectl-patch",
        "helm", "Helm", "helm-controller", "kustomize-controller", "argocd-controller",
        "argocd-application-controller", "before-first-apply",
    }
)  # fmt: skip
"""Managers that write what a person or a deployment tool declared, as opposed to controllers of the cluster."""

_MARKED = ("labels", "annotations")
_FILLED_IN = frozenset({"f:kubernetes.io/metadata.name"})
"""Labels that an API server puts on Namespaces, whoever owns them: who made one without server-side apply owns it."""
_TRACKING = (
    "flotilla.dev/", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id",
    "argocd.argoproj.io/instance", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "meta.helm.sh/",
    "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "kubectl.kubernetes.io/last-applied-configuration",
)  # fmt: skip
"""Begin the labels and annotations by which tools know what is theirs."""


def moves(manager: str) -> bool:
    """Tell whether the fields of a manager become ours by adoption."""
    return manager in _CLIENTS


def refusal(owner: Owner, policy: AdoptPolicy) -> Reason:
    """Return why a live object may not be taken; none when it is ours or may be adopted."""
    match owner.kind:
        case OwnerKind.OURS:
            return NONE
        case OwnerKind.OTHERS:
            return foreign(ObjectReason.OWNED, owner=owner.name)
        case OwnerKind.TOOLS if policy is not AdoptPolicy.ANY:
            owned = foreign(ObjectReason.OWNED, owner=owner.name)
            return Reason(owned.code, {**owned.params, "tool": True})
        case _ if policy is AdoptPolicy.NEVER:
            return Reason(ObjectReason.UNMARKED)
    return NONE


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


def without_left(result: Live, entries: Sequence[ManagedFields] | None) -> dict[str, Any]:
    """Return what an apply leaves of an object once ``entries`` are stored: labels and annotations that move go.

    A dry-run cannot tell, since it meets the entries as they are before. Fields outside of metadata are left as the
    dry-run has them: what moves there holds the server's defaults too, which it fills in again.
    """
    body = result.body()
    after = result.meta.our_fields
    if entries is None or after is None:
        return body
    left = fieldset.minus(fieldset.merged(one.decoded() for one in entries if one.ours), after.decoded()) or {}
    kept = fieldset.merged(one.decoded() for one in entries if not one.ours)
    for part in _MARKED:
        path = ("f:metadata", f"f:{part}")
        theirs = fieldset.below(kept, path) or {}
        for element in fieldset.below(left, path) or {}:
            if element not in theirs and element not in _FILLED_IN:
                (body["metadata"].get(part) or {}).pop(element[2:], None)
    return body


def unmarked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without the labels and annotations by which tools track what is theirs."""
    metadata = dict(body.get("metadata") or {})
    for part in _MARKED:
        kept = {key: value for key, value in (metadata.pop(part, None) or {}).items() if not key.startswith(_TRACKING)}
        if kept:
            metadata[part] = kept
    return {**body, "metadata": metadata}


def migration(meta: LiveMeta, entries: Sequence[ManagedFields]) -> list[Mapping[str, Any]]:
    """Return the JSON patch that stores ``entries``, provided that the object is still as ``meta`` says."""
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta.resource_version},
        {"op": "replace", "path": "/metadata/managedFields", "value": [_wire(entry) for entry in entries]},
    ]


def _wire(entry: ManagedFields) -> dict[str, Any]:
    wire: dict[str, Any] = orjson.loads(msgspec.json.encode(entry))
    return {key: value for key, value in wire.items() if value != ""}
