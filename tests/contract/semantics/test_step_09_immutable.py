"""A field that cannot change: never made anew unless the object says so."""

from __future__ import annotations

import httpx
import pytest

from tests.fakes.sync import Site, WallClock, annotated, config_map, deployment, details
from tests.harness.hands import DEPLOYMENTS, MAPS, show
from tests.harness.place import Place
from workers.sync.results import Ending


@pytest.fixture
def place(living: Place) -> Place:
    """Look at a cluster that clears away what is deleted."""
    return living


def test_a_field_that_cannot_change_is_said_and_the_object_stays(site: Site, kubectl: httpx.Client) -> None:
    wanted = {**config_map(key="1"), "immutable": True}
    site.sync(wanted)
    uid = show(kubectl, f"{MAPS}/settings")["metadata"]["uid"]
    result = site.sync({**wanted, "data": {"key": "2"}})
    assert result.ending is Ending.FAILED
    assert "immutable" in details(result)["ConfigMap/settings"]
    assert "annotate the object with flotilla.dev/force: recreate to have it" in details(result)["ConfigMap/settings"]
    assert show(kubectl, f"{MAPS}/settings")["metadata"]["uid"] == uid


def test_with_its_opt_in_it_is_made_anew(site: Site, kubectl: httpx.Client) -> None:
    wanted = {**annotated(config_map(key="1"), flotilla_force="recreate"), "immutable": True}
    site.sync(wanted)
    uid = show(kubectl, f"{MAPS}/settings")["metadata"]["uid"]
    site.clock = WallClock()
    assert site.sync({**wanted, "data": {"key": "2"}}).ending is Ending.SUCCEEDED
    found = show(kubectl, f"{MAPS}/settings")
    assert (found["data"], found["metadata"]["uid"] != uid) == ({"key": "2"}, True)


def test_another_refusal_is_no_reason_to_make_it_anew(site: Site, kubectl: httpx.Client) -> None:
    site.sync(deployment(replicas=1))
    uid = show(kubectl, f"{DEPLOYMENTS}/web")["metadata"]["uid"]
    wrong = annotated(deployment(replicas=-1), flotilla_force="recreate")
    assert site.sync(wrong).ending is Ending.FAILED
    assert show(kubectl, f"{DEPLOYMENTS}/web")["metadata"]["uid"] == uid
