"""What is found on the cluster, and what an unchanged object costs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.sync import Site, actions, config_map, deployment
from tests.harness.hands import DEPLOYMENTS, MAPS, MERGE, edit, show
from workers.sync.errors import TimedOutError
from workers.sync.ports import ClusterPort
from workers.sync.requests import DryRuns


def test_applying_twice_writes_nothing_the_second_time(site: Site, kubectl: httpx.Client) -> None:
    first = site.sync(config_map(), deployment())
    assert set(actions(first).values()) == {"created"}
    assert dict(first.requests) == {"dry-run": 2, "apply": 2}
    version = show(kubectl, f"{MAPS}/settings")["metadata"]["resourceVersion"]
    again = site.sync(config_map(), deployment())
    assert set(actions(again).values()) == {"unchanged"}
    assert dict(again.requests) == {"dry-run": 2, "apply": 2, "list": 2}
    full = site.sync(config_map(), deployment(), dry_runs=DryRuns.ALL)
    assert set(actions(full).values()) == {"unchanged"}
    assert show(kubectl, f"{MAPS}/settings")["metadata"]["resourceVersion"] == version


class Short:
    """A cluster whose LISTs do not end."""

    def __init__(self, cluster: ClusterPort) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def list_meta(self, *_: Any, **__: Any) -> Any:
        """Raise in place of an answer."""
        message = "the answer did not end"
        raise TimedOutError(message)


def test_a_list_that_did_not_end_says_nothing_about_what_is_missing(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("a"), config_map("b"))
    site.cluster = Short(site.cluster)
    with pytest.raises(TimedOutError):
        site.sync(config_map("a"))
    assert kubectl.get(f"{MAPS}/b").is_success


def test_what_a_list_does_not_show_is_read_by_name_before_it_is_called_missing(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map())
    uid = show(kubectl, f"{MAPS}/settings")["metadata"]["uid"]
    edit(kubectl, f"{MAPS}/settings", {"metadata": {"labels": {"flotilla.dev/placement": None}}})
    result = site.sync(config_map())
    assert actions(result) == {"ConfigMap/settings": "configured"}
    found = show(kubectl, f"{MAPS}/settings")["metadata"]
    assert (found["uid"], found["labels"]["flotilla.dev/placement"]) == (uid, site.ref.mark("acme"))


def test_a_status_write_moves_no_fingerprint_and_an_edit_of_ours_does(site: Site, kubectl: httpx.Client) -> None:
    site.sync(deployment(replicas=2))
    status = {"status": {"observedGeneration": 1, "replicas": 2}}
    kubectl.patch(f"{DEPLOYMENTS}/web/status", json=status, headers=MERGE).raise_for_status()
    assert dict(site.sync(deployment(replicas=2)).requests) == {"dry-run": 1, "apply": 1, "list": 1}  # of both runs
    edit(kubectl, f"{DEPLOYMENTS}/web", {"spec": {"replicas": 3}})
    assert actions(site.sync(deployment(replicas=2))) == {"Deployment/web": "configured"}
