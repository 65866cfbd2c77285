"""What is admitted only by something of the same commit, on a real API server: it goes in with it, in one run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.controlplane.accounts import KNOWN_WITHIN
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, WallClock, actions, annotated, config_map, details
from tests.harness.given import Given
from tests.harness.hands import MAPS, MERGE
from tests.harness.webhooks import in_force
from workers.kube import ClusterPool
from workers.sync.results import Ending

RBAC = "rbac.authorization.k8s.io"
API = f"/apis/{RBAC}/v1/namespaces/default"
TEAM = "system:serviceaccount:default:deployer"
NAMESPACED = [
    {"apiGroups": [""], "resources": ["configmaps", "serviceaccounts"], "verbs": ["*"]},
    {"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": ["get", "list", "create", "patch"]},
]
"""As a namespace's administrator has it: no ``bind``, no ``escalate``."""


def named(kind: str, name: str, api: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **fields}


ACCOUNT = named("ServiceAccount", "app", "v1")
ROLE = named("Role", "app", f"{RBAC}/v1", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}])
BINDING = named(
    "RoleBinding",
    "app",
    f"{RBAC}/v1",
    roleRef={"apiGroup": RBAC, "kind": "Role", "name": "app"},
    subjects=[{"kind": "ServiceAccount", "name": "app", "namespace": "default"}],
)
POD = named("Pod", "app", "v1", spec={"serviceAccountName": "app", "containers": [{"name": "app", "image": "app:1"}]})


def pod(**spec: Any) -> dict[str, Any]:
    """Return the Pod with more in its spec."""
    return {**POD, "spec": {**POD["spec"], **spec}}


@pytest.fixture
def tenant(cluster: ControlPlane) -> Iterator[Site]:
    """Return a placement that is synced in the name of a namespace's administrator."""
    with cluster.client() as admin:
        admin.post(f"{API}/roles", json={"metadata": {"name": "deployer"}, "rules": NAMESPACED}).raise_for_status()
        subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": "default"}
        reference = {"apiGroup": RBAC, "kind": "Role", "name": "deployer"}
        binding = {"metadata": {"name": "deployer"}, "roleRef": reference, "subjects": [subject]}
        admin.post(f"{API}/rolebindings", json=binding).raise_for_status()
        attributes = {"verb": "create", "group": RBAC, "resource": "roles", "namespace": "default"}
        review = {"spec": {"user": TEAM, "resourceAttributes": attributes}}
        until = time.monotonic() + KNOWN_WITHIN
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        while not admin.post(path, json=review).json()["status"]["allowed"]:
            assert time.monotonic() < until
            time.sleep(0.05)
    pool = ClusterPool(Given.of(cluster.kubeconfig()), timedelta(seconds=10))
    connection = pool.connect(cluster.name, server=cluster.server, credentials="clusters/it")
    yield Site(connection.session("flotilla/test (run r.1)", account=TEAM), clock=WallClock())
    pool.close()


@pytest.fixture
def site(site: Site) -> Site:
    """Return the placement with time as it is: an API server needs its moment."""
    site.clock = WallClock()
    return site


def test_a_role_and_its_binding_go_in_together_in_the_name_of_one_who_may_neither_bind_nor_escalate(
    tenant: Site, kubectl: httpx.Client
) -> None:
    result = tenant.sync(ACCOUNT, ROLE, BINDING, config_map("c"))
    assert result.ending is Ending.SUCCEEDED, result.reason
    assert set(actions(result).values()) == {"created"}
    assert kubectl.get(f"{API}/rolebindings/app").is_success
    assert set(actions(tenant.sync(ACCOUNT, ROLE, BINDING, config_map("c"))).values()) == {"unchanged"}


