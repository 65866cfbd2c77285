"""What an object is made into before anything is asked of the cluster."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.fakes.sync import Site, actions, config_map, deployment
from tests.harness.hands import DEPLOYMENTS, MAPS, show
from workers.sync.errors import ManifestsError
from workers.sync.requests import DryRuns
from workers.sync.results import Ending


def test_an_api_version_that_is_no_longer_served_is_explained(site: Site, kubectl: httpx.Client) -> None:
    old = {
        "apiVersion": "extensions/v1beta1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    with pytest.raises(ManifestsError, match=r"no kind Ingress in extensions/v1beta1, but in networking\.k8s\.io/v1"):
        site.sync(old, config_map())
    assert kubectl.get(f"{MAPS}/settings").status_code == 404
    assert site.sync({**old, "apiVersion": "networking.k8s.io/v1"}, config_map()).ending is Ending.SUCCEEDED


@pytest.mark.parametrize("place", ["real"], indirect=True)  # the simulator serves each kind in one version
def test_a_served_api_version_may_change_and_the_object_stays(site: Site, kubectl: httpx.Client) -> None:
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    }
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web"
    assert site.sync(scaler).ending is Ending.SUCCEEDED
    uid = show(kubectl, path)["metadata"]["uid"]
    newer = site.sync({**scaler, "apiVersion": "autoscaling/v2"})
    assert newer.ending is Ending.SUCCEEDED, newer.reason
    assert show(kubectl, path)["metadata"]["uid"] == uid
    assert len(site.journal.inventory) == 1


def test_lists_are_taken_apart_and_the_namespace_is_filled_in_where_a_kind_has_one(
    site: Site, kubectl: httpx.Client
) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": []}
    both = {"apiVersion": "v1", "kind": "List", "items": [config_map(), role]}
    assert actions(site.sync(both)) == {"ConfigMap/settings": "created", "ClusterRole/r": "created"}
    assert {str(item) for item in site.journal.inventory} == {
        "/ConfigMap:default/settings",
        "rbac.authorization.k8s.io/ClusterRole:/r",
    }
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "value"}


@pytest.mark.parametrize(
    ("faulty", "what"),
    [
        (config_map(key="other"), "/ConfigMap:default/settings is rendered twice, and differs."),
        ({**config_map("b"), "kind": ""}, "it has no kind"),
        ({**config_map("b"), "metadata": {}}, "without name"),
        ({**config_map("b"), "metadata": {"generateName": "b-"}}, "generateName"),
        ({**config_map("b"), "sops": {"mac": "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"}}, "encrypted"),
    ],
)
def test_what_is_no_object_is_refused_and_nothing_is_written(
    site: Site, kubectl: httpx.Client, faulty: dict[str, Any], what: str
) -> None:
    with pytest.raises(ManifestsError, match=re.escape(what)):
        site.sync(config_map(), faulty)
    assert kubectl.get(f"{MAPS}/settings").status_code == 404
    assert site.journal.inventory == {}


def test_what_servers_write_otherwise_is_written_so_at_once_and_never_differs(
    site: Site, kubectl: httpx.Client
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "value"}}
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "creationTimestamp": None},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
        "status": {"loadBalancer": {}},
    }
    assert site.sync(secret, service).ending is Ending.SUCCEEDED
    assert show(kubectl, "/api/v1/namespaces/default/secrets/s")["data"] == {"key": "dmFsdWU="}
    assert set(actions(site.sync(secret, service, dry_runs=DryRuns.ALL)).values()) == {"unchanged"}
    service["spec"]["ports"].pop()
    assert actions(site.sync(secret, service)) == {"Secret/s": "unchanged", "Service/s": "configured"}
    ports = show(kubectl, "/api/v1/namespaces/default/services/s")["spec"]["ports"]
    assert [port["name"] for port in ports] == ["a"]


def test_marks_are_on_the_object_and_never_in_selectors_or_templates(site: Site, kubectl: httpx.Client) -> None:
    site.sync(deployment())
    found = show(kubectl, f"{DEPLOYMENTS}/web")
    assert found["metadata"]["labels"]["flotilla.dev/placement"] == site.ref.mark("acme")
    assert found["metadata"]["annotations"]["flotilla.dev/owner"] == "acme/alpha/shop:apps/Deployment:default/web"
    assert "flotilla" not in str(found["spec"])
