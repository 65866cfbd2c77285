"""What the simulated controllers do by themselves, and when."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from simulator import api
from tests.harness.simulated import READY_AFTER, Hand, deployment

Json = dict[str, Any]
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
JUST_BEFORE = READY_AFTER - timedelta(milliseconds=1)


def _condition(document: Json, kind: str) -> Json:
    found: Json = next(each for each in document["status"]["conditions"] if each["type"] == kind)
    return found


def test_a_deployment_becomes_ready_after_the_delay_and_not_before() -> None:
    hand = Hand()
    hand.apply(WEB, deployment(replicas=2))
    hand.wait(JUST_BEFORE)
    assert "readyReplicas" not in hand.get(WEB)[1]["status"]
    hand.wait(timedelta(milliseconds=1))
    shown = hand.get(WEB)[1]
    assert (shown["status"]["readyReplicas"], shown["status"]["observedGeneration"]) == (2, 1)
    assert _condition(shown, "Available")["status"] == "True"


def test_a_changed_deployment_is_observed_anew() -> None:
    hand = Hand()
    hand.apply(WEB, deployment())
    hand.wait()
    changed = hand.apply(WEB, deployment(replicas=3))[1]
    assert (changed["metadata"]["generation"], changed["status"]["observedGeneration"]) == (2, 1)
    hand.wait()
    assert hand.get(WEB)[1]["status"]["observedGeneration"] == 2


def test_a_broken_image_never_becomes_ready() -> None:
    hand = Hand()
    hand.apply(WEB, deployment(image="shop:broken"))
    hand.wait(timedelta(hours=1))
    shown = hand.get(WEB)[1]
    assert _condition(shown, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert "readyReplicas" not in shown["status"]


def test_the_status_belongs_to_the_controllers_manager() -> None:
    hand = Hand()
    hand.apply(WEB, deployment())
    hand.wait()
    entries = {entry["manager"]: entry for entry in hand.get(WEB)[1]["metadata"]["managedFields"]}
    assert entries["kube-controller-manager"]["subresource"] == "status"
    assert "f:status" not in entries["one"]["fieldsV1"]


def test_applying_again_keeps_the_resource_version_once_settled() -> None:
    hand = Hand()
    hand.apply(WEB, deployment())
    hand.wait()
    version = hand.get(WEB)[1]["metadata"]["resourceVersion"]
    assert hand.apply(WEB, deployment())[1]["metadata"]["resourceVersion"] == version


def test_without_controllers_nothing_becomes_ready() -> None:
    hand = Hand(ready_after=None)
    hand.apply(WEB, deployment())
    hand.wait(timedelta(days=1))
    assert hand.get(WEB)[1]["status"] == {}


POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "a:1"}]}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


@pytest.mark.parametrize(
    ("path", "kind", "spec", "wanted"),
    [
        ("/apis/batch/v1/namespaces/default/jobs", "batch/v1 Job", {"template": {"spec": POD}}, {"succeeded": 1}),
        ("/api/v1/namespaces/default/pods", "v1 Pod", POD, {"phase": "Running"}),
        ("/api/v1/namespaces/default/persistentvolumeclaims", "v1 PersistentVolumeClaim", CLAIM, {"phase": "Bound"}),
        (
            "/api/v1/namespaces/default/services",
            "v1 Service",
            {"type": "LoadBalancer", "ports": [{"port": 80}]},
            {"loadBalancer": {"ingress": [{"ip": "203.0.113.10", "ipMode": "VIP"}]}},
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            "apps/v1 StatefulSet",
            deployment()["spec"],
            {"readyReplicas": 1},
        ),
        ("/apis/apps/v1/namespaces/default/daemonsets", "apps/v1 DaemonSet", deployment()["spec"], {"numberReady": 1}),
        (
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            "autoscaling/v2 HorizontalPodAutoscaler",
            {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            {"currentReplicas": 1},
        ),
    ],
)
def test_other_kinds_settle_too(path: str, kind: str, spec: Json, wanted: Json) -> None:
    hand = Hand()
    version, name = kind.split()
    body = {"apiVersion": version, "kind": name, "metadata": {"name": "x"}, "spec": spec}
    assert hand.apply(f"{path}/x", body)[0] == 201
    hand.wait()
    status = hand.get(f"{path}/x")[1]["status"]
    assert {name: status.get(name) for name in wanted} == wanted


def test_a_deleted_namespace_is_emptied_and_goes() -> None:
    hand = Hand()
    hand.call("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    hand.call("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "a"}})
    assert hand.call("DELETE", "/api/v1/namespaces/shop")[1]["status"]["phase"] == "Terminating"
    code, refused = hand.call("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "b"}})
    assert (code, refused["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    hand.wait()
    assert hand.get("/api/v1/namespaces/shop")[0] == 404
    assert hand.get("/api/v1/configmaps")[1]["items"] == []


def test_foreground_deletion_takes_dependents_and_then_the_owner() -> None:
    hand = Hand()
    maps = "/api/v1/namespaces/default/configmaps"
    owner = hand.call("POST", maps, {"metadata": {"name": "owner"}})[1]["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    hand.call("POST", maps, {"metadata": {"name": "child", "ownerReferences": [reference]}})
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
    leaving = hand.call("DELETE", f"{maps}/owner", options)[1]
    assert leaving["metadata"]["finalizers"] == ["foregroundDeletion"]
    hand.wait()
    assert hand.get(maps)[1]["items"] == []


def test_orphaned_dependents_stay() -> None:
    hand = Hand()
    maps = "/api/v1/namespaces/default/configmaps"
    owner = hand.call("POST", maps, {"metadata": {"name": "owner"}})[1]["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    hand.call("POST", maps, {"metadata": {"name": "child", "ownerReferences": [reference]}})
    hand.call("DELETE", f"{maps}/owner", {"propagationPolicy": "Orphan"})
    hand.wait()
    assert [item["metadata"]["name"] for item in hand.get(maps)[1]["items"]] == ["child"]


def test_a_service_account_token_lives_as_long_as_its_secret() -> None:
    hand = Hand()
    hand.call("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "deployer"}})
    annotations = {"kubernetes.io/service-account.name": "deployer"}
    body = {"metadata": {"name": "t", "annotations": annotations}, "type": "kubernetes.io/service-account-token"}
    hand.call("POST", "/api/v1/namespaces/default/secrets", body)
    data = hand.get("/api/v1/namespaces/default/secrets/t")[1]["data"]
    token = base64.b64decode(data["token"]).decode()
    assert base64.b64decode(data["ca.crt"]) == b"CA"
    assert hand.cluster.accepts(token)
    hand.call("DELETE", "/api/v1/namespaces/default/secrets/t")
    assert not hand.cluster.accepts(token)


def test_a_changed_identity_is_another_uid_of_kube_system() -> None:
    hand = Hand()
    before = hand.get("/api/v1/namespaces/kube-system")[1]["metadata"]["uid"]
    api.change_identity(hand.cluster)
    assert hand.get("/api/v1/namespaces/kube-system")[1]["metadata"]["uid"] != before


def test_scaling_goes_through_the_scale_subresource() -> None:
    hand = Hand()
    hand.apply(WEB, deployment())
    body = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
    assert hand.call("PUT", f"{WEB}/scale", body)[1]["spec"] == {"replicas": 4}
    assert hand.get(WEB)[1]["spec"]["replicas"] == 4
