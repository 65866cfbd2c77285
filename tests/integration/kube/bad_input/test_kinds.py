"""Kinds that a cluster never serves, no longer serves, or cannot tell whether it serves, on a real API server."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.domain.errors import TransientError
from common.domain.refs import ObjectId, PlacementRef
from tests.fakes.sync import Site, actions, annotated, config_map, details
from tests.harness.hands import MAPS, gone, show
from tests.harness.webhooks import in_force
from workers.kube import discovery, pool
from workers.sync.errors import SilentGroupError
from workers.sync.objects.live import Kind
from workers.sync.ports import InventoryItem, Target
from workers.sync.requests import Phase
from workers.sync.results import Ending

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "widgets.example.com"
OBJECTS, PLACE = "/apis/example.com", "namespaces/default/widgets"
DISCOVERY = {"Accept": discovery.ACCEPT}
BANK = PlacementRef("alpha", "bank")
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def definition(kind: str = "Widget", *short: str, versions: tuple[str, ...] = ("v1",)) -> dict[str, Any]:
    """Return a CustomResourceDefinition; the last of its versions is stored."""
    plural = f"{kind.lower()}s"
    served = [{"name": each, "served": True, "storage": each == versions[-1], "schema": SCHEMA} for each in versions]
    names = {"plural": plural, "kind": kind, "shortNames": list(short)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": served},
    }


def widget(name: str = "one", *, version: str = "v1", size: int = 1) -> dict[str, Any]:
    """Return an object of that kind."""
    return {
        "apiVersion": f"example.com/{version}",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": size},
    }


def established(kubectl: httpx.Client, name: str) -> bool:
    """Return whether a definition's kind is served."""
    conditions = show(kubectl, f"{DEFINITIONS}/{name}").get("status", {}).get("conditions") or ()
    return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)


def test_a_definition_whose_names_are_taken_fails_with_the_reason_and_so_do_its_objects(
    site: Site, kubectl: httpx.Client
) -> None:
    kubectl.post(DEFINITIONS, json=definition("Gadget", "taken")).raise_for_status()
    in_force(lambda: established(kubectl, "gadgets.example.com"))
    wanted = (definition("Widget", "taken"), widget("one"), widget("two"), config_map("fine"))
    for attempt in range(2):
        before = site.clock.monotonic()
        result = site.sync(*wanted)
        assert 60 <= site.clock.monotonic() - before < 62, f"attempt {attempt} waits its minute, and no more"
        assert (result.ending, result.error_code) == (Ending.FAILED, "cluster.not-established")
        assert actions(result) == {
            f"CustomResourceDefinition/{WIDGETS}": "failed",
            "Widget/one": "failed",
            "Widget/two": "failed",
            "ConfigMap/fine": "created" if attempt == 0 else "unchanged",
        }
        for said in (details(result)[key] for key in (f"CustomResourceDefinition/{WIDGETS}", "Widget/one")):
            assert f'{WIDGETS} was not Established within 60 s: "taken" is already in use' in said
            assert "Rename" in said
    assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED, "others go on"
    kubectl.delete(f"{DEFINITIONS}/gadgets.example.com").raise_for_status()
    # A kind that was just established is at first answered with 429.
    in_force(lambda: established(kubectl, WIDGETS) and kubectl.get(f"{OBJECTS}/v1/{PLACE}").is_success)
    assert site.sync(*wanted).ending is Ending.SUCCEEDED, "once the name is free"
    assert show(kubectl, f"{OBJECTS}/v1/{PLACE}/two")["spec"] == {"size": 1}


def test_nothing_is_pruned_while_a_definition_is_not_established(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("old"))
    kubectl.post(DEFINITIONS, json=definition("Gadget", "taken")).raise_for_status()
    in_force(lambda: established(kubectl, "gadgets.example.com"))
    assert site.sync(definition("Widget", "taken")).ending is Ending.FAILED
    assert kubectl.get(f"{MAPS}/old").is_success


def test_a_definition_that_somebody_deleted_comes_back_with_its_objects(site: Site, kubectl: httpx.Client) -> None:
    wanted = (definition(), widget("one"), config_map("fine"))
    assert site.sync(*wanted).ending is Ending.SUCCEEDED
    kubectl.delete(f"{DEFINITIONS}/{WIDGETS}").raise_for_status()
    assert gone(kubectl, f"{DEFINITIONS}/{WIDGETS}")
    with suppress(TransientError):  # what the cluster served was remembered; the next attempt knows better
        site.sync(*wanted)
    assert site.sync(*wanted).ending is Ending.SUCCEEDED
    assert show(kubectl, f"{OBJECTS}/v1/{PLACE}/one")["spec"] == {"size": 1}


