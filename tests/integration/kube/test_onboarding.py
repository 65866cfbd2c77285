"""Taking a real cluster in: what the account may do, and that rotation revokes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import yaml

from common.credentials.secrets import Account, SecretProvider, SecretsForbiddenError, secret_name
from common.domain.expiry import warning
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, config_map, deployment
from tests.harness.given import Given
from workers.kube import ClusterPool
from workers.kube.client import Client
from workers.kube.credentials import Access, parse_kubeconfig
from workers.kube.onboarding import (
    Onboarding,
    Plan,
    Token,
    kubeconfig,
    plan_admin,
    plan_namespaces,
    plan_rules,
)
from workers.kube.operator import operator_access
from workers.kube.pool import OWN
from workers.sync.errors import CredentialsError, ForbiddenError
from workers.sync.requests import Phase
from workers.sync.results import Ending

TIMEOUT = timedelta(seconds=10)


@pytest.fixture
def operator(cluster: ControlPlane, tmp_path: Path) -> Access:
    return operator_access(cluster.write_kubeconfig(tmp_path / "config"))


@pytest.fixture
def onboarding(operator: Access) -> Iterator[Onboarding]:
    client = Client(operator, TIMEOUT)
    yield Onboarding(client)
    client.close()


@pytest.fixture
def live(live_cluster: ControlPlane, tmp_path: Path) -> Iterator[tuple[Access, Onboarding]]:
    """Return both on a cluster whose controllers fill the ``admin`` role."""
    operator = operator_access(live_cluster.write_kubeconfig(tmp_path / "live"))
    client = Client(operator, TIMEOUT)
    yield operator, Onboarding(client)
    client.close()


def site_of(
    operator: Access, onboarding: Onboarding, plan: Plan, needs: tuple[str, str, str, str] | None = None
) -> Site:
    onboarding.apply(plan)
    stored = orjson.dumps(kubeconfig(operator, onboarding.issue(), "alpha"))
    client = Client(parse_kubeconfig(stored, "x"), TIMEOUT)
    until = time.monotonic() + 30
    while needs and Onboarding(client).denied([needs]) and time.monotonic() < until:
        time.sleep(0.1)  # the API server learns of new bindings by and by
    client.close()
    pool = ClusterPool(Given(stored), TIMEOUT)
    connection = pool.connect("alpha", server=operator.server, credentials="clusters/alpha")
    assert connection.identity()
    return Site(connection.session("flotilla/test (run r.1)", account=OWN))


def test_an_admin_account_can_sync_anything(operator: Access, onboarding: Onboarding) -> None:
    site = site_of(operator, onboarding, plan_admin())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert site.sync(namespace, config_map(namespace="shop")).ending is Ending.SUCCEEDED


def test_an_account_of_some_namespaces_syncs_there_and_nowhere_else(live: tuple[Access, Onboarding]) -> None:
    site = site_of(*live, plan_namespaces(["default"]), needs=("patch", "apps", "deployments", "default"))
    assert site.sync(config_map(), deployment()).ending is Ending.SUCCEEDED
    assert site.sync(config_map(key="2"), deployment()).ending is Ending.SUCCEEDED
    assert site.sync(phase=Phase.REMOVE).ending is Ending.SUCCEEDED
    result = site.sync(config_map(namespace="kube-public"))
    assert (result.ending, result.error_code) == (Ending.FAILED, "cluster.forbidden")


def test_an_account_of_own_rules_has_those(operator: Access, onboarding: Onboarding) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch", "delete"]}
    site = site_of(operator, onboarding, plan_rules([rule]))
    assert site.sync(config_map()).ending is Ending.SUCCEEDED
    assert site.sync(config_map(), deployment()).error_code == "cluster.forbidden"


def test_what_is_applied_is_what_was_printed_and_applying_again_changes_nothing(onboarding: Onboarding) -> None:
    plan = plan_namespaces(["default"])
    onboarding.apply(plan)
    onboarding.apply(plan)
    kinds = [manifest["kind"] for manifest in plan.manifests]
    assert kinds == ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "RoleBinding"]
    assert plan.limits


def test_a_rotation_revokes_the_old_token(operator: Access, onboarding: Onboarding) -> None:
    onboarding.apply(plan_admin())
    old, new = onboarding.issue(), onboarding.issue()
    assert onboarding.revoke(besides=new.secret) == (old.secret,)
    until = time.monotonic() + 30
    while works(operator, old) and time.monotonic() < until:
        time.sleep(0.5)  # the API server remembers a good token for up to 10 s
    assert not works(operator, old)
    assert works(operator, new)


def works(operator: Access, token: Token) -> bool:
    client = Client(parse_kubeconfig(yaml.safe_dump(kubeconfig(operator, token, "a")).encode(), "x"), TIMEOUT)
    try:
        return client.send("GET", "/api/v1/namespaces/kube-system", {}).ok
    finally:
        client.close()


def test_a_tokens_end_is_known_and_warned_of_two_weeks_ahead(onboarding: Onboarding) -> None:
    onboarding.apply(plan_admin())
    token = onboarding.issue(valid_for=timedelta(days=30))
    now = datetime.now(UTC)
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - now <= timedelta(days=30, minutes=1)
    assert warning(token.expires_at, now=now) == ""
    assert "expire in 12 days" in warning(token.expires_at, now=token.expires_at - timedelta(days=12, hours=1))
    assert token.value not in repr(token)


def test_a_check_names_what_the_account_may_not_do(live: tuple[Access, Onboarding]) -> None:
    operator, onboarding = live
    onboarding.apply(plan_namespaces(["default"]))
    token = onboarding.issue()
    client = Client(parse_kubeconfig(orjson.dumps(kubeconfig(operator, token, "a")), "x"), TIMEOUT)
    wanted = [("patch", "apps", "deployments", "default"), ("patch", "apps", "deployments", "kube-system")]
    assert Onboarding(client).denied([*wanted, ("create", "", "namespaces", "")]) == (
        "patch deployments.apps in kube-system",
        "create namespaces",
    )
    with pytest.raises(ForbiddenError):
        Onboarding(client).apply(plan_admin())
    client.close()


def test_credentials_lie_in_secrets_too(cluster: ControlPlane, operator: Access) -> None:
    body = {"metadata": {"name": "clusters.eu-1"}, "stringData": {"kubeconfig": "text"}}
    with cluster.client() as client:
        assert client.post("/api/v1/namespaces/default/secrets", json=body).is_success
    account = Account(operator.server, operator.ca, operator.token)
    provider = SecretProvider("default", account)
    assert secret_name("clusters/eu-1") == "clusters.eu-1"
    assert provider.get("clusters/eu-1") == {"kubeconfig": b"text"}
    with pytest.raises(Exception, match="were not found"):
        provider.get("clusters/eu-2")
    nobody = SecretProvider("default", Account(operator.server, operator.ca, "nobody"))
    with pytest.raises(SecretsForbiddenError, match="answers 401"):
        nobody.get("clusters/eu-1")
    with pytest.raises(SecretsForbiddenError, match="does not run in a pod"):
        SecretProvider("default").get("clusters/eu-1")


def test_an_operators_kubeconfig_that_does_not_verify_is_refused(cluster: ControlPlane, tmp_path: Path) -> None:
    config = cluster.kubeconfig()
    config["clusters"][0]["cluster"] = {"server": cluster.server, "insecure-skip-tls-verify": True}
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(CredentialsError, match="does not verify"):
        operator_access(path)
    with pytest.raises(CredentialsError, match="cannot be used"):
        operator_access(tmp_path / "absent")
