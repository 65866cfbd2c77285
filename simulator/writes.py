"""Creating and changing objects: create, update, the patches, and server-side apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from simulator import apply, decode, defaults, errors, managers, patches, storing, strategy
from simulator.apply import Writer
from simulator.checks_custom import fill_defaults
from simulator.kinds import Kind, Trait
from simulator.managers import Managers
from simulator.request import APPLY_YAML, JSON_PATCH, MERGE, PATCH_TYPES, STRATEGIC, Answer, Request, Target
from simulator.store import Cluster, Stored
from simulator.typed import SchemaError

Json = dict[str, Any]
_CREATED_BY_UPDATE = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "Endpoints", "Event", "Lease", "LimitRange", "Role", "RoleBinding", "Service"}
)
"""Kinds that a PUT creates where there is nothing yet."""

_CONDITIONAL = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CustomResourceDefinition",
        "Lease",
        "MutatingWebhookConfiguration",
        "PodDisruptionBudget",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds that a PUT must name the resourceVersion of, like all custom ones."""

_SYSTEM_METADATA = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def create(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle POST: a new object."""
    document = _accepted(target.kind, request.document(), request)
    if document["metadata"].get("resourceVersion"):
        message = "resourceVersion should not be set on objects to be created"
        raise errors.bad_request(message)
    return _create(cluster, target, request, document)


def _create(cluster: Cluster, target: Target, request: Request, document: Json) -> Answer:
    kind = target.kind
    metadata = document["metadata"]
    _settle_identity(target, metadata)
    _require_namespace(cluster, target)
    owners = _tracked(cluster, target, request, strategy.empty_form(kind), document)
    return storing.store(cluster, storing.Draft(target, None, document, owners), request)


def update(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle PUT: the whole object, or its status."""
    stored = cluster.get(target.kind, (target.namespace, target.name))
    if stored is None and (target.subresource or not _created_by_update(target.kind)):
        raise errors.not_found(target.kind.subject(target.name))
    document = _accepted(target.kind, request.document(), request)
    name = document.setdefault("metadata", {}).get("name")
    if name != target.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({target.name})"
        raise errors.bad_request(message)
    if stored is None:
        return _create(cluster, Target(target.kind, target.namespace), request, document)
    conditional = target.kind.custom or target.kind.kind in _CONDITIONAL
    if conditional and not document["metadata"].get("resourceVersion"):
        cause = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
        subject = replace(target.kind.subject(target.name), kind=target.kind.plural)  # as the API server has it
        raise errors.invalid(subject, [cause])
    return _change(cluster, target, request, stored, document)


def patch(cluster: Cluster, target: Target, request: Request) -> Answer:
    """Handle PATCH in its four content types."""
    if request.content_type not in PATCH_TYPES:
        allowed = ", ".join(PATCH_TYPES)
        message = f"the body of the request was in an unknown format - accepted media types include: {allowed}"
        raise errors.ApiError(415, "UnsupportedMediaType", message)
    if request.content_type == APPLY_YAML:
        return _apply(cluster, target, request)
    if request.content_type == STRATEGIC and target.kind.custom:
        message = (
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        )
        raise errors.ApiError(415, "UnsupportedMediaType", message)
    if request.query.get("force"):
        message = 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
        raise errors.ApiError(422, "Invalid", message)
    stored = _existing(cluster, target)
    live = stored.document()
    patched = _patched(target, request, {**live, **storing.head(target.kind)})
    document = _accepted(target.kind, patched, request)
    return _change(cluster, target, request, stored, document)


def _patched(target: Target, request: Request, live: Json) -> Json:
    body = request.document() if request.content_type != JSON_PATCH else None
    if request.content_type == MERGE:
        return dict(patches.merge_patch(live, body))
    if request.content_type == STRATEGIC:
        return dict(patches.strategic_merge(target.kind.node, live, body))
    try:
        operations = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        message = f"error decoding patch: {error}"
        raise errors.bad_request(message) from error
    return dict(patches.json_patch(live, operations))


def _existing(cluster: Cluster, target: Target) -> Stored:
    stored = cluster.get(target.kind, (target.namespace, target.name))
    if stored is None:
        raise errors.not_found(target.kind.subject(target.name))
    return stored


def _change(cluster: Cluster, target: Target, request: Request, stored: Stored, document: Json) -> Answer:
    live = stored.document()
    _require_same_version(target, document["metadata"], stored)
    _keep_system_fields(target, live, document)
    owners = _tracked(cluster, target, request, live, document)
    return storing.store(cluster, storing.Draft(target, live, document, owners), request)


def _keep_system_fields(target: Target, live: Json, document: Json) -> None:
    metadata = document["metadata"]
    for name in _SYSTEM_METADATA:
        if name in live["metadata"]:
            metadata[name] = live["metadata"][name]
        else:
            metadata.pop(name, None)
    metadata["name"] = live["metadata"]["name"]
    metadata.setdefault("uid", live["metadata"]["uid"])
    if target.namespace:
        metadata["namespace"] = target.namespace
    if target.subresource == "status":
        kept = {name: value for name, value in live.items() if name != "status"}
        status = document.get("status")
        managed = metadata.get("managedFields")
        document.clear()
        document.update({**kept, "metadata": dict(kept["metadata"])})
        if managed is not None:
            document["metadata"]["managedFields"] = managed
        if status is not None:
            document["status"] = status


def _require_same_version(target: Target, metadata: Mapping[str, Any], stored: Stored) -> None:
    wanted = metadata.get("resourceVersion")
    if wanted and wanted != str(stored.version):
        raise errors.modified(target.kind.subject(target.name))


def _created_by_update(kind: Kind) -> bool:
    return not kind.custom and kind.kind in _CREATED_BY_UPDATE


def _apply(cluster: Cluster, target: Target, request: Request) -> Answer:
    kind = target.kind
    config = request.document()
    _check_apply(target, request, config)
    stored = cluster.get(kind, (target.namespace, target.name))
    if stored is None and target.subresource and not _created_by_update(kind):
        raise errors.not_found(kind.subject(target.name))
    if stored is None:
        _require_namespace(cluster, target)
    live = stored.document() if stored else {}
    owners = managers.decode(live.get("metadata", {}).get("managedFields"))
    metadata = config.setdefault("metadata", {})
    metadata.setdefault("name", target.name)
    if target.namespace:
        metadata.setdefault("namespace", target.namespace)
    if stored is None and metadata.get("uid"):
        why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
        raise errors.conflict(kind.subject(target.name), why)
    writer = _writer(cluster, target, request)
    head = storing.head(kind)
    try:
        bare = {**_unmanaged(live), **head} if live else {}
        new, owned = apply.apply(kind.node, bare, config, owners, writer, request.conflicts)
    except SchemaError as error:
        raise _untyped(target, metadata["namespace"], str(error)) from error
    document = _accepted(kind, new, request)
    if stored:
        _require_same_version(target, metadata, stored)
        _keep_system_fields(target, live, document)
    else:
        _settle_identity(target, document["metadata"])
    return storing.store(cluster, storing.Draft(target, live if stored else None, document, owned), request)


def _check_apply(target: Target, request: Request, config: Json) -> None:
    if not request.query.get("fieldManager"):
        message = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        cause = errors.required("fieldManager", "Required value: is required for apply patch")
        details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause.as_json()]}
        raise errors.ApiError(422, "Invalid", message, details)
    if config.get("metadata", {}).get("managedFields"):
        message = "metadata.managedFields must be nil"
        raise errors.bad_request(message)
    head = storing.head(target.kind)
    if config.get("apiVersion") != head["apiVersion"] or config.get("kind") != head["kind"]:
        message = "invalid object type"
        raise errors.bad_request(message)
    namespace = config.get("metadata", {}).get("namespace", "")
    unknown = decode.decode(target.kind.node, config)
    if unknown.unknown:
        raise _untyped(target, namespace, f".{unknown.unknown[0]}: field not declared in schema")
    if unknown.wrong:
        raise _untyped(target, namespace, f".{unknown.wrong[0]}")


