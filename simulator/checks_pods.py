"""Validation of pod templates: what goes wrong most, not everything that can."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from simulator import errors
from simulator.checks_core import check_port_number
from simulator.decode import quantity
from simulator.errors import Cause

Json = dict[str, Any]
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_VOLUME_SOURCES = (
    "emptyDir",
    "hostPath",
    "secret",
    "nfs",
    "iscsi",
    "configMap",
    "downwardAPI",
    "persistentVolumeClaim",
    "projected",
    "csi",
    "ephemeral",
    "image",
)
"""In the order in which the API server looks at them: the second found is one too many."""

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a label selector matches labels."""
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _expression_holds(expression: Json, labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(expression.get("key", "")), expression.get("operator")
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    inside = value in (expression.get("values") or ())
    return inside if operator == "In" else not inside


def check_template(path: str, template: Json, *, restart: Iterable[str] = ("Always",)) -> list[Cause]:
    """Return what is wrong with a pod template."""
    spec = template.get("spec", {})
    causes = check_pod_spec(f"{path}.spec", spec)
    policy, allowed = spec.get("restartPolicy"), tuple(restart)
    if policy == "Always" and policy not in allowed:
        listed = ", ".join(f'"{each}"' for each in allowed)
        causes.append(errors.required(f"{path}.spec.restartPolicy", f"Required value: valid values: {listed}"))
    elif policy not in allowed:
        causes.append(errors.unsupported(f"{path}.spec.restartPolicy", policy, allowed))
    return causes


def check_pod_spec(path: str, spec: Json) -> list[Cause]:
    """Return what is wrong with a pod spec."""
    causes, volumes = _check_volumes(f"{path}.volumes", spec.get("volumes") or ())
    containers = spec.get("containers") or []
    if not containers:
        causes.append(errors.required(f"{path}.containers"))
    for group in ("containers", "initContainers"):
        names: set[str] = set()
        for index, container in enumerate(spec.get(group) or ()):
            below = f"{path}.{group}[{index}]"
            causes += _check_container(below, container, volumes)
            name = container.get("name", "")
            if name in names:
                causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{below}.name"))
            names.add(name)
    causes += _check_host_ports(f"{path}.containers", containers)
    if spec.get("hostNetwork"):
        causes += _check_host_network(f"{path}.containers", containers)
    return causes


def _check_volumes(path: str, volumes: Iterable[Json]) -> tuple[list[Cause], set[str]]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        name = volume.get("name", "")
        if not name:
            causes.append(errors.required(f"{path}[{index}].name"))
        elif name in names:
            causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{path}[{index}].name"))
        sources = [each for each in _VOLUME_SOURCES if each in volume]
        if name and len(sources) < 2:
            names.add(name)
        causes += [
            errors.forbidden_field(f"{path}[{index}].{each}", "may not specify more than 1 volume type")
            for each in sources[1:]
        ]
    return causes, names


def _check_container(path: str, container: Json, volumes: set[str]) -> list[Cause]:
    causes = []
    name = container.get("name", "")
    if not name:
        causes.append(errors.required(f"{path}.name"))
    elif not _LABEL.fullmatch(name):
        causes.append(errors.invalid_value(f"{path}.name", name, "must be an RFC 1123 label"))
    if not container.get("image"):
        causes.append(errors.required(f"{path}.image"))
    for index, port in enumerate(container.get("ports") or ()):
        causes += check_port_number(f"{path}.ports[{index}].containerPort", port.get("containerPort", 0))
    causes += _check_environment(f"{path}.env", container.get("env") or ())
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        causes += _check_handlers(f"{path}.{probe}", container.get(probe))
    causes += _check_mounts(f"{path}.volumeMounts", container.get("volumeMounts") or (), volumes)
    causes += _check_resources(f"{path}.resources", container.get("resources") or {})
    policy = container.get("imagePullPolicy")
    if policy not in _PULL_POLICIES:
        causes.append(errors.unsupported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    return causes


def _check_resources(path: str, resources: Json) -> list[Cause]:
    causes = []
    limits = resources.get("limits") or {}
    for name, wanted in (resources.get("requests") or {}).items():
        least, most = quantity(str(wanted)), quantity(str(limits.get(name)))
        if least is not None and most is not None and least > most:
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            causes.append(errors.invalid_value(f"{path}.requests", wanted, why))
    return causes


def _check_handlers(path: str, probe: Json | None) -> list[Cause]:
    if probe is None:
        return []
    handlers = [each for each in _HANDLERS if each in probe]
    if not handlers:
        return [errors.required(path, "Required value: must specify a handler type")]
    why = "may not specify more than 1 handler type"
    return [errors.forbidden_field(f"{path}.{each}", why) for each in handlers[1:]]


def _check_environment(path: str, variables: Iterable[Json]) -> list[Cause]:
    causes = []
    for index, variable in enumerate(variables):
        source = variable.get("valueFrom")
        if not variable.get("name"):
            causes.append(errors.required(f"{path}[{index}].name"))
        if source is None:
            continue
        if variable.get("value"):
            why = "may not be specified when `value` is not empty"
            causes.append(errors.invalid_value(f"{path}[{index}].valueFrom", "", why))
        if len(source) > 1:
            why = "may not have more than one field specified at a time"
            causes.append(errors.invalid_value(f"{path}[{index}].valueFrom", "", why))
    return causes


def _check_mounts(path: str, mounts: Iterable[Json], volumes: set[str]) -> list[Cause]:
    causes = []
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        name, place = mount.get("name", ""), mount.get("mountPath", "")
        if name not in volumes:
            causes.append(Cause("FieldValueNotFound", f'Not found: "{name}"', f"{path}[{index}].name"))
        if not place:
            causes.append(errors.required(f"{path}[{index}].mountPath"))
        if place in taken:
            causes.append(errors.invalid_value(f"{path}[{index}].mountPath", place, "must be unique"))
        taken.add(place)
    return causes


def _check_host_network(path: str, containers: Iterable[Json]) -> list[Cause]:
    why = "must match `hostPort` when `hostNetwork` is true"
    return [
        errors.invalid_value(f"{path}[{i}].ports[{j}].containerPort", port.get("containerPort"), why)
        for i, container in enumerate(containers)
        for j, port in enumerate(container.get("ports") or ())
        if port.get("hostPort", port.get("containerPort")) != port.get("containerPort")
    ]


def _check_host_ports(path: str, containers: Iterable[Json]) -> list[Cause]:
    causes = []
    taken: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in taken:
                field = f"{path}[{i}].ports[{j}].hostPort"
                causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{key}"', field))
            taken.add(key)
    return causes
