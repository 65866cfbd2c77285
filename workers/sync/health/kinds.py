"""Which rule belongs to which kind: the table of rules that are code. To add one: a function, and ``register``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.domain.health import HealthReport
from workers.sync.health import batch, cluster, rollouts, workloads
from workers.sync.health.reading import Context, Manifest

Kind = tuple[str, str]
"""A group (empty for the core one) and the name of a kind."""


@dataclass(frozen=True, slots=True)
class KindRule:
    """The rule of one kind.

    Attributes:
        group: empty for the core one.
        kind: its name.
        assess: returns the health of a live object, once its controller has seen the last change.
        always_observed: whether its controller says in every status which generation it has seen, so that an object
            without that is not seen yet: a new DaemonSet wants no pods yet, and is not well.
    """

    group: str
    kind: str
    assess: Callable[[Manifest, Context], HealthReport]
    always_observed: bool = False


_RULES: dict[Kind, KindRule] = {}


def register(*rules: KindRule) -> None:
    """Add rules; each wins over what ``operators`` says of its kind.

    Raises:
        ValueError: a kind has a rule already.
    """
    for rule in rules:
        if (rule.group, rule.kind) in _RULES:
            message = f"there is a rule of health for {rule.kind} of {rule.group or 'the core group'} already"
            raise ValueError(message)
        _RULES[rule.group, rule.kind] = rule


def kinds() -> frozenset[Kind]:
    """Return the kinds that have a rule of their own."""
    return frozenset(_RULES)


def kind_rule(kind: Kind) -> KindRule | None:
    """Return the rule of a kind; None where it has none of its own."""
    return _RULES.get(kind)


register(
    KindRule("apps", "Deployment", workloads.deployment, always_observed=True),
    KindRule("apps", "StatefulSet", workloads.stateful_set, always_observed=True),
    KindRule("apps", "DaemonSet", workloads.daemon_set, always_observed=True),
    KindRule("apps", "ReplicaSet", workloads.replica_set, always_observed=True),
    KindRule("batch", "Job", batch.job),
    KindRule("batch", "CronJob", batch.cron_job),
    KindRule("", "Pod", batch.pod),
    KindRule("", "PersistentVolumeClaim", cluster.claim),
    KindRule("", "Service", cluster.service),
    KindRule("networking.k8s.io", "Ingress", cluster.ingress),
    KindRule("autoscaling", "HorizontalPodAutoscaler", cluster.autoscaler),
    KindRule("apiregistration.k8s.io", "APIService", cluster.api_service),
    KindRule("apiextensions.k8s.io", "CustomResourceDefinition", cluster.definition),
    KindRule("policy", "PodDisruptionBudget", cluster.disruption_budget, always_observed=True),
    KindRule("argoproj.io", "Rollout", rollouts.rollout),
)
