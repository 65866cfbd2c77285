"""Validation of workloads, jobs and autoscalers: selectors, templates, and what may not change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator import errors
from simulator.checks_pods import check_pod_spec, check_template, selects
from simulator.errors import Cause
from simulator.typed import same

Json = dict[str, Any]
_STATEFUL_SET_FROZEN = ("selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy")
_STRATEGIES = ("Recreate", "RollingUpdate")


def _check_selected(kind: str, spec: Json) -> list[Cause]:
    """Return what is wrong with a selector, and with the template it should select."""
    selector = spec.get("selector")
    template = spec.get("template", {})
    causes = []
    if selector is None and kind != "daemonset":
        causes.append(errors.required("spec.selector"))
    elif selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(errors.invalid_value("spec.selector", selector, f"empty selector is invalid for {kind}"))
    labels = template.get("metadata", {}).get("labels") or {}
    if selector is None or not selects(selector, labels) or not labels:
        why = "`selector` does not match template `labels`"
        if selector is None or selector.get("matchLabels") or selector.get("matchExpressions"):
            causes.append(errors.invalid_value("spec.template.metadata.labels", labels or None, why))
    return causes


def _check_negative(spec: Json, names: Iterable[str]) -> list[Cause]:
    why = "must be greater than or equal to 0"
    return [errors.invalid_value(f"spec.{name}", spec[name], why) for name in names if (spec.get(name) or 0) < 0]


def _check_frozen_selector(live: Json | None, spec: Json) -> list[Cause]:
    if live is None or same(live["spec"].get("selector"), spec.get("selector")):
        return []
    return [errors.immutable("spec.selector", spec.get("selector"))]


def check_deployment(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a Deployment."""
    spec = new.get("spec", {})
    causes = _check_negative(spec, ("replicas",))
    causes += _check_selected("deployment", spec)
    causes += check_template("spec.template", spec.get("template", {}))
    strategy = spec.get("strategy", {})
    if strategy.get("type") not in _STRATEGIES:
        causes.append(errors.unsupported("spec.strategy.type", strategy.get("type"), _STRATEGIES))
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(errors.forbidden_field("spec.strategy.rollingUpdate", why))
    causes += _check_negative(spec, ("minReadySeconds", "revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds", 600)
    if deadline <= spec.get("minReadySeconds", 0):
        causes.append(
            errors.invalid_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return causes + _check_frozen_selector(live, spec)


def check_replica_set(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a ReplicaSet."""
    spec = new.get("spec", {})
    causes = _check_negative(spec, ("replicas",)) + _check_selected("replicaset", spec)
    return causes + check_template("spec.template", spec.get("template", {})) + _check_frozen_selector(live, spec)


def check_daemon_set(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a DaemonSet."""
    spec = new.get("spec", {})
    causes = _check_selected("daemonset", spec) + check_template("spec.template", spec.get("template", {}))
    return causes + _check_frozen_selector(live, spec)


def check_stateful_set(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a StatefulSet."""
    spec = new.get("spec", {})
    causes = _check_selected("statefulset", spec) + check_template("spec.template", _with_claims(spec))
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type") == "OnDelete" and "rollingUpdate" in strategy:
        why = "only allowed for updateStrategy 'RollingUpdate'"
        causes.append(errors.invalid_value("spec.updateStrategy.rollingUpdate", strategy["rollingUpdate"], why))
    if live is None:
        return causes
    before = live["spec"]
    changed = [name for name in _STATEFUL_SET_FROZEN if not same(before.get(name), spec.get(name))]
    return causes + [errors.immutable(f"spec.{name}", spec.get(name)) for name in changed]


def _with_claims(spec: Json) -> Json:
    """Return the pod template with a volume per claim template in front, as its pods will have it."""
    template: Json = spec.get("template", {})
    claims = [each.get("metadata", {}).get("name", "") for each in spec.get("volumeClaimTemplates") or ()]
    pod = template.get("spec", {})
    own = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    volumes = [{"name": name, "persistentVolumeClaim": {}} for name in claims] + own
    return {**template, "spec": {**pod, "volumes": volumes}}


def check_job(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a Job."""
    spec = new.get("spec", {})
    causes = check_template("spec.template", spec.get("template", {}), restart=("OnFailure", "Never"))
    before = (live or {}).get("spec")
    if before is None:
        return causes
    for name in ("completions", "selector", "template", "completionMode"):
        frozen = name != "template" or not before.get("suspend")
        if frozen and not same(before.get(name), spec.get(name)):
            causes.append(errors.immutable(f"spec.{name}", spec.get(name)))
    return causes


def check_cron_job(_: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a CronJob."""
    spec = new.get("spec", {})
    causes = [] if spec.get("schedule") else [errors.required("spec.schedule")]
    template = spec.get("jobTemplate", {}).get("spec", {}).get("template", {})
    return causes + check_template("spec.jobTemplate.spec.template", template, restart=("OnFailure", "Never"))


def check_pod(live: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a Pod."""
    spec = new.get("spec", {})
    if live is None:
        return check_pod_spec("spec", spec)
    before, after = _without_images(live["spec"]), _without_images(spec)
    if same(before, after):
        return []
    why = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [errors.forbidden_field("spec", why)]


def _without_images(spec: Json) -> Json:
    changeable = ("activeDeadlineSeconds", "tolerations", "containers", "initContainers")
    kept = {name: value for name, value in spec.items() if name not in changeable}
    for group in ("containers", "initContainers"):
        kept[group] = [{k: v for k, v in each.items() if k != "image"} for each in spec.get(group) or ()]
    return kept


def check_autoscaler(_: Json | None, new: Json) -> list[Cause]:
    """Return what is wrong with a HorizontalPodAutoscaler."""
    spec = new.get("spec", {})
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    causes = []
    if least < 1:
        causes.append(errors.invalid_value("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most == 0:
        causes.append(errors.required("spec.maxReplicas"))
    elif most < 0:
        causes.append(errors.invalid_value("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if most < least:
        why = "must be greater than or equal to `minReplicas`"
        causes.append(errors.invalid_value("spec.maxReplicas", most, why))
    reference = spec.get("scaleTargetRef", {})
    causes += [errors.required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not reference.get(name)]
    version = reference.get("apiVersion", "")
    if "/" not in version:
        why = "apiVersion must specify API group"
        causes.append(errors.invalid_value("spec.scaleTargetRef.apiVersion", version, why))
    return causes
