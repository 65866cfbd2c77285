"""The rules that all kinds have in common, and which rule is asked for an object."""

from __future__ import annotations

from collections.abc import Container

from common.domain.health import HealthReport
from common.domain.health_codes import HealthReason
from common.domain.refs import ObjectId
from common.domain.status import Reason
from workers.sync.health.generic import assess_by_convention
from workers.sync.health.kinds import Kind, KindRule, kind_rule
from workers.sync.health.operators import rule_for
from workers.sync.health.own import NO_RULES, Own
from workers.sync.health.reading import (
    Context,
    Manifest,
    conditions,
    degraded,
    healthy,
    number,
    observed,
    progressing,
    section,
    text,
)
from workers.sync.objects.marks import HEALTH

_BUILT_IN = frozenset(
    {
        "", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "storage.k8s.io",
        "rbac.authorization.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "scheduling.k8s.io",
        "admissionregistration.k8s.io",
        "coordination.k8s.io", "node.k8s.io", "certificates.k8s.io", "discovery.k8s.io", "events.k8s.io",
        "flowcontrol.apiserver.k8s.io", "resource.k8s.io",
    }
)  # fmt: skip
_EXISTS = healthy()
"""Kubernetes' own kinds without a rule have nothing that could be ill."""
_NO_RULE = healthy(Reason(HealthReason.NO_RULE))


def waits_for_health(object_id: ObjectId, own: Container[Kind] = NO_RULES) -> bool:
    """Tell whether objects of a kind take time to become healthy: they have a rule, or are custom."""
    key = (object_id.group, object_id.kind)
    return kind_rule(key) is not None or key in own or object_id.group not in _BUILT_IN


def assess(manifest: Manifest, context: Context, own: Own = NO_RULES) -> HealthReport:
    """Return the health of a live object.

    Args:
        manifest: the whole object, as read.
        context: the present, and what else a rule needs.
        own: rules of the registry, which win over those of the kind.
    """
    if section(section(manifest, "metadata"), "annotations").get(HEALTH) == "ignore":
        return healthy(Reason(HealthReason.IGNORED))
    if section(manifest, "metadata").get("deletionTimestamp"):
        return progressing(Reason(HealthReason.DELETING))
    key = (text(manifest, "apiVersion").rpartition("/")[0], text(manifest, "kind"))
    of_kind, of_registry = kind_rule(key), own.rule_of(key)
    if of_registry is not None and of_registry.lua:  # as in Argo CD, a script has its say of all that follows
        return own.assess(of_registry, manifest)
    common = _common(manifest, of_kind)
    if common is not None:
        return common
    if of_registry is not None:
        return own.assess(of_registry, manifest)
    if of_kind is not None:
        return of_kind.assess(manifest, context)
    if (rule := rule_for(*key)) is not None:
        return rule.assess(manifest)
    return assess_by_convention(manifest, silent=_EXISTS if key[0] in _BUILT_IN else _NO_RULE)


_RETRIES = "ProgressingWithRetry"
"""Reason of Flux's objects for ``Reconciling`` where the last try failed: the failure is what is to be told, see
https://fluxcd.io/flux/components/source/gitrepositories/#failed-gitrepository and ADR 49."""


def _common(manifest: Manifest, of_kind: KindRule | None) -> HealthReport | None:
    metadata, status = section(manifest, "metadata"), section(manifest, "status")
    seen = observed(status)
    if seen is None and of_kind is not None and of_kind.always_observed:
        seen = 0
    if seen is not None and seen < number(metadata, "generation"):
        return progressing(Reason(HealthReason.UNSEEN))
    found = conditions(manifest)
    if (condition := found.get("Reconciling")) and condition.status == "True" and condition.reason != _RETRIES:
        return progressing(condition.why)
    if (condition := found.get("Stalled")) and condition.status == "True":
        return degraded(condition.why)
    return None
