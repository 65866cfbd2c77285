"""The kinds that the random sequences use: what makes an object of each valid, and what varies."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.contract.kube_api.documents import (
    GROUP,
    KindUnderTest,
    autoscaler,
    config_map,
    deployment,
    pod_template,
    secret,
    service,
    service_account,
    widget,
)

Json = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"


def stateful_set(draw: Random) -> Json:
    spec: Json = {"template": pod_template(draw)} if draw.random() < 0.8 else {}
    if draw.random() < 0.4:
        spec["replicas"] = draw.choice([0, 1, 2])
    if draw.random() < 0.1:
        spec["serviceName"] = draw.choice(["x", "y"])
    if draw.random() < 0.2:
        spec["updateStrategy"] = draw.choice([{"type": "OnDelete"}, {"rollingUpdate": {"partition": 1}}, {}])
    if draw.random() < 0.1:
        spec["podManagementPolicy"] = "Parallel"
    if draw.random() < 0.2:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": draw.choice(["1Gi", "2Gi"])}}}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    return {"spec": spec}


def daemon_set(draw: Random) -> Json:
    spec: Json = {"template": pod_template(draw)} if draw.random() < 0.8 else {}
    if draw.random() < 0.2:
        spec["updateStrategy"] = draw.choice([{"type": "OnDelete"}, {"rollingUpdate": {"maxUnavailable": "10%"}}, {}])
    if draw.random() < 0.1:
        spec["minReadySeconds"] = draw.choice([0, 3])
    return {"spec": spec}


def cron_job(draw: Random) -> Json:
    spec: Json = {"schedule": draw.choice(["* * * * *", "0 1 * * *"])} if draw.random() < 0.9 else {}
    if draw.random() < 0.3:
        spec["suspend"] = draw.choice([True, False])
    if draw.random() < 0.2:
        spec["concurrencyPolicy"] = draw.choice(["Allow", "Forbid"])
    if draw.random() < 0.5:
        template = pod_template(draw)
        template["spec"]["restartPolicy"] = draw.choice(["Never", "OnFailure"])
        spec["jobTemplate"] = {"spec": {"template": template}}
    return {"spec": spec}


def ingress(draw: Random) -> Json:
    def path(name: str) -> Json:
        backend = {"service": {"name": name, "port": draw.choice([{"number": 80}, {"name": "http"}])}}
        return {"path": f"/{name}", "pathType": draw.choice(["Prefix", "Exact"]), "backend": backend}

    spec: Json = {}
    if draw.random() < 0.8:
        names = draw.sample("ab", draw.randint(1, 2))
        spec["rules"] = [{"host": f"{h}.example.com", "http": {"paths": [path(h)]}} for h in names]
    if draw.random() < 0.3:
        spec["ingressClassName"] = draw.choice(["nginx", "other"])
    if draw.random() < 0.3:
        spec["tls"] = [{"hosts": ["a.example.com"], "secretName": "s"}]
    return {"spec": spec}


def network_policy(draw: Random) -> Json:
    spec: Json = {}
    if draw.random() < 0.6:
        spec["podSelector"] = draw.choice([{}, {"matchLabels": {"app": draw.choice("ab")}}])
    if draw.random() < 0.6:
        source = {"from": [{"podSelector": {}}], "ports": [{"port": draw.choice([80, "http"])}]}
        spec["ingress"] = draw.choice([[source], [{}]])
    if draw.random() < 0.3:
        spec["egress"] = [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    if draw.random() < 0.3:
        spec["policyTypes"] = ["Ingress"]
    return {"spec": spec}


def budget(draw: Random) -> Json:
    spec: Json = {"minAvailable": draw.choice([1, "50%"])} if draw.random() < 0.6 else {}
    if draw.random() < 0.4:
        spec["selector"] = {"matchLabels": {"app": draw.choice("ab")}}
    return {"spec": spec}


def role(draw: Random) -> Json:
    rules = [
        {"apiGroups": [""], "resources": [draw.choice(["pods", "secrets"])], "verbs": draw.sample(["get", "list"], 1)}
        for _ in range(draw.randint(1, 2))  # an empty list is answered as sent and stored as null: not simulated
    ]
    return {"rules": rules} if draw.random() < 0.9 else {}


def role_binding(draw: Random) -> Json:
    subjects = [
        {"kind": "ServiceAccount", "name": n, "namespace": "default"} for n in draw.sample("xyz", draw.randint(0, 2))
    ]
    if draw.random() < 0.3:
        subjects.append({"kind": "Group", "name": "g"})
    body: Json = {"subjects": subjects}
    if draw.random() < 0.05:
        body["roleRef"] = {"kind": "Role", "name": "other", "apiGroup": RBAC}
    return body


def claim(draw: Random) -> Json:
    spec: Json = {}
    if draw.random() < 0.1:
        spec["storageClassName"] = draw.choice(["", "fast"])
    if draw.random() < 0.1:
        spec["resources"] = {"requests": {"storage": "2048Mi"}}
    return {"spec": spec}


def _job_template() -> Json:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "c0", "image": "nginx:1"}]}}


def _claim_base() -> Json:
    return {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}


def _cron_job_base() -> Json:
    return {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _job_template()}}}}


def _deployment_base() -> Json:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c0", "image": "nginx:1"}]}}
    return {"spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template}}


def _conditions(draw: Random) -> list[Json]:
    return [{"type": t, "status": draw.choice(["True", "False"])} for t in draw.sample(["A", "B"], draw.randint(1, 2))]


KINDS: tuple[KindUnderTest, ...] = (
    KindUnderTest("v1", "ConfigMap", "configmaps", config_map, dict),
    KindUnderTest("v1", "Secret", "secrets", secret, dict),
    KindUnderTest(
        "v1",
        "Service",
        "services",
        service,
        lambda: {"spec": {"ports": [{"name": "p0", "port": 80}]}},
        status=lambda draw: {"loadBalancer": {"ingress": [{"ip": draw.choice(["192.0.2.1", "192.0.2.2"])}]}},
    ),
    KindUnderTest(
        "apps/v1",
        "Deployment",
        "deployments",
        deployment,
        _deployment_base,
        status=lambda draw: {"replicas": draw.randint(1, 3), "observedGeneration": 1},
    ),
    KindUnderTest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        autoscaler,
        lambda: {
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
        },
        status=lambda draw: {"currentReplicas": draw.randint(0, 3), "desiredReplicas": 1},
    ),
    KindUnderTest("v1", "ServiceAccount", "serviceaccounts", service_account, dict),
    KindUnderTest(
        f"{GROUP}/v1",
        "Widget",
        "widgets",
        widget,
        dict,
        status=lambda draw: {"phase": draw.choice(["On", "Off"]), "conditions": _conditions(draw)},
    ),
    KindUnderTest("apps/v1", "StatefulSet", "statefulsets", stateful_set, _deployment_base),
    KindUnderTest("apps/v1", "DaemonSet", "daemonsets", daemon_set, _deployment_base),
    KindUnderTest("batch/v1", "CronJob", "cronjobs", cron_job, _cron_job_base),
    KindUnderTest("networking.k8s.io/v1", "Ingress", "ingresses", ingress, dict),
    KindUnderTest("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", network_policy, dict),
    KindUnderTest("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", budget, dict),
    KindUnderTest(f"{RBAC}/v1", "Role", "roles", role, dict),
    KindUnderTest(
        f"{RBAC}/v1",
        "RoleBinding",
        "rolebindings",
        role_binding,
        lambda: {"roleRef": {"kind": "Role", "name": "r", "apiGroup": RBAC}},
    ),
    KindUnderTest("v1", "PersistentVolumeClaim", "persistentvolumeclaims", claim, _claim_base),
)