def test_a_role_that_grants_more_than_the_account_has_is_refused_before_any_write(
    tenant: Site, kubectl: httpx.Client
) -> None:
    more = {**ROLE, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    result = tenant.sync(ACCOUNT, more, BINDING, config_map("c"))
    assert actions(result) == {"Role/app": "failed"}
    said = details(result)["Role/app"]
    assert "attempting to grant RBAC permissions not currently held" in said
    assert said.endswith("Grant the account these rights, or `escalate` on roles and `bind` on the role.")
    assert kubectl.get(f"{MAPS}/c").status_code == httpx.codes.NOT_FOUND


def test_a_binding_to_a_role_that_nobody_brings_is_refused_before_any_write(
    tenant: Site, kubectl: httpx.Client
) -> None:
    result = tenant.sync(ACCOUNT, BINDING, config_map("c"))
    assert actions(result) == {"RoleBinding/app": "failed"}
    assert details(result)["RoleBinding/app"].endswith("Create the role that its roleRef names, or correct the name.")
    assert kubectl.get(f"{MAPS}/c").status_code == httpx.codes.NOT_FOUND


def test_a_pod_goes_in_with_its_account_and_classes(site: Site, kubectl: httpx.Client) -> None:
    priority = named("PriorityClass", "high", "scheduling.k8s.io/v1", value=1000)
    runtime = named("RuntimeClass", "box", "node.k8s.io/v1", handler="box")
    wanted = (pod(priorityClassName="high", runtimeClassName="box"), ACCOUNT, priority, runtime)
    result = site.sync(*wanted)
    assert result.ending is Ending.SUCCEEDED, result.reason
    found = kubectl.get("/api/v1/namespaces/default/pods/app").raise_for_status().json()
    assert found["spec"]["priority"] == 1000


def test_a_pod_whose_class_nobody_brings_is_refused_before_any_write_and_told_what_to_do(
    site: Site, kubectl: httpx.Client
) -> None:
    result = site.sync(pod(priorityClassName="hihg"), ACCOUNT, named("PriorityClass", "high", "scheduling.k8s.io/v1"))
    said = details(result)["Pod/app"]
    assert "no PriorityClass with name hihg was found" in said
    assert kubectl.get("/api/v1/namespaces/default/serviceaccounts/app").status_code in {200, 404}
    assert said.endswith("Create what it names, or correct the name.")


def test_what_a_quota_refuses_goes_in_with_the_quota_that_is_raised_or_fails_then(
    site: Site, kubectl: httpx.Client
) -> None:
    def quota(most: str) -> dict[str, Any]:
        return named("ResourceQuota", "few", "v1", spec={"hard": {"count/configmaps": most}})

    def counted(most: str) -> None:
        status = {"hard": {"count/configmaps": most}, "used": {"count/configmaps": "1"}}
        path = "/api/v1/namespaces/default/resourcequotas/few/status"
        kubectl.patch(path, json={"status": status}, headers=MERGE).raise_for_status()

    def refused() -> bool:
        dry = {"dryRun": "All"}
        return kubectl.post(MAPS, params=dry, json=config_map("probe")).status_code == httpx.codes.FORBIDDEN

    site.sync(quota("1"))
    counted("1")  # a controller's to write, and there is none
    in_force(refused)
    result = site.sync(quota("2"), config_map("a"))
    assert actions(result) == {"ResourceQuota/few": "configured", "ConfigMap/a": "failed"}
    assert "exceeded quota: few" in details(result)["ConfigMap/a"]
    counted("2")
    in_force(lambda: not refused())
    assert site.sync(quota("2"), config_map("a")).ending is Ending.SUCCEEDED


def test_what_a_policy_of_an_earlier_wave_refuses_until_it_is_changed_goes_in(
    site: Site, kubectl: httpx.Client
) -> None:
    api = "admissionregistration.k8s.io/v1"

    def policy(expression: str) -> dict[str, Any]:
        rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"]}
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": "not here"}],
        }
        return annotated(named("ValidatingAdmissionPolicy", "never", api, spec=spec), flotilla_wave="-1")

    bound = {"policyName": "never", "validationActions": ["Deny"]}
    binding = annotated(named("ValidatingAdmissionPolicyBinding", "never", api, spec=bound), flotilla_wave="-1")
    secret = named("Secret", "login", "v1")
    site.sync(policy("false"), binding)
    path, dry = "/api/v1/namespaces/default/secrets", {"dryRun": "All"}
    in_force(lambda: kubectl.post(path, params=dry, json=secret).is_error)
    result = site.sync(policy("true"), binding, secret)
    assert result.ending is Ending.SUCCEEDED, result.reason