def _untyped(target: Target, namespace: str, why: str) -> errors.ApiError:
    what = f"{target.kind.group}/{target.kind.version}, Kind={target.kind.kind}"
    return errors.internal(f"failed to create typed patch object ({namespace}/{target.name}; {what}): {why}")


def _accepted(kind: Kind, document: Json, request: Request) -> Json:
    """Return the document as decoded and defaulted.

    Raises:
        ApiError: 400 where it does not decode, or has unknown fields and the request asks to be strict.
    """
    head = storing.head(kind)
    if (
        document.get("apiVersion", head["apiVersion"]) != head["apiVersion"]
        or document.get("kind", kind.kind) != kind.kind
    ):
        message = (
            f'{document.get("kind")} in version "{document.get("apiVersion")}" cannot be handled as a {kind.kind}: '
            "no kind registered"
        )
        raise errors.bad_request(message)
    decoded = decode.decode(kind.node, document)
    if decoded.wrong:
        message = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {decoded.wrong[0]}'
        raise errors.bad_request(message)
    if decoded.unknown and request.query.get("fieldValidation") == "Strict":
        listed = ", ".join(f'unknown field "{name}"' for name in sorted(decoded.unknown))
        message = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: '
        raise errors.bad_request(message + listed)
    accepted: Json = decoded.value
    accepted.setdefault("metadata", {})
    if kind.custom:
        fill_defaults(kind.node, accepted)
    else:
        defaults.fill(kind.group, kind.kind, accepted)
    return accepted


