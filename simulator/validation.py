"""The refusals for objects that are well formed but wrong: missing fields, bad values, fields that may not change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator import errors
from simulator.checks_core import (
    check_claim,
    check_config_map,
    check_ingress,
    check_role_binding,
    check_secret,
    check_service,
)
from simulator.checks_custom import check_custom, check_definition
from simulator.checks_workloads import (
    check_autoscaler,
    check_cron_job,
    check_daemon_set,
    check_deployment,
    check_job,
    check_pod,
    check_replica_set,
    check_stateful_set,
)
from simulator.errors import Cause
from simulator.kinds import Kind
from simulator.typed import same

Json = dict[str, Any]
Check = Callable[[Json | None, Json], list[Cause]]
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_BAD_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_BAD_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_BAD_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_NAMED = frozenset({"Namespace", "Service"})
_PATH_NAMED = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "APIService"})
_LONGEST_NAME, _LONGEST_LABEL = 253, 63


def check(kind: Kind, live: Json | None, new: Json, *, status_only: bool) -> None:
    """Return if the object may be stored.

    Args:
        kind: of the object.
        live: what it was; None for a new one.
        new: what it would be.
        status_only: it came through the status subresource.

    Raises:
        ApiError: 422 with every fault.
    """
    causes = _check_metadata(kind, live, new)
    if status_only:
        causes += _check_status(kind, live, new)
    elif kind.custom:
        causes += check_custom(kind.node, new)
    else:
        rule = _RULES.get((kind.group, kind.kind))
        causes += rule(live, new) if rule is not None else []
    if causes:
        raise errors.invalid(kind.subject(new["metadata"]["name"]), causes)


def _check_status(kind: Kind, live: Json | None, new: Json) -> list[Cause]:
    if kind.custom:
        return check_custom(kind.node, new)
    balancer = new.get("status", {}).get("loadBalancer", {})
    if kind.kind == "Service" and balancer.get("ingress") and new.get("spec", {}).get("type") != "LoadBalancer":
        why = "may only be used when `spec.type` is 'LoadBalancer'"
        return [errors.forbidden_field("status.loadBalancer.ingress", why)]
    if (kind.group, kind.kind) == ("apps", "Deployment"):
        return _check_counts(new.get("status", {}))
    del live
    return []


def _check_counts(status: Json) -> list[Cause]:
    total = status.get("replicas", 0)
    return [
        errors.invalid_value(f"status.{name}", status[name], "cannot be greater than status.replicas")
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
        if status.get(name, 0) > total
    ]


def _check_metadata(kind: Kind, live: Json | None, new: Json) -> list[Cause]:
    metadata = new["metadata"]
    causes: list[Cause] = []
    if live is None:
        causes += _check_name(kind, metadata["name"])
    elif metadata.get("uid") != live["metadata"]["uid"]:
        causes.append(errors.immutable("metadata.uid", metadata.get("uid")))
    if live is not None and "deletionTimestamp" in live["metadata"]:
        causes += _check_new_finalizers(live["metadata"], metadata)
    for name in metadata.get("labels") or {}:
        causes += _check_key("metadata.labels", name)
    for value in (metadata.get("labels") or {}).values():
        causes += _check_label_value(value)
    for name in metadata.get("annotations") or {}:
        causes += _check_key("metadata.annotations", name)
    # an API server checks the metadata of a changed custom resource twice, and lists each fault twice
    return causes * 2 if kind.custom and live is not None else causes


def _check_name(kind: Kind, name: str) -> list[Cause]:
    if kind.kind in _PATH_NAMED and not kind.custom:
        return []
    if kind.kind in _LABEL_NAMED and not kind.custom:
        if len(name) > _LONGEST_LABEL:
            return [errors.invalid_value("metadata.name", name, f"must be no more than {_LONGEST_LABEL} bytes")]
        return [] if _LABEL.fullmatch(name) else [errors.invalid_value("metadata.name", name, _BAD_LABEL)]
    if len(name) > _LONGEST_NAME:
        return [errors.invalid_value("metadata.name", name, f"must be no more than {_LONGEST_NAME} bytes")]
    return [] if _SUBDOMAIN.fullmatch(name) else [errors.invalid_value("metadata.name", name, _BAD_SUBDOMAIN)]


def _check_new_finalizers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Cause]:
    fresh = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
    if not fresh:
        return []
    listed = ", ".join(f'"{each}"' for each in fresh)
    why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
    return [errors.forbidden_field("metadata.finalizers", why)]


def _check_key(field: str, key: str) -> list[Cause]:
    prefix, _, name = key.rpartition("/")
    if "/" in key and not _SUBDOMAIN.fullmatch(prefix):
        return [errors.invalid_value(field, key, f"prefix part {_BAD_SUBDOMAIN}")]
    if len(name) > _LONGEST_LABEL:
        return [errors.invalid_value(field, key, f"name part must be no more than {_LONGEST_LABEL} bytes")]
    return [] if _QUALIFIED.fullmatch(name) else [errors.invalid_value(field, key, _BAD_QUALIFIED)]


def _check_label_value(value: str) -> list[Cause]:
    if len(value) > _LONGEST_LABEL:
        return [errors.invalid_value("metadata.labels", value, f"must be no more than {_LONGEST_LABEL} bytes")]
    if _LABEL_VALUE.fullmatch(value):
        return []
    return [errors.invalid_value("metadata.labels", value, _BAD_LABEL_VALUE)]


def _check_class(live: Json | None, new: Json) -> list[Cause]:
    fields = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    if live is None:
        return [] if new.get("provisioner") else [errors.required("provisioner")]
    return [
        errors.forbidden_field(name, "updates to " + name + " are forbidden.")
        for name in fields
        if not same(live.get(name), new.get(name))
    ]


_RBAC = "rbac.authorization.k8s.io"
_RULES: dict[tuple[str, str], Check] = {
    ("", "ConfigMap"): check_config_map,
    ("", "PersistentVolumeClaim"): check_claim,
    ("", "Pod"): check_pod,
    ("", "Secret"): check_secret,
    ("", "Service"): check_service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): check_definition,
    ("apps", "DaemonSet"): check_daemon_set,
    ("apps", "Deployment"): check_deployment,
    ("apps", "ReplicaSet"): check_replica_set,
    ("apps", "StatefulSet"): check_stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): check_autoscaler,
    ("batch", "CronJob"): check_cron_job,
    ("batch", "Job"): check_job,
    ("networking.k8s.io", "Ingress"): check_ingress,
    (_RBAC, "ClusterRoleBinding"): check_role_binding,
    (_RBAC, "RoleBinding"): check_role_binding,
    ("storage.k8s.io", "StorageClass"): _check_class,
}
