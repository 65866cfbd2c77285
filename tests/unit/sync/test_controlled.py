"""Fields that controllers own, and what would mend a refusal: data, and what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.domain.refs import ObjectId
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, config_map, deployment, details
from workers.sync.errors import Cause, InvalidError
from workers.sync.objects.controlled import SCALERS, TABLE, left_in, scaled_by
from workers.sync.plan.remedies import new_object_helps
from workers.sync.requests import DryRuns

PAGE = Path(__file__).parents[3] / "docs/reference/controlled-fields.md"
INJECT = {"cert-manager.io/inject-ca-from": "default/web"}
CA = "Q0VSVElGSUNBVEU="


def left(kind: str, group: str, manifest: dict[str, Any]) -> dict[str, str]:
    return {one.pointer: one.sent.value for one in left_in(ObjectId(group, kind, "", "a"), manifest)}


def webhooks(*bundles: str, **annotations: str) -> dict[str, Any]:
    hooks = [{"name": f"w{number}", "clientConfig": {"caBundle": bundle}} for number, bundle in enumerate(bundles)]
    return {"metadata": {"name": "a", "annotations": annotations}, "webhooks": hooks}


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_a_ca_that_is_injected_or_blank_is_left_to_its_injector(kind: str) -> None:
    group = "admissionregistration.k8s.io"
    pointer = "/webhooks/{}/clientConfig/caBundle"
    assert left(kind, group, webhooks(CA, CA)) == {}
    assert set(left(kind, group, webhooks(CA, CA, **INJECT))) == {pointer.format(0), pointer.format(1)}
    assert left(kind, group, webhooks(CA, "", "Cg==")) == {
        pointer.format(1): "at creation",
        pointer.format(2): "at creation",
    }


def test_rules_of_an_aggregated_role_never_go_out() -> None:
    role: dict[str, Any] = {"metadata": {"name": "a"}, "rules": []}
    assert left("ClusterRole", "rbac.authorization.k8s.io", role) == {}
    role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    assert left("ClusterRole", "rbac.authorization.k8s.io", role) == {"/rules": "never"}


@pytest.mark.parametrize(
    ("kind", "manifest", "pointers"),
    [
        ("Service", {"spec": {"clusterIP": ""}}, {"/spec/clusterIP"}),
        ("Service", {"spec": {"ports": [{"port": 1, "nodePort": 0}]}}, {"/spec/ports/0/nodePort"}),
        ("Service", {"spec": {"clusterIP": "None", "ports": [{"port": 1, "nodePort": 30000}]}}, set()),
        ("PersistentVolumeClaim", {"spec": {"volumeName": ""}}, {"/spec/volumeName"}),
        ("PersistentVolumeClaim", {"spec": {"volumeName": "disk"}}, set()),
        ("PersistentVolume", {"spec": {"claimRef": {"name": "a", "uid": "u"}}}, {"/spec/claimRef/uid"}),
        ("Namespace", {"spec": {"finalizers": ["kubernetes"]}}, {"/spec/finalizers"}),
        ("Secret", {"type": "kubernetes.io/service-account-token", "data": {"token": "", "mine": ""}}, {"/data/token"}),
        ("Secret", {"type": "Opaque", "data": {"token": "eA=="}}, set()),
    ],
)  # fmt: skip
def test_what_an_export_of_a_live_object_holds_besides(kind: str, manifest: dict[str, Any], pointers: set[str]) -> None:
    assert set(left(kind, "", {"metadata": {"name": "a"}, **manifest})) == pointers


def test_what_binding_noted_on_a_claim_is_never_sent(site: Site, cluster: FakeCluster) -> None:
    """It would make a new claim one that lost its volume."""
    noted = {"pv.kubernetes.io/bind-completed": "yes", "mine": "yes"}
    spec = {"accessModes": ["ReadWriteOnce"]}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "annotations": noted}}
    assert actions(site.sync({**claim, "spec": spec})) == {"PersistentVolumeClaim/c": "created"}
    annotations = cluster.show("PersistentVolumeClaim", "c")["metadata"]["annotations"]
    assert ("pv.kubernetes.io/bind-completed" in annotations, annotations["mine"]) == (False, "yes")
    cluster.edit("PersistentVolumeClaim", "c", {"metadata": {"annotations": noted}}, manager="kube-controller-manager")
    assert actions(site.sync({**claim, "spec": spec}, dry_runs=DryRuns.ALL)) == {"PersistentVolumeClaim/c": "unchanged"}


def test_what_holds_nothing_else_goes_with_a_field_that_is_never_sent(site: Site, cluster: FakeCluster) -> None:
    """To send it empty would be to own all that controllers write in it."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}}
    site.sync(space)
    assert "spec" not in cluster.show("Namespace", "n")
    cluster.edit("Namespace", "n", {"spec": {"finalizers": ["kubernetes"]}}, manager="kube-apiserver")
    assert actions(site.sync(space, dry_runs=DryRuns.ALL)) == {"Namespace/n": "unchanged"}


def test_a_default_of_the_engine_s_own_is_not_told_where_nothing_is_left(site: Site) -> None:
    assert details(site.sync(config_map())) == {"ConfigMap/settings": ""}


@pytest.mark.parametrize(
    ("group", "kind", "spec", "target"),
    [
        ("keda.sh", "ScaledObject", {"scaleTargetRef": {"name": "web"}}, ("apps", "Deployment")),
        (
            "keda.sh",
            "ScaledObject",
            {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}},
            ("argoproj.io", "Rollout"),
        ),
        (
            "datadoghq.com",
            "DatadogPodAutoscaler",
            {"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}},
            ("apps", "StatefulSet"),
        ),
    ],
)
def test_replicas_are_left_to_any_scaler(group: str, kind: str, spec: dict[str, Any], target: tuple[str, str]) -> None:
    scaler = ObjectId(group, kind, "shop", "s")
    assert scaled_by([(scaler, {"spec": spec})]) == {ObjectId(*target, "shop", "web"): f"{kind} s"}


@pytest.mark.parametrize("spec", [None, "a", {"scaleTargetRef": "web"}, {}])
def test_a_scaler_that_names_nothing_scales_nothing(spec: Any) -> None:
    assert scaled_by([(ObjectId("keda.sh", "ScaledObject", "shop", "s"), {"spec": spec})]) == {}


def test_the_page_for_people_holds_the_whole_table() -> None:
    page = PAGE.read_text()
    for one in TABLE:
        row = f"| {one.kind[1]} | `{one.pointer}` | {one.owner} | {one.when or 'always'} | {one.sent} | {one.source} |"
        assert row in page
    for scaler in SCALERS:
        assert f"| {scaler.kind[1]} | `{scaler.kind[0]}` | `spec.{scaler.reference}` | {scaler.source} |" in page


def invalid(field: str, reason: str = "FieldValueForbidden", message: str = "no") -> InvalidError:
    return InvalidError("it is invalid", causes=[Cause(reason, field, message)])


def test_a_new_object_helps_where_only_the_live_one_has_what_is_refused() -> None:
    wanted = deployment()
    assert new_object_helps(invalid("spec.strategy.rollingUpdate"), wanted)
    assert new_object_helps(invalid("spec.selector", message="field is immutable"), wanted)
    assert not new_object_helps(invalid("spec.replicas", "FieldValueInvalid"), wanted)
    assert not new_object_helps(invalid("spec.template.spec.containers[0].image", "FieldValueInvalid"), wanted)
    assert not new_object_helps(invalid("spec.strategy.rollingUpdate", "FieldValueRequired"), wanted)
    assert not new_object_helps(InvalidError("it is invalid"), wanted)
