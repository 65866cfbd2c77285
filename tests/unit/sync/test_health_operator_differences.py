"""Where an operator's kind is judged otherwise than by Argo CD: the cases of the table in the reference, our column."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workers.sync.health import Context, assess

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "health.md"
CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
Said = dict[str, Any]


def said(**conditions: str) -> list[dict[str, Any]]:
    """Return conditions: ``Ready="False Expired"`` is a status and a reason; ``Type__x`` is ``Type.x``."""
    split = {name: text.partition(" ") for name, text in conditions.items()}
    return [{"type": name, "status": status, "reason": reason} for name, (status, _, reason) in split.items()]


def kruise(replicas: int, updated: int, ready: int, **spec: Any) -> Said:
    counts = {"replicas": replicas, "updatedReplicas": updated, "expectedUpdatedReplicas": updated}
    status = {"observedGeneration": 2, **counts, "availableReplicas": ready, "readyReplicas": ready}
    return {"spec": {"replicas": replicas, "updateStrategy": spec}, "status": status}


def ancestors(kind: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Said:
    entries = [
        {"conditions": [{**each, "observedGeneration": generation} for each in conditions]}
        for generation, conditions in ((1, old), (2, new))
    ]
    return {"status": {kind: entries}}


DELETED = {"metadata": {"name": "x", "generation": 2, "deletionTimestamp": "2026-11-23T11:00:00Z"}}
ACCEPTED = said(Accepted="True", ResolvedRefs="True")
KNATIVE = said(InstallSucceeded="True", Ready="perhaps")
ROLLED_OUT = said(Available="True", Progressing="True NewReplicaSetAvailable")
DEAD = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 0, "observedGeneration": 2}
EMPTY = {"desiredNumberScheduled": 0, "updatedNumberScheduled": 0, "observedGeneration": 2}
NO_NODES = {"spec": {"nodeSets": [{"count": 3}]}, "status": {"phase": "Ready", "health": "green", "availableNodes": 2}}
SUCCEEDED = "2026-11-23T10:00:00Z"
APPROVAL = said(InstallPlanPending="True RequiresApproval")
PROMOTED = {"branch": "a", "active": {"dry": {"sha": "a1"}}, "proposed": {"dry": {"sha": "a1"}}}
CASES: dict[str, tuple[str, Said]] = {
    "any kind: it is being deleted": (
        "kafka.strimzi.io/KafkaBridge",
        {**DELETED, "status": {"conditions": said(Ready="True")}},
    ),
    "any kind: its controller has not seen the last change": (
        "rabbitmq.com/Exchange",
        {"status": {"observedGeneration": 1, "conditions": said(Ready="True SuccessfulCreateOrUpdate")}},
    ),
    "any kind: it failed and is tried again (`Reconciling`, not by Flux's `ProgressingWithRetry`)": (
        "source.toolkit.fluxcd.io/GitRepository",
        {"status": {"conditions": said(Reconciling="True Reconciling", Ready="False SecretMissing")}},
    ),
    "any kind: its operator has said nothing yet": ("rabbitmq.com/Queue", {"status": {}}),
    "any kind: its phase is a word that its operator does not document": (
        "beat.k8s.elastic.co/Beat",
        {"status": {"health": "purple"}},
    ),
    "AdvancedCronJob: never came due": ("apps.kruise.io/AdvancedCronJob", {"status": {}}),
    "Alertmanager, Prometheus, ThanosRuler: no pod is ready": (
        "monitoring.coreos.com/Prometheus",
        {"status": {"conditions": said(Available="False NoPodReady", Reconciled="True")}},
    ),
    "BackendTLSPolicy: one of two ancestors is out of date": (
        "gateway.networking.k8s.io/BackendTLSPolicy",
        ancestors("ancestors", ACCEPTED, ACCEPTED),
    ),
    "CloneSet, StatefulSet, DaemonSet of Kruise: all are updated, and not all available": (
        "apps.kruise.io/DaemonSet",
        {"status": DEAD},
    ),
    "CloneSet, GameServerSet: a partition is reached, and not all are ready": (
        "apps.kruise.io/CloneSet",
        kruise(5, 3, 1, partition=2),
    ),
    "CloneSet, StatefulSet, GameServerSet of Kruise: counts are left out": (
        "game.kruise.io/GameServerSet",
        {"status": {"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReadyReplicas": 3}},
    ),
    "Cluster of Cluster API: it is not ready, with the severity Warning": (
        "cluster.x-k8s.io/Cluster",
        {
            "status": {
                "phase": "Provisioned",
                "conditions": [{"type": "Ready", "status": "False", "reason": "ScalingUp", "severity": "Warning"}],
            }
        },
    ),
    "Config Connector: a dependency is not ready": (
        "sql.cnrm.cloud.google.com/SQLInstance",
        {"status": {"conditions": said(Ready="False DependencyNotReady")}},
    ),
    "CronJob: a job runs": ("batch/CronJob", {"status": {"active": [{"name": "a"}], "lastScheduleTime": SUCCEEDED}}),
    "CronJob: no run ever succeeded": ("batch/CronJob", {"status": {"lastScheduleTime": SUCCEEDED}}),
    "CronJob: suspended": ("batch/CronJob", {"spec": {"suspend": True}}),
    "CustomResourceDefinition: its schema is not structural": (
        "apiextensions.k8s.io/CustomResourceDefinition",
        {"status": {"conditions": said(NamesAccepted="True", Established="True", NonStructuralSchema="True")}},
    ),
    "DNSSDServiceInstance: whether it is discoverable cannot be told": (
        "proclaim.dogmatiq.io/DNSSDServiceInstance",
        {"status": {"conditions": said(Adopted="True", Advertised="True", Discoverable="Unknown DiscoveryError")}},
    ),
    "DaemonSet of Kruise: it wants no pods": ("apps.kruise.io/DaemonSet", {"status": EMPTY}),
    "DeploymentConfig: it is not available, and not past its deadline": (
        "apps.openshift.io/DeploymentConfig",
        {"status": {"replicas": 2, "conditions": said(Available="False", Progressing="Unknown")}},
    ),
    "DeploymentConfig: it has no pods, and wants some": (
        "apps.openshift.io/DeploymentConfig",
        {
            "spec": {"replicas": 3},
            "status": {
                "replicas": 0,
                "conditions": said(Available="False", Progressing="True NewReplicationControllerAvailable"),
            },
        },
    ),
    "Elasticsearch: yellow": ("elasticsearch.k8s.elastic.co/Elasticsearch", {"status": {"health": "yellow"}}),
    "Elasticsearch: green with fewer nodes than wanted": ("elasticsearch.k8s.elastic.co/Elasticsearch", NO_NODES),
    "FlinkDeployment: its job is suspended": (
        "flink.apache.org/FlinkDeployment",
        {"spec": {"job": {"state": "suspended"}}, "status": {"jobStatus": {"state": "SUSPENDED"}}},
    ),
    "FlinkDeployment: it is suspended before it was ever deployed": (
        "flink.apache.org/FlinkDeployment",
        {"spec": {"job": {"state": "suspended"}}, "status": {"reconciliationStatus": {"state": "UPGRADING"}}},
    ),
    "Gloo: not validated yet (`Pending`)": ("gloo.solo.io/Upstream", {"status": {"statuses": {"a": {"state": 0}}}}),
    "HTTPProxy: invalid, and includes others": (
        "projectcontour.io/HTTPProxy",
        {"spec": {"includes": [{"name": "a"}]}, "status": {"currentStatus": "invalid"}},
    ),
    "Humio: what it describes is not in Humio (`NotFound`)": (
        "core.humio.com/HumioParser",
        {"status": {"state": "NotFound"}},
    ),
    "KnativeEventing, KnativeServing: `Ready` is neither true nor false": (
        "operator.knative.dev/KnativeEventing",
        {"status": {"conditions": KNATIVE}},
    ),
    "kro: a condition does not say of which generation it is": (
        "kro.run/WebShop",
        {"status": {"conditions": said(Ready="True")}},
    ),
    "Kustomization, HelmRelease of Flux: what it depends on is not ready": (
        "kustomize.toolkit.fluxcd.io/Kustomization",
        {"status": {"conditions": said(Ready="False DependencyNotReady")}},
    ),
    "MachineHealthCheck: fewer machines are healthy than expected": (
        "cluster.x-k8s.io/MachineHealthCheck",
        {"status": {"expectedMachines": 3, "currentHealthy": 2, "conditions": said(RemediationAllowed="True")}},
    ),
    "MachinePool: scaling": ("cluster.x-k8s.io/MachinePool", {"status": {"phase": "Scaling"}}),
    "MedusaBackupJob, MedusaTask: finished without `observedGeneration`": (
        "medusa.k8ssandra.io/MedusaTask",
        {"status": {"finished": [{"podName": "a"}]}},
    ),
    "Microgateway policies: an ancestor says nothing of `Accepted`": (
        "microgateway.airlock.com/RateLimitPolicy",
        {"status": {"ancestors": [{"conditions": said(ResolvedRefs="True")}]}},
    ),
    "MonoVertex, Pipeline, and their rollouts: paused": (
        "numaflow.numaproj.io/Pipeline",
        {"status": {"observedGeneration": 2, "phase": "Paused"}},
    ),
    "MonoVertex, Pipeline: a part of it is being rolled out": (
        "numaflow.numaproj.io/Pipeline",
        {
            "status": {
                "observedGeneration": 2,
                "phase": "Running",
                "conditions": said(Deployed="True", DaemonServiceHealthy="False Progressing"),
            }
        },
    ),
    "NodeClaim: is taken away (`Disrupting`)": (
        "karpenter.sh/NodeClaim",
        {"status": {"conditions": said(Ready="True", Disrupting="True Expired")}},
    ),
    "OpenTelemetryCollector: none of its replicas is ready": (
        "opentelemetry.io/OpenTelemetryCollector",
        {"status": {"scale": {"statusReplicas": "0/2"}}},
    ),
    "PerconaXtraDBCluster: paused": ("pxc.percona.com/PerconaXtraDBCluster", {"status": {"state": "paused"}}),
    "PerconaXtraDBCluster: stopping": ("pxc.percona.com/PerconaXtraDBCluster", {"status": {"state": "stopping"}}),
    "PodDisruptionBudget: has neither a status nor a generation": (
        "policy/PodDisruptionBudget",
        {"metadata": {"name": "x"}},
    ),
    "Policy of Open Cluster Management: disabled": (
        "policy.open-cluster-management.io/Policy",
        {"spec": {"disabled": True}},
    ),
    "PromotionStrategy: environments are proposed different commits": (
        "promoter.argoproj.io/PromotionStrategy",
        {
            "status": {
                "conditions": said(Ready="True"),
                "environments": [PROMOTED, {**PROMOTED, "proposed": {"dry": {"sha": "b2"}}}],
            }
        },
    ),
    "Provider of Crossplane: its package is being unpacked": (
        "pkg.crossplane.io/Provider",
        {"status": {"conditions": said(Installed="False UnpackingPackage", Healthy="True HealthyPackageRevision")}},
    ),
    "Rollout of Kruise: ends or is disabled in the middle of a pause": (
        "rollouts.kruise.io/Rollout",
        {
            "status": {
                "observedGeneration": 2,
                "phase": "Disabled",
                "canaryStatus": {"currentStepState": "StepPaused"},
            }
        },
    ),
    "SpinApp: all is rolled out": (
        "core.spinkube.dev/SpinApp",
        {"spec": {"replicas": 2}, "status": {"readyReplicas": 2, "conditions": ROLLED_OUT}},
    ),
    "Subscription of OLM: an update waits for approval": (
        "operators.coreos.com/Subscription",
        {"status": {"state": "UpgradePending", "installedCSV": "a.v1", "conditions": APPROVAL}},
    ),
    "VirtualMachine: stopped, as its spec says": (
        "kubevirt.io/VirtualMachine",
        {"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopped"}},
    ),
}


def told() -> dict[str, str]:
    """Return what the page says of each case: our column, by the first."""
    section = PAGE.read_text().partition("### Where these differ")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!kind: |---)([^|]+) \| [^|]+ \| (\w+) \| [^|]+ \|$", section, re.MULTILINE)
    assert section.count("\n| ") == len(rows) + 2
    return dict(rows)


def test_the_page_and_the_cases_name_the_same() -> None:
    assert list(told()) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_our_column_is_what_the_code_says(name: str) -> None:
    (kind, given) = CASES[name]
    group, _, of = kind.rpartition("/")
    live = {"apiVersion": f"{group}/v1", "kind": of, "metadata": {"name": "x", "generation": 2}, **given}
    report = assess(live, CONTEXT)
    assert report.health.value == told()[name], report.reason
