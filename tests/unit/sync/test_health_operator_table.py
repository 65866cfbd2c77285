"""The table of operators' kinds, line by line: what each operator writes when it is well, when not, and on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.health import Health
from workers.sync.health import Context, assess
from workers.sync.health.operators import OPERATORS, rule_for

CONTEXT = Context(now=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
H, S, P, D = Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.DEGRADED
Status = dict[str, Any]


def said(**conditions: str) -> Status:
    """Return a status with conditions: ``Ready="True"``, or with a reason, ``Ready="False CreateFailed"``."""
    split = {name: said.partition(" ") for name, said in conditions.items()}
    return {
        "conditions": [
            {"type": name.replace("__", "."), "status": status, "reason": reason, "message": ""}
            for name, (status, _, reason) in split.items()
        ]
    }


def word(path: str, value: str) -> Status:
    """Return a status with one word at a path."""
    names = path.split(".")
    found: Any = value
    for name in reversed(names):
        found = {name: found}
    return dict(found)


def parents(**conditions: str) -> Status:
    return {"parents": [{"parentRef": {"name": "gate"}, **said(**conditions)}]}


READY = said(Ready="True")
NOT_READY = said(Ready="False SomeReason")
UNKNOWN = said(Ready="Unknown")
FAILING = said(Ready="False CreateFailed")
PLAIN = (READY, NOT_READY, UNKNOWN)
"""The most common way to speak: ``Ready``, and False is bad."""
PATIENT = (READY, FAILING, NOT_READY)
"""``Ready`` too, and False is bad only for a reason that no waiting cures."""

GREEN = (word("health", "green"), word("health", "red"), word("health", "yellow"))
TABLE: dict[str, tuple[Status, Status | None, Status]] = {
    "acid.zalan.do/postgresql": (
        word("PostgresClusterStatus", "Running"),
        word("PostgresClusterStatus", "SyncFailed"),
        word("PostgresClusterStatus", "Creating"),
    ),
    "acme.cert-manager.io/Order": (word("state", "valid"), word("state", "errored"), word("state", "pending")),
    "agent.k8s.elastic.co/Agent": GREEN,
    "apiextensions.crossplane.io/CompositeResourceDefinition": (
        said(Established="True WatchingCompositeResource", Offered="True"),
        said(Established="False TerminatingCompositeResource"),
        said(Established="Unknown"),
    ),
    "apm.k8s.elastic.co/ApmServer": GREEN,
    "argoproj.io/AnalysisRun": (word("phase", "Successful"), word("phase", "Inconclusive"), word("phase", "Running")),
    "argoproj.io/Application": (
        word("health.status", "Healthy"),
        word("health.status", "Missing"),
        word("health.status", "Progressing"),
    ),
    "argoproj.io/ApplicationSet": (
        said(ErrorOccurred="False ApplicationSetUpToDate", ResourcesUpToDate="True ApplicationSetUpToDate"),
        said(
            ErrorOccurred="True ApplicationGenerationFromParamsError",
            RolloutProgressing="True ApplicationSetModified",
        ),
        said(RolloutProgressing="True ApplicationSetModified", ResourcesUpToDate="True ApplicationSetUpToDate"),
    ),
    "argoproj.io/CronWorkflow": (
        {},
        said(SubmissionError="True"),
        {"observedGeneration": 1, **said(SubmissionError="False")},
    ),
    "argoproj.io/Rollout": (
        {"observedGeneration": "2", **word("phase", "Healthy")},
        {"observedGeneration": "2", **word("phase", "Degraded")},
        {"observedGeneration": "1", **word("phase", "Healthy")},
    ),
    "argoproj.io/Workflow": (word("phase", "Succeeded"), word("phase", "Error"), word("phase", "Running")),
    "beat.k8s.elastic.co/Beat": GREEN,
    "bitnami.com/SealedSecret": (
        said(Synced="True"),
        said(Synced="False"),
        {"observedGeneration": 1, **said(Synced="True")},
    ),
    "cdi.kubevirt.io/DataVolume": (
        word("phase", "Succeeded"),
        word("phase", "Failed"),
        word("phase", "ImportInProgress"),
    ),
    "ceph.rook.io/CephBlockPool": (word("phase", "Ready"), word("phase", "Failure"), word("phase", "Progressing")),
    "ceph.rook.io/CephCluster": (word("state", "Created"), word("state", "Error"), word("state", "Creating")),
    "cert-manager.io/Certificate": (
        READY,
        said(Ready="False DoesNotExist", Issuing="False Failed"),
        said(Ready="False DoesNotExist", Issuing="True DoesNotExist"),
    ),
    "cert-manager.io/CertificateRequest": (
        said(Approved="True", Ready="True Issued"),
        said(Denied="True PolicyDenied", Ready="False Denied"),
        said(Approved="True", Ready="False Pending"),
    ),
    "cert-manager.io/Issuer": (
        said(Ready="True ACMEAccountRegistered"),
        said(Ready="False ErrRegisterACMEAccount"),
        {},
    ),
    "clickhouse.altinity.com/ClickHouseInstallation": (
        word("status", "Completed"),
        word("status", "Aborted"),
        word("status", "InProgress"),
    ),
    "cluster.x-k8s.io/Cluster": (word("phase", "Provisioned"), word("phase", "Failed"), word("phase", "Provisioning")),
    "cluster.x-k8s.io/Machine": (word("phase", "Running"), word("phase", "Failed"), word("phase", "Provisioned")),
    "cluster.x-k8s.io/MachineDeployment": (
        word("phase", "Running"),
        word("phase", "Failed"),
        word("phase", "ScalingUp"),
    ),
    "elasticsearch.k8s.elastic.co/Elasticsearch": (
        word("health", "yellow"),
        word("health", "red"),
        word("health", "unknown"),
    ),
    "eventing.knative.dev/Broker": PLAIN,
    "external-secrets.io/ExternalSecret": (said(Ready="True SecretSynced"), said(Ready="False SecretSyncedError"), {}),
    "flagger.app/Canary": (word("phase", "Succeeded"), word("phase", "Failed"), word("phase", "Progressing")),
    "flink.apache.org/FlinkDeployment": (
        word("lifecycleState", "STABLE"),
        word("lifecycleState", "ROLLED_BACK"),
        word("lifecycleState", "DEPLOYED"),
    ),
    "fluxcd.controlplane.io/FluxInstance": (
        said(Ready="True ReconciliationSucceeded"),
        said(Ready="False BuildFailed"),
        said(Ready="Unknown Progressing", Reconciling="True Progressing"),
    ),
    "gateway.networking.k8s.io/Gateway": (
        said(Accepted="True", Programmed="True"),
        said(Accepted="False Invalid", Programmed="False Invalid"),
        said(Accepted="True", Programmed="False Pending"),
    ),
    "gateway.networking.k8s.io/GatewayClass": (
        said(Accepted="True Accepted"),
        said(Accepted="False InvalidParameters"),
        said(Accepted="Unknown Pending"),
    ),
    "gateway.networking.k8s.io/HTTPRoute": (
        parents(Accepted="True Accepted", ResolvedRefs="True ResolvedRefs"),
        parents(Accepted="True Accepted", ResolvedRefs="False BackendNotFound"),
        {},
    ),
    "helm.toolkit.fluxcd.io/HelmRelease": (
        said(Ready="True UpgradeSucceeded", Released="True"),
        said(Ready="False UpgradeFailed", Released="False"),
        said(Ready="Unknown Progressing", Reconciling="True Progressing"),
    ),
    "image.toolkit.fluxcd.io/ImageRepository": (
        said(Ready="True Succeeded"),
        said(Ready="False ReadOperationFailed"),
        {},
    ),
    "install.istio.io/IstioOperator": (
        word("status", "HEALTHY"),
        word("status", "ERROR"),
        word("status", "RECONCILING"),
    ),
    "jobset.x-k8s.io/JobSet": (said(Completed="True AllJobsCompleted"), said(Failed="True FailedJobs"), {}),
    "k8s.keycloak.org/Keycloak": (
        said(Ready="True", HasErrors="False"),
        said(Ready="False", HasErrors="True"),
        said(Ready="False", HasErrors="False"),
    ),
    "k8s.keycloak.org/KeycloakRealmImport": (
        said(Done="True", Started="False", HasErrors="False"),
        said(Done="False", Started="False", HasErrors="True"),
        said(Done="False", Started="True", HasErrors="False"),
    ),
    "k8s.mariadb.com/MariaDB": (
        said(Ready="True StatefulSetReady"),
        said(Ready="False Failed"),
        said(Ready="False StatefulSetNotReady"),
    ),
    "kafka.strimzi.io/Kafka": (
        READY,
        said(NotReady="True InvalidResourceException"),
        said(NotReady="True Creating"),
    ),
    "kafka.strimzi.io/KafkaRebalance": (READY, said(NotReady="True"), said(PendingProposal="True")),
    "karpenter.k8s.aws/EC2NodeClass": (READY, said(Ready="False SubnetsNotFound"), UNKNOWN),
    "karpenter.sh/NodePool": (said(Ready="True Ready"), None, said(Ready="False NodeClassNotReady")),
    "keda.sh/ScaledObject": (
        said(Ready="True ScaledObjectReady", Active="False ScalerNotActive"),
        said(Ready="False ScaledObjectCheckFailed"),
        said(Running="True Running"),
    ),
    "kibana.k8s.elastic.co/Kibana": GREEN,
    "kubeflow.org/PyTorchJob": (
        said(Created="True", Running="False", Succeeded="True PyTorchJobSucceeded"),
        said(Created="True", Running="False", Failed="True PyTorchJobFailed"),
        said(Created="True", Running="True PyTorchJobRunning"),
    ),
    "kubevirt.io/VirtualMachine": (
        word("printableStatus", "Running"),
        word("printableStatus", "ErrorUnschedulable"),
        word("printableStatus", "Starting"),
    ),
    "kustomize.toolkit.fluxcd.io/Kustomization": (
        said(Ready="True ReconciliationSucceeded"),
        said(Ready="False HealthCheckFailed"),
        said(Ready="Unknown Progressing", Reconciling="True Progressing"),
    ),
    "kyverno.io/ClusterPolicy": (READY, FAILING, NOT_READY),
    "logstash.k8s.elastic.co/Logstash": GREEN,
    "messaging.knative.dev/Channel": PLAIN,
    "mongodbcommunity.mongodb.com/MongoDBCommunity": (
        word("phase", "Running"),
        word("phase", "Failed"),
        word("phase", "Pending"),
    ),
    "monitoring.coreos.com/Prometheus": (
        said(Available="True", Reconciled="True"),
        said(Available="True", Reconciled="False ReconciliationFailed"),
        said(Available="Degraded SomePodsNotReady", Reconciled="True"),
    ),
    "networking.istio.io/VirtualService": (
        {},
        said(Reconciled="False ValidationError"),
        said(Reconciled="False"),
    ),
    "notification.toolkit.fluxcd.io/Receiver": (
        said(Ready="True Succeeded"),
        said(Ready="False TokenNotFound"),
        said(Ready="False ProgressingWithRetry", Reconciling="True ProgressingWithRetry"),
    ),
    "operator.knative.dev/KnativeServing": PATIENT,
    "operator.tigera.io/Installation": (
        said(Ready="True AllObjectsAvailable", Degraded="False", Progressing="False"),
        said(Ready="False", Degraded="True ResourceCreateError", Progressing="True"),
        said(Ready="False", Degraded="False", Progressing="True ResourceNotReady"),
    ),
    "operator.victoriametrics.com/VMAgent": (
        word("updateStatus", "operational"),
        word("updateStatus", "failed"),
        word("updateStatus", "expanding"),
    ),
    "operators.coreos.com/ClusterServiceVersion": (
        word("phase", "Succeeded"),
        word("phase", "Failed"),
        word("phase", "InstallReady"),
    ),
    "operators.coreos.com/InstallPlan": (
        word("phase", "Complete"),
        word("phase", "Failed"),
        word("phase", "Installing"),
    ),
    "operators.coreos.com/Subscription": (
        word("state", "AtLatestKnown"),
        word("state", "UpgradeFailed"),
        word("state", "UpgradePending"),
    ),
    "pkg.crossplane.io/Provider": (
        said(Installed="True ActivePackageRevision", Healthy="True HealthyPackageRevision"),
        None,
        said(Installed="True ActivePackageRevision", Healthy="Unknown UnknownPackageRevisionHealth"),
    ),
    "postgresql.cnpg.io/Backup": (word("phase", "completed"), word("phase", "failed"), word("phase", "started")),
    "postgresql.cnpg.io/Cluster": (
        {"phase": "Cluster in healthy state", **said(Ready="True ClusterIsReady")},
        {
            "phase": "Cluster is unrecoverable and needs manual intervention",
            **said(Ready="False ClusterIsNotReady"),
        },
        {"phase": "Setting up primary", **said(Ready="False ClusterIsNotReady")},
    ),
    "postgresql.cnpg.io/ScheduledBackup": ({}, None, {"observedGeneration": 1}),
    "projectcontour.io/HTTPProxy": (word("currentStatus", "valid"), word("currentStatus", "invalid"), {}),
    "psmdb.percona.com/PerconaServerMongoDB": (
        word("state", "ready"),
        word("state", "error"),
        word("state", "initializing"),
    ),
    "pxc.percona.com/PerconaXtraDBCluster": (
        word("state", "ready"),
        {"state": "error", "message": ["no such image"]},
        word("state", "initializing"),
    ),
    "rabbitmq.com/Queue": (said(Ready="True SuccessfulCreateOrUpdate"), said(Ready="False FailedCreateOrUpdate"), {}),
    "rabbitmq.com/RabbitmqCluster": (
        said(AllReplicasReady="True AllPodsAreReady", ReconcileSuccess="True Success"),
        said(AllReplicasReady="True AllPodsAreReady", ReconcileSuccess="False Error"),
        said(AllReplicasReady="False NotAllPodsReady", ReconcileSuccess="True Success"),
    ),
    "ray.io/RayCluster": (word("state", "ready"), word("state", "failed"), {}),
    "ray.io/RayJob": (
        word("jobDeploymentStatus", "Complete"),
        word("jobDeploymentStatus", "Failed"),
        word("jobDeploymentStatus", "Running"),
    ),
    "sailoperator.io/Istio": (
        said(Reconciled="True", Ready="True"),
        said(Reconciled="False ReconcileError", Ready="Unknown"),
        said(Reconciled="True", Ready="False IstiodNotReady"),
    ),
    "serving.knative.dev/Service": (READY, said(Ready="False RevisionFailed"), said(Ready="Unknown Deploying")),
    "serving.kserve.io/InferenceService": PATIENT,
    "source.toolkit.fluxcd.io/GitRepository": (
        said(Ready="True Succeeded"),
        said(Ready="False GitOperationFailed"),
        said(Ready="False GitOperationFailed", Reconciling="True ProgressingWithRetry"),
    ),
    "sources.knative.dev/ApiServerSource": PLAIN,
    "sparkoperator.k8s.io/ScheduledSparkApplication": (
        word("scheduleState", "Scheduled"),
        word("scheduleState", "FailedValidation"),
        word("scheduleState", "Validating"),
    ),
    "sparkoperator.k8s.io/SparkApplication": (
        word("applicationState.state", "RUNNING"),
        word("applicationState.state", "SUBMISSION_FAILED"),
        word("applicationState.state", "SUBMITTED"),
    ),
    "tekton.dev/PipelineRun": (
        said(Succeeded="True Succeeded"),
        said(Succeeded="False Failed"),
        said(Succeeded="Unknown Running"),
    ),
    "trust.cert-manager.io/Bundle": (said(Synced="True Synced"), said(Synced="False SourceNotFound"), {}),
    "velero.io/Backup": (word("phase", "Completed"), word("phase", "PartiallyFailed"), word("phase", "InProgress")),
    "velero.io/BackupStorageLocation": (word("phase", "Available"), word("phase", "Unavailable"), {}),
    "velero.io/Schedule": (word("phase", "Enabled"), word("phase", "FailedValidation"), word("phase", "New")),
    "*.crossplane.io/*": (
        said(Synced="True ReconcileSuccess", Ready="True Available"),
        said(Synced="False ReconcileError", Ready="False Creating"),
        said(Synced="True ReconcileSuccess", Ready="False Creating"),
    ),
    "*.services.k8s.aws/*": (
        said(ACK__ResourceSynced="True"),
        said(ACK__ResourceSynced="True", ACK__Terminal="True"),
        said(ACK__ResourceSynced="False"),
    ),
    "*.upbound.io/*": (
        said(Synced="True ReconcileSuccess", Ready="True Available", LastAsyncOperation="True Success"),
        said(Synced="False ReconcileError"),
        said(Synced="True ReconcileSuccess", Ready="False Creating"),
    ),
}
CASES = [
    (kind, status, health)
    for kind, row in TABLE.items()
    for status, health in zip(row, (H, D, P), strict=True)
    if status is not None
]


def live(named: str, status: Status, spec: Status | None = None) -> dict[str, Any]:
    group, _, kind = named.rpartition("/")
    group, kind = group.replace("*", "s3"), kind.replace("*", "Bucket")
    whole = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "x", "generation": 2}}
    return {**whole, "spec": spec or {}, "status": status}


@pytest.mark.parametrize(("kind", "status", "health"), CASES, ids=[f"{kind}-{health}" for kind, _, health in CASES])
def test_a_status_is_read_as_its_operator_means_it(kind: str, status: Status, health: Health) -> None:
    report = assess(live(kind, status), CONTEXT)
    assert report.health is health, report.reason


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("argoproj.io/Rollout", word("phase", "Paused")),
        ("cdi.kubevirt.io/DataVolume", word("phase", "Paused")),
        ("flink.apache.org/FlinkDeployment", word("lifecycleState", "SUSPENDED")),
        ("jobset.x-k8s.io/JobSet", said(Suspended="True")),
        ("kafka.strimzi.io/Kafka", said(ReconciliationPaused="True")),
        ("kafka.strimzi.io/KafkaRebalance", said(ProposalReady="True")),
        ("keda.sh/ScaledObject", said(Ready="True", Paused="True ScaledObjectPaused")),
        ("kubeflow.org/PyTorchJob", said(Suspended="True")),
        ("kubevirt.io/VirtualMachine", word("printableStatus", "Stopped")),
        ("operator.victoriametrics.com/VMAgent", word("updateStatus", "paused")),
        ("operators.coreos.com/InstallPlan", word("phase", "RequiresApproval")),
        ("pxc.percona.com/PerconaXtraDBCluster", word("state", "paused")),
        ("ray.io/RayJob", word("jobDeploymentStatus", "Suspended")),
    ],
)
def test_what_was_stopped_on_purpose_is_suspended(kind: str, status: Status) -> None:
    assert assess(live(kind, status), CONTEXT).health is S


@pytest.mark.parametrize("kind", ["argoproj.io/CronWorkflow", "image.toolkit.fluxcd.io/ImageRepository"])
def test_what_its_spec_suspends_is_suspended(kind: str) -> None:
    assert assess(live(kind, {}, {"suspend": True}), CONTEXT).health is S


def test_every_line_of_the_table_is_tried() -> None:
    assert sorted({f"{rule.group}/{rule.kinds[0]}" for rule in OPERATORS.values()}) == sorted(TABLE)


def test_a_kind_of_its_own_wins_over_the_family_of_its_group() -> None:
    own, family = rule_for("pkg.crossplane.io", "Provider"), rule_for("pkg.crossplane.io", "ProviderRevision")
    assert own is not None
    assert family is not None
    assert (own.group, family.group) == ("pkg.crossplane.io", "*.crossplane.io")
    assert rule_for("crossplane.io", "Provider") is None


def test_a_configuration_without_conditions_is_well() -> None:
    assert assess(live("*.crossplane.io/*", {"users": 3}), CONTEXT).health is H
