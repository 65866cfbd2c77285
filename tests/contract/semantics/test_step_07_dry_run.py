"""Nothing is written that the cluster would refuse."""

from __future__ import annotations

import httpx

from common.domain.fleet import AdoptPolicy, SyncSettings
from tests.fakes.sync import Site, actions, config_map, deployment, details
from tests.harness.hands import MAPS, show


def test_refused_dry_runs_are_all_told_and_nothing_is_written(site: Site, kubectl: httpx.Client) -> None:
    unknown = {**config_map("unknown"), "dta": {}}
    invalid = deployment(replicas=-1)
    result = site.sync(config_map("fine"), unknown, invalid)
    assert actions(result) == {"ConfigMap/unknown": "failed", "Deployment/web": "failed"}
    assert "field not declared in schema" in details(result)["ConfigMap/unknown"]
    assert kubectl.get(f"{MAPS}/fine").status_code == 404


def test_an_object_that_exists_unmarked_is_found_although_no_list_shows_it(site: Site, kubectl: httpx.Client) -> None:
    assert kubectl.post(MAPS, json=config_map(key="theirs")).is_success
    result = site.sync(config_map(other="ours"), settings=SyncSettings(adopt=AdoptPolicy.NEVER))
    assert actions(result) == {"ConfigMap/settings": "conflict"}
    assert show(kubectl, f"{MAPS}/settings")["data"] == {"key": "theirs"}