def _settle_identity(target: Target, metadata: Json) -> None:
    """Make sure of name and namespace."""
    if target.namespace:
        if metadata.setdefault("namespace", target.namespace) != target.namespace:
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise errors.bad_request(message)
    else:
        metadata.pop("namespace", None)
    if not metadata.get("name"):
        prefix = metadata.get("generateName")
        if not prefix:
            cause = errors.required("metadata.name", "Required value: name or generateName is required")
            raise errors.invalid(target.kind.subject(""), [cause])
        metadata["name"] = prefix + strategy.random_suffix()


def _require_namespace(cluster: Cluster, target: Target) -> None:
    if not target.kind.namespaced:
        return
    shelf = cluster.objects.get(("", "namespaces"), {})
    namespace = shelf.get(("", target.namespace))
    subject = cluster.kinds[("", "v1", "namespaces")].subject(target.namespace)
    if namespace is None:
        raise errors.not_found(subject)
    if b'"deletionTimestamp"' in namespace.meta:
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        refusal = errors.forbidden(target.kind.subject(target.name), why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {target.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        refusal.details = {**(refusal.details or {}), "causes": [cause]}
        raise refusal


def _writer(cluster: Cluster, target: Target, request: Request) -> Writer:
    ignored: frozenset[str] = frozenset()
    if target.subresource == "status":
        ignored = frozenset({"spec", "metadata"}) if target.kind.custom else frozenset({"spec"})
    elif target.kind.has(Trait.STATUS):
        ignored = frozenset({"status"})
    return Writer(request.manager, target.kind.api_version, target.subresource, cluster.now(), ignored)


def _tracked(cluster: Cluster, target: Target, request: Request, live: Json, new: Json) -> Managers:
    """Return the managers after an ordinary write; a writer may also set the entries itself."""
    given = new["metadata"].pop("managedFields", None)
    before = _unmanaged(live)
    known = live.get("metadata", {}).get("managedFields")
    if given:
        known = [] if given == [{}] else given
        if given == [{}]:
            return {}
    head = storing.head(target.kind)
    writer = _writer(cluster, target, request)
    return apply.track_update(target.kind.node, {**before, **head}, {**new, **head}, managers.decode(known), writer)


def _unmanaged(document: Json) -> Json:
    """Return the document without its managedFields; the original keeps them."""
    if "metadata" not in document:
        return dict(document)
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
    return {**document, "metadata": metadata}
