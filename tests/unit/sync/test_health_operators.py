"""Health of operators' kinds, by the bundled table, and of any kind by rules of the registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.fleet import HealthRule
from common.domain.health import Health
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from common.rules import HERE
from workers.sync.health import Context, assess, own_rules, waits_for_health
from workers.sync.health.operators import OPERATORS

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
H, S, P, D, U = Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.DEGRADED, Health.UNKNOWN
CERTIFICATE = "cert-manager.io/v1 Certificate"
KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/v1 Kustomization"
ROUTE = "gateway.networking.k8s.io/v1 HTTPRoute"
ROLLOUT = "argoproj.io/v1alpha1 Rollout"


def condition(type_: str, status: str = "True", reason: str = "", **more: Any) -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, **more}


def said(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": list(conditions)}


def obj(kind: str, status: Any = None, spec: Any = None, generation: int = 2) -> dict[str, Any]:
    version, _, name = kind.partition(" ")
    whole = {"apiVersion": version, "kind": name, "metadata": {"name": "x", "generation": generation}}
    return whole | ({} if status is None else {"status": status}) | ({} if spec is None else {"spec": spec})


def parent(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"parentRef": {"name": "gate"}, "conditions": list(conditions)}


TAKEN = parent(condition("Accepted"), condition("ResolvedRefs"))
REFUSED = parent(condition("Accepted", "False"), condition("ResolvedRefs"))
TABLE: list[tuple[str, dict[str, Any], Health]] = [
    ("ready", obj(CERTIFICATE, said(condition("Ready"))), H),
    ("nothing said yet", obj(CERTIFICATE), P),
    ("not ready, and that is a failure", obj(CERTIFICATE, said(condition("Ready", "False", "DoesNotExist"))), D),
    ("not known", obj(CERTIFICATE, said(condition("Ready", "Unknown"))), P),
    ("busy wins", obj(CERTIFICATE, said(condition("Ready", "False"), condition("Issuing"))), P),
    ("of an older generation", obj(CERTIFICATE, said(condition("Ready", observedGeneration=1))), P),
    ("of this generation", obj(CERTIFICATE, said(condition("Ready", observedGeneration=2))), H),
    ("a denied request", obj("cert-manager.io/v1 CertificateRequest", said(condition("Denied"))), D),
    ("suspended", obj(KUSTOMIZATION, said(condition("Ready", "False")), {"suspend": True}), S),
    ("not suspended", obj(KUSTOMIZATION, said(condition("Ready")), {"suspend": False}), H),
    ("a repository without status", obj("source.toolkit.fluxcd.io/v1 HelmRepository"), H),
    ("a phase that is good", obj(ROLLOUT, {"phase": "Healthy"}), H),
    ("a phase that is bad", obj(ROLLOUT, {"phase": "Degraded", "message": "no"}), D),
    ("a phase that waits", obj(ROLLOUT, {"phase": "Paused"}), S),
    ("a phase that nobody knows", obj(ROLLOUT, {"phase": "Sideways"}), P),
    ("no phase", obj(ROLLOUT, {"phase": ""}), P),
    ("a phase of another type", obj(ROLLOUT, {"phase": {"a": 1}}), P),
    ("taken by its parent", obj(ROUTE, {"parents": [TAKEN]}), H),
    ("no parent yet", obj(ROUTE, {"parents": []}), P),
    ("refused by one of two", obj(ROUTE, {"parents": [TAKEN, REFUSED]}), D),
    ("one of two conditions", obj("gateway.networking.k8s.io/v1 Gateway", said(condition("Accepted"))), P),
    ("paused scaling", obj("keda.sh/v1alpha1 ScaledObject", said(condition("Ready"), condition("Paused"))), S),
    ("a failing pipeline", obj("tekton.dev/v1 TaskRun", said(condition("Succeeded", "False", "x"))), D),
    ("a running pipeline", obj("tekton.dev/v1 TaskRun", said(condition("Succeeded", "Unknown"))), P),
    ("Kafka that is not ready", obj("kafka.strimzi.io/v1beta2 Kafka", said(condition("NotReady", reason="x"))), D),
    ("stalled, whatever the kind", obj(ROLLOUT, {"phase": "Healthy", **said(condition("Stalled"))}), D),
]  # fmt: skip


@pytest.mark.parametrize(("name", "live", "expected"), TABLE, ids=[name for name, _, _ in TABLE])
def test_an_operators_object_is_as_the_table_says(name: str, live: dict[str, Any], expected: Health) -> None:
    assert assess(live, CONTEXT).health is expected, name


def test_the_reason_is_what_the_operator_says() -> None:
    live = obj(CERTIFICATE, said(condition("Ready", "False", "DoesNotExist", message="no secret")))
    assert sentence(assess(live, CONTEXT).reason) == "DoesNotExist: no secret"
    rollout = obj(ROLLOUT, {"phase": "Degraded", "message": "no"})
    assert sentence(assess(rollout, CONTEXT).reason) == "Degraded: no"


def test_the_table_knows_many_kinds_once_each() -> None:
    assert len(OPERATORS) >= 150
    assert len({rule.group for rule in OPERATORS.values()}) >= 60
    assert sum(len(rule.kinds) for rule in set(OPERATORS.values())) == len(OPERATORS)


BOX = "example.com/v1 Box"
OWN = own_rules(
    [HealthRule("Box", "example.com", healthy="self.status.state == 'open'", failed="self.status.bad")], HERE
)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"state": "open"}, H),
        ({"state": "shut"}, P),
        (None, P),
        ({"state": "open", "bad": True}, D),
        ({"state": "open", "bad": False}, H),
        ({"state": "open", "bad": "very"}, U),
    ],
)
def test_a_rule_of_the_registry_decides_and_failed_comes_first(status: Any, expected: Health) -> None:
    assert assess(obj(BOX, status), CONTEXT, OWN).health is expected


def test_a_rule_of_the_registry_wins_over_that_of_the_kind_but_not_over_deletion() -> None:
    own = own_rules([HealthRule("Certificate", "cert-manager.io", healthy="self.metadata.name == 'x'")], HERE)
    live = obj(CERTIFICATE, said(condition("Ready", "False", "no")))
    assert (assess(live, CONTEXT).health, assess(live, CONTEXT, own).health) == (D, H)
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert assess(live, CONTEXT, own).health is P


def test_a_rule_that_never_ends_is_stopped_and_said() -> None:
    endless = "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))"
    own = own_rules([HealthRule("Box", "example.com", healthy=endless)], HERE)
    report = assess({**obj(BOX), "l": list(range(3_000))}, CONTEXT, own)
    assert (report.health, "budget" in sentence(report.reason)) == (U, True)


def test_kinds_with_a_rule_of_their_own_are_waited_for() -> None:
    config = ObjectId("", "ConfigMap", "n", "x")
    assert not waits_for_health(config)
    assert waits_for_health(config, own_rules([HealthRule("ConfigMap", "", healthy="true")], HERE))


def test_of_two_rules_for_a_kind_the_first_counts() -> None:
    rules = [HealthRule("Box", "example.com", healthy=text) for text in ("true", "false")]
    assert assess(obj(BOX), CONTEXT, own_rules(rules, HERE)).health is H
