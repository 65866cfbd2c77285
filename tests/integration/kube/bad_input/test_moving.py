"""Objects that others change between the dry-run and the write, on a real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.domain.fleet import AdoptPolicy, SyncSettings
from common.domain.refs import PlacementRef
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from tests.harness.hands import MAPS, Busy, edit, show
from workers.sync.errors import UnsettledError
from workers.sync.ports import Target
from workers.sync.results import Ending

BANK = PlacementRef("alpha", "bank")
Meanwhile = Callable[[], Any]


def between(site: Site, meanwhile: Meanwhile, name: str = "settings", times: int = 1) -> list[str]:
    """Have something done before each of the next real writes of an object; return the list that grows by each."""
    real = site.cluster
    done: list[str] = []

    def interfere(target: Target, *_: Any) -> None:
        if target.name == name and len(done) < times:
            done.append(target.name)
            meanwhile()

    site.cluster = Busy(real, interfere)
    return done


def test_a_field_of_ours_that_is_edited_in_between_is_judged_anew_and_reclaimed(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map(key="1"))
    done = between(site, lambda: edit(kubectl, f"{MAPS}/settings", {"data": {"key": "theirs"}}))
    result = site.sync(config_map(key="2"), config_map("other"))
    assert (len(done), actions(result)) == (1, {"ConfigMap/settings": "configured", "ConfigMap/other": "created"})
    assert details(result)["ConfigMap/settings"] == "reclaimed from kubectl-edit"
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "2"}


def test_a_field_that_others_take_in_between_is_a_conflict_and_the_rest_is_written(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map(key="1"))
    between(site, lambda: edit(kubectl, f"{MAPS}/settings", {"data": {"other": "theirs"}}, "operator"))
    result = site.sync(config_map(key="1", other="ours"), config_map("fine"), config_map("last"))
    assert result.ending is Ending.FAILED
    assert actions(result) == {
        "ConfigMap/settings": "conflict",
        "ConfigMap/fine": "created",
        "ConfigMap/last": "created",
    }
    said = details(result)["ConfigMap/settings"]
    assert said.startswith("field .data.other is owned by 'operator'; remove it from the manifest, or set")
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "1", "other": "theirs"}


def test_one_that_is_edited_without_end_is_given_up_after_five_judgements_and_nothing_is_lost(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map(key="1"), config_map("old"))
    count = iter(range(100))
    done = between(
        site, lambda: edit(kubectl, f"{MAPS}/settings", {"data": {"theirs": f"{next(count)}"}}, "operator"), times=100
    )
    with pytest.raises(
        UnsettledError, match=r"default/settings kept changing while it was written\. See why 'operator' writes"
    ):
        site.sync(config_map(key="2"), config_map("fine"))
    assert len(done) == 5
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "1", "theirs": "4"}
    assert "deletionTimestamp" not in show(kubectl, f"{MAPS}/old")["metadata"], "nothing is pruned"
    assert Site(site.cluster, BANK).sync(config_map("bank")).ending is Ending.SUCCEEDED, "others go on"


def test_one_that_is_deleted_in_between_is_made_anew(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map(key="1"))
    done = between(site, lambda: kubectl.delete(f"{MAPS}/settings").raise_for_status())
    assert actions(site.sync(config_map(key="2"))) == {"ConfigMap/settings": "created"}
    assert (len(done), show(kubectl, f"{MAPS}/settings")["data"]) == (1, {"key": "2"})


@pytest.mark.parametrize("adopt", [AdoptPolicy.NEVER, AdoptPolicy.UNOWNED])
def test_one_that_somebody_makes_in_between_is_taken_or_left_as_adopt_says(
    site: Site, kubectl: httpx.Client, adopt: AdoptPolicy
) -> None:
    between(site, lambda: kubectl.post(MAPS, json=config_map(key="theirs")).raise_for_status())
    result = site.sync(config_map(other="ours"), settings=SyncSettings(adopt=adopt))
    taken = adopt is AdoptPolicy.UNOWNED
    assert actions(result) == {"ConfigMap/settings": "configured" if taken else "conflict"}
    assert details(result)["ConfigMap/settings"].startswith(
        "adopted" if taken else "conflict: it exists and carries no mark of ours"
    )
    ours = {"other": "ours"} if taken else {}
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "theirs", **ours}


def test_one_that_another_placement_makes_in_between_is_never_taken(site: Site, kubectl: httpx.Client) -> None:
    bank = Site(site.cluster, BANK)
    between(site, lambda: bank.sync(config_map(key="bank")))
    result = site.sync(config_map(key="shop"), settings=SyncSettings(adopt=AdoptPolicy.ANY))
    assert details(result)["ConfigMap/settings"] == "conflict: owned by acme/alpha/bank"
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "bank"}


def test_one_that_is_replaced_before_it_is_made_anew_is_not_deleted(site: Site, kubectl: httpx.Client) -> None:
    """Its uid was judged: what took its place since is somebody else's."""
    path = "/apis/apps/v1/namespaces/default/deployments/web"

    def web(app: str) -> dict[str, Any]:
        made = annotated(deployment(), flotilla_force="recreate")
        made["spec"]["selector"] = {"matchLabels": {"app": app}}
        made["spec"]["template"]["metadata"] = {"labels": {"app": app}}
        return made

    site.sync(web("one"))
    real = site.cluster
    theirs = deployment(replicas=7)

    class Replaced(Busy):
        """Somebody replaces the object right before it is deleted."""

        def delete(self, target: Target, *, uid: str, resource_version: str) -> Any:
            if show(kubectl, path)["metadata"]["uid"] == uid:
                kubectl.delete(path).raise_for_status()
                kubectl.post("/apis/apps/v1/namespaces/default/deployments", json=theirs).raise_for_status()
            return real.delete(target, uid=uid, resource_version=resource_version)

    site.cluster = Replaced(real, lambda *_: None)
    result = site.sync(web("two"))
    assert actions(result) == {"Deployment/web": "failed"}
    assert "spec.selector" in details(result)["Deployment/web"]
    assert show(kubectl, path)["spec"]["replicas"] == 7
