"""Validation of the kinds of the core group that applications are made of, and of role bindings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from simulator import errors
from simulator.decode import quantity
from simulator.errors import Cause
from simulator.typed import same

Json = dict[str, Any]
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_BAD_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_FROZEN = "field is immutable when `immutable` is set"
_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
HIGHEST_PORT = 65_535


def _check_keys(field: str, data: Iterable[str]) -> list[Cause]:
    return [errors.invalid_value(f"{field}[{key}]", key, _BAD_KEY) for key in data if not _KEY.fullmatch(key)]


def _check_frozen(live: Json | None, new: Json, fields: Iterable[str]) -> list[Cause]:
    if live is None or not live.get("immutable"):
        return []
    causes = [] if new.get("immutable") else [errors.forbidden_field("immutable", _FROZEN)]
    changed = [name for name in fields if not same(live.get(name) or {}, new.get(name) or {})]
    return causes + [errors.forbidden_field(name, _FROZEN) for name in changed]


def check_config_map(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a ConfigMap."""
    causes = _check_frozen(live, new, ("data", "binaryData"))
    both = set(new.get("data") or ()) & set(new.get("binaryData") or ())
    causes += _check_keys("data", new.get("data") or ())
    causes += [
        errors.invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData") for key in sorted(both)
    ]
    return causes + _check_keys("binaryData", new.get("binaryData") or ())


def check_secret(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a Secret."""
    kind, data = new.get("type", ""), new.get("data") or {}
    causes = []
    if live is not None and live.get("type", "") != kind:
        causes.append(errors.immutable("type", kind))
    causes += _check_frozen(live, new, ("data",))
    causes += _check_keys("data", data)
    causes += [errors.required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data]
    account = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token" and not new["metadata"].get("annotations", {}).get(account):
        causes.append(errors.required(f"metadata.annotations[{account}]"))
    return causes


def check_service(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a Service."""
    spec = new.get("spec", {})
    if spec.get("selector") and spec.get("ipFamilyPolicy") == "RequireDualStack":
        return _single_stack(spec)
    causes = _check_service_change(live, spec)
    kind = spec.get("type")
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and kind != "ExternalName":
        causes.append(errors.required("spec.ports"))
    if kind not in _SERVICE_TYPES:
        causes.append(errors.unsupported("spec.type", kind, _SERVICE_TYPES))
    if kind == "LoadBalancer" and headless:
        causes.append(
            errors.invalid_value("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services")
        )
    if kind == "ExternalName" and not spec.get("externalName"):
        causes.append(errors.required("spec.externalName"))
    ports = spec.get("ports") or ()
    names: set[str] = set()
    for index, port in enumerate(ports):
        causes += _check_service_port(f"spec.ports[{index}]", port, names, needs_name=len(ports) > 1)
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        causes.append(errors.unsupported("spec.sessionAffinity", affinity, ("ClientIP", "None")))
    return causes + _check_duplicate_ports(ports)


def _single_stack(spec: Json) -> list[Cause]:
    """Return the refusal of a second address family: the cluster has IPv4 only."""
    why = "this cluster is not configured for dual-stack services"
    policy = errors.invalid_value("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], why)
    families = [
        errors.invalid_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
        for index, family in enumerate(spec.get("ipFamilies") or ())
        if family != "IPv4"
    ]
    return [policy, *families]


def _check_service_change(live: Json | None, spec: Json) -> list[Cause]:
    before = (live or {}).get("spec", {})
    address, wanted = before.get("clusterIP"), spec.get("clusterIP")
    if not address or "ExternalName" in (before.get("type"), spec.get("type")) or address == wanted:
        return []
    why = "may not change once set"
    return [errors.immutable("spec.clusterIPs[0]", [wanted], why)]


def _check_service_port(path: str, port: Json, names: set[str], *, needs_name: bool) -> list[Cause]:
    causes = []
    name = port.get("name", "")
    if needs_name and not name:
        causes.append(errors.required(f"{path}.name"))
    elif name and name in names:
        causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{path}.name"))
    names.add(name)
    causes += check_port_number(f"{path}.port", port.get("port", 0))
    if port.get("protocol") not in _PROTOCOLS:
        causes.append(errors.unsupported(f"{path}.protocol", port.get("protocol"), _PROTOCOLS))
    target = port.get("targetPort", 0)
    return causes + (check_port_number(f"{path}.targetPort", target) if isinstance(target, int) else [])


def check_port_number(path: str, number: int) -> list[Cause]:
    """Return what is wrong with a port number."""
    if 1 <= number <= HIGHEST_PORT:
        return []
    return [errors.invalid_value(path, number, f"must be between 1 and {HIGHEST_PORT}, inclusive")]


def _check_duplicate_ports(ports: Iterable[Json]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = f'{{"protocol":"{key[0]}","port":{key[1]}}}'
            causes.append(Cause("FieldValueDuplicate", f"Duplicate value: {shown}", f"spec.ports[{index}]"))
        seen.add(key)
    return causes


def check_claim(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a PersistentVolumeClaim."""
    spec = new.get("spec", {})
    causes = [] if spec.get("accessModes") else [errors.required("spec.accessModes", _MODES)]
    if "storage" not in spec.get("resources", {}).get("requests", {}):
        causes.append(errors.required("spec.resources[storage]"))
    before = (live or {}).get("spec")
    bound = (live or {}).get("status", {}).get("phase") == "Bound"
    if before is not None and "storageClassName" not in before:
        before = {**before, **{name: spec[name] for name in ("storageClassName",) if name in spec}}
    if before is not None and not same(_frozen_claim(before, bound=bound), _frozen_claim(spec, bound=bound)):
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        causes.append(errors.forbidden_field("spec", why))
    return causes + _check_shrunk(live, spec)


def _check_shrunk(live: Json | None, spec: Json) -> list[Cause]:
    if live is None:
        return []
    before = quantity(_storage(live.get("spec", {}).get("resources", {}).get("requests"))) or Decimal(0)
    after = quantity(_storage(spec.get("resources", {}).get("requests"))) or Decimal(0)
    held = quantity(_storage(live.get("status", {}).get("capacity"))) or Decimal(0)
    if after >= before or after > held:
        return []
    return [errors.forbidden_field("spec.resources.requests.storage", "field can not be less than status.capacity")]


def _storage(amounts: Json | None) -> str:
    return str((amounts or {}).get("storage", "0"))


def _frozen_claim(spec: Json, *, bound: bool) -> Json:
    """Return the part of a claim that may not change; a bound one may grow."""
    return {**spec, "resources": {}} if bound else spec


_MODES = "Required value: at least 1 access mode is required"


def check_ingress(_: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with an Ingress."""
    spec = new.get("spec", {})
    if spec.get("rules") or spec.get("defaultBackend"):
        return []
    return [errors.invalid_value("spec", None, "either `defaultBackend` or `rules` must be specified")]


def check_role_binding(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a RoleBinding or ClusterRoleBinding."""
    role = new.get("roleRef", {})
    causes = []
    if live is not None and not same(live.get("roleRef"), role):
        shown = {
            name: role.get(key, "") for name, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
        }
        causes.append(errors.immutable("roleRef", shown))
    if role.get("kind") not in ("Role", "ClusterRole"):
        causes.append(errors.unsupported("roleRef.kind", role.get("kind"), ("Role", "ClusterRole")))
    if not role.get("name"):
        causes.append(errors.required("roleRef.name"))
    return causes