def test_objects_move_to_a_version_that_arrives_in_the_same_run(site: Site, kubectl: httpx.Client) -> None:
    site.sync(definition(), widget("one"))
    uid = show(kubectl, f"{OBJECTS}/v1/{PLACE}/one")["metadata"]["uid"]
    result = site.sync(definition(versions=("v1", "v2")), widget("one", version="v2", size=2))
    assert actions(result) == {f"CustomResourceDefinition/{WIDGETS}": "configured", "Widget/one": "configured"}
    found = show(kubectl, f"{OBJECTS}/v2/{PLACE}/one")
    assert (found["metadata"]["uid"], found["spec"]) == (uid, {"size": 2})


@pytest.fixture
def silent(kubectl: httpx.Client, site: Site) -> str:
    """Return an API group whose server does not answer."""
    group = "silent.example.com"
    service = {"name": "nobody", "namespace": "default"}
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100, "service": service}
    body = {"metadata": {"name": f"v1.{group}"}, "spec": {**spec, "insecureSkipTLSVerify": True}}
    kubectl.post("/apis/apiregistration.k8s.io/v1/apiservices", json=body).raise_for_status()
    in_force(lambda: group in kubectl.get("/apis", headers=DISCOVERY).text)
    site.cluster.refresh_kinds()
    return group


def test_a_silent_api_group_holds_back_its_objects_and_what_follows_them_and_nothing_else(
    site: Site, kubectl: httpx.Client, silent: str
) -> None:
    report = {"apiVersion": f"{silent}/v1", "kind": "Report", "metadata": {"name": "a"}}
    with pytest.raises(SilentGroupError, match=rf"group {silent} does not answer.*\. See its APIService"):
        site.sync(report, config_map("fine"), annotated(config_map("after"), flotilla_wave="1"))
    assert kubectl.get(f"{MAPS}/fine").is_success
    assert kubectl.get(f"{MAPS}/after").status_code == httpx.codes.NOT_FOUND
    assert {item.name for item in site.journal.inventory} == {"fine"}
    assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED


def test_one_that_falls_silent_after_discovery_is_told_by_what_the_aggregator_says(
    site: Site, kubectl: httpx.Client, silent: str
) -> None:
    reports = Kind(silent, "v1", "Report", "reports", namespaced=True)
    assert kubectl.get(f"/apis/{silent}/v1/namespaces/default/reports/a").status_code == 503
    with pytest.raises(SilentGroupError):
        site.cluster.get(Target(reports, "default", "a"))
    with pytest.raises(SilentGroupError):
        site.cluster.list_meta(reports, namespace="", selector="a")


def test_an_earlier_wave_goes_in_and_a_later_one_once_its_kind_is_served(site: Site, kubectl: httpx.Client) -> None:
    wanted = (config_map("operator"), annotated(widget("one"), flotilla_wave="1"))
    result = site.sync(*wanted)
    assert (result.ending, actions(result)) == (Ending.WAITING, {"ConfigMap/operator": "created"})
    kubectl.post(DEFINITIONS, json=definition()).raise_for_status()
    in_force(lambda: established(kubectl, WIDGETS) and kubectl.get(f"{OBJECTS}/v1/{PLACE}").is_success)
    site.cluster.refresh_kinds()
    assert site.sync(*wanted, phase=Phase.RESUME).ending is Ending.SUCCEEDED
    assert show(kubectl, f"{OBJECTS}/v1/{PLACE}/one")["spec"] == {"size": 1}


def test_nothing_of_a_silent_api_group_is_pruned_nor_forgotten_and_the_rest_is(
    site: Site, kubectl: httpx.Client, silent: str
) -> None:
    site.sync(config_map("kept"), config_map("old"))
    report = InventoryItem(ObjectId(silent, "Report", "default", "a"), "v1", uid="u")
    site.journal.inventory[report.object] = report
    for attempt in range(2):
        result = site.sync(config_map("kept"))
        assert (result.ending, result.error_code) == (Ending.FAILED, "cluster.group-silent"), attempt
        assert actions(result)["Report/a"] == "failed"
        assert "See its APIService" in details(result)["Report/a"]
        assert report.object in site.journal.inventory, "it is tried again"
    assert show(kubectl, f"{MAPS}/old")["metadata"]["deletionTimestamp"]


def test_a_silent_api_group_that_is_taken_away_is_known_to_be_gone_at_the_next_attempt(
    site: Site, kubectl: httpx.Client, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = InventoryItem(ObjectId(silent, "Report", "default", "a"), "v1", uid="u")
    site.journal.inventory[report.object] = report
    assert site.sync(config_map("kept")).ending is Ending.FAILED
    kubectl.delete(f"/apis/apiregistration.k8s.io/v1/apiservices/v1.{silent}").raise_for_status()
    in_force(lambda: silent not in kubectl.get("/apis", headers=DISCOVERY).text)
    monkeypatch.setattr(pool, "SETTLING", timedelta(0))
    assert details(site.sync(config_map("kept")))["Report/a"] == "already gone: the cluster no longer serves its kind"
    assert report.object not in site.journal.inventory
