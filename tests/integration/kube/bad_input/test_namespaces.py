"""Namespaces that do not go away, and quotas that are used up, on a real API server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.refs import PlacementRef
from tests.fakes.sync import Site, actions, config_map, details
from tests.harness.hands import MAPS, MERGE, data_in, show
from tests.harness.webhooks import in_force, tried
from workers.sync.errors import TerminatingError, UnsettledError
from workers.sync.requests import Namespace
from workers.sync.results import Ending

NAMESPACES = "/api/v1/namespaces"
QUOTAS = f"{NAMESPACES}/default/resourcequotas"
BANK = PlacementRef("alpha", "bank")
SPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}}


@pytest.fixture
def going(kubectl: httpx.Client, site: Site) -> str:
    """Return a namespace with the placement's ConfigMap ``old`` that is being deleted, and held by a finalizer."""
    metadata = {"name": "going", "finalizers": ["example.com/hold"]}
    kubectl.post(NAMESPACES, json={"metadata": metadata}).raise_for_status()
    site.sync(config_map("old", namespace="going", v="1"))
    assert kubectl.delete(f"{NAMESPACES}/going").json()["status"]["phase"] == "Terminating"
    return "going"


def let_go(kubectl: httpx.Client, namespace: str) -> None:
    """Take the finalizers off, as those who set them do in the end."""
    path = f"{NAMESPACES}/{namespace}"
    kubectl.patch(path, json={"metadata": {"finalizers": []}}, headers=MERGE).raise_for_status()
    found = show(kubectl, path)
    kubectl.put(f"{path}/finalize", json={**found, "spec": {"finalizers": []}}).raise_for_status()
    in_force(lambda: kubectl.get(path).status_code == httpx.codes.NOT_FOUND)


def test_creating_in_a_namespace_that_does_not_go_away_fails_at_once_and_says_what_to_look_at(
    site: Site, kubectl: httpx.Client, going: str
) -> None:
    kept, new = config_map("old", namespace=going, v="2"), config_map("new", namespace=going)
    with pytest.raises(TerminatingError, match=r"namespace going because it is being terminated\. See what") as caught:
        site.sync(kept, new, config_map("fine"))
    assert "configmaps/new" in caught.value.message
    assert site.clock.monotonic() == 0, "nothing waits for it"
    assert data_in(kubectl, going, "old") == {"v": "1"}
    assert kubectl.get(f"{MAPS}/fine").status_code == httpx.codes.NOT_FOUND, "nothing of the wave is written"
    assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED, "others go on"


def test_what_lies_in_a_namespace_that_does_not_go_away_is_still_kept_in_order(
    site: Site, kubectl: httpx.Client, going: str
) -> None:
    result = site.sync(config_map("old", namespace=going, v="2"), config_map("fine"))
    assert actions(result) == {"ConfigMap/old": "configured", "ConfigMap/fine": "created"}
    assert data_in(kubectl, going, "old") == {"v": "2"}


def test_a_namespace_of_ours_that_does_not_go_away_is_not_written_and_comes_back_once_it_is_gone(
    site: Site, kubectl: httpx.Client, going: str
) -> None:
    wanted = (SPACE, config_map("new", namespace=going))
    with pytest.raises(
        UnsettledError, match=r"Namespace:/going is being deleted, and waits for its finalizers: example\.com/hold\."
    ):
        site.sync(*wanted, config_map("old", namespace=going, v="1"))
    with pytest.raises(TerminatingError):
        site.sync(config_map("new", namespace=going), namespace_is=Namespace.CREATED, namespace=going)
    assert site.clock.monotonic() == 0
    let_go(kubectl, going)
    assert actions(site.sync(*wanted))["Namespace/going"] == "created"
    assert data_in(kubectl, going, "new") == {"key": "value"}


@pytest.fixture
def quota(kubectl: httpx.Client) -> str:
    """Return the name of a quota in force, of one ConfigMap more."""
    spec = {"hard": {"count/configmaps": "1"}}
    kubectl.post(QUOTAS, json={"metadata": {"name": "few"}, "spec": spec}).raise_for_status()
    # Status is a controller's to write, and there is none. Full at first, so that one sees when it is in force.
    for used, answer in (("1", httpx.codes.FORBIDDEN), ("0", httpx.codes.CREATED)):
        status = {**spec, "used": {"count/configmaps": used}}
        kubectl.patch(f"{QUOTAS}/few/status", json={"status": status}, headers=MERGE).raise_for_status()
        in_force(lambda answer=answer: tried(kubectl).status_code == answer)  # type: ignore[misc]  # bound now
    return "few"


def test_what_a_quota_refuses_is_told_with_the_quota_and_the_rest_is_written(
    site: Site, kubectl: httpx.Client, quota: str
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}
    wanted = (config_map("a"), config_map("b"), secret)
    result = site.sync(*wanted)  # each alone would do, so that the dry-runs pass
    assert (result.ending, result.error_code) == (Ending.FAILED, "cluster.forbidden")
    assert actions(result) == {"ConfigMap/a": "created", "ConfigMap/b": "failed", "Secret/login": "created"}
    said = details(result)["ConfigMap/b"]
    assert f"exceeded quota: {quota}, requested: count/configmaps=1" in said
    assert said.endswith("Raise that quota, or ask for less.")
    again = site.sync(*wanted)
    assert actions(again) == {"ConfigMap/b": "failed"}, "now the dry-run tells"
    assert kubectl.get(f"{MAPS}/a").is_success
    spec = {"hard": {"count/configmaps": "5"}}
    kubectl.patch(f"{QUOTAS}/{quota}", json={"spec": spec}, headers=MERGE).raise_for_status()
    kubectl.patch(f"{QUOTAS}/{quota}/status", json={"status": spec}, headers=MERGE).raise_for_status()
    in_force(lambda: site.sync(*wanted).ending is Ending.SUCCEEDED)
    assert kubectl.get(f"{MAPS}/b").is_success


def test_a_full_quota_does_not_let_anything_be_pruned(site: Site, kubectl: httpx.Client, quota: str) -> None:
    assert site.sync(config_map("old")).ending is Ending.SUCCEEDED, quota
    assert site.sync(config_map("new")).ending is Ending.FAILED
    assert kubectl.get(f"{MAPS}/old").is_success
