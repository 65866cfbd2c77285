"""Finalizers that nobody takes off, on a real API server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from tests.harness.hands import MAPS, MERGE, show
from tests.harness.webhooks import in_force
from workers.sync.errors import UnsettledError
from workers.sync.requests import Phase
from workers.sync.results import Ending

HOLD = "example.com/hold"


def held(name: str) -> dict[str, Any]:
    """Return a ConfigMap with a finalizer that nobody takes off."""
    made = config_map(name)
    return {**made, "metadata": {**made["metadata"], "finalizers": [HOLD]}}


def let_go(kubectl: httpx.Client, path: str) -> None:
    """Take all finalizers off, those of a deletion in the foreground too."""
    kubectl.patch(path, json={"metadata": {"finalizers": []}}, headers=MERGE).raise_for_status()
    in_force(lambda: kubectl.get(path).status_code == httpx.codes.NOT_FOUND)


@pytest.mark.parametrize("leaving", [False, True], ids=["prune", "removal"])
def test_what_is_pruned_and_held_by_a_finalizer_is_reported_and_not_waited_for(
    site: Site, kubectl: httpx.Client, *, leaving: bool
) -> None:
    site.sync(config_map("kept"), held("a"), held("b"), config_map("c"))
    result = site.sync(phase=Phase.REMOVE) if leaving else site.sync(config_map("kept"))
    assert result.ending is Ending.SUCCEEDED
    assert site.clock.monotonic() == 0
    said = details(result)
    assert said["ConfigMap/a"] == said["ConfigMap/b"] == f"it goes once its finalizers are done: {HOLD}"
    assert said["ConfigMap/c"] == ""
    for name in ("a", "b", "c"):
        assert actions(result)[f"ConfigMap/{name}"] == "pruned"
        assert show(kubectl, f"{MAPS}/{name}")["metadata"]["deletionTimestamp"]
    assert "deletionTimestamp" not in show(kubectl, f"{MAPS}/kept")["metadata"] or leaving
    going = {item.object.name for item in site.journal.inventory.values() if item.going}
    assert going == (set() if leaving else {"a", "b"}), "what is held stays in sight"


def test_what_somebody_else_began_to_delete_is_reported_with_what_holds_it(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("kept"), held("a"))
    kubectl.delete(f"{MAPS}/a").raise_for_status()
    result = site.sync(config_map("kept"))
    assert actions(result)["ConfigMap/a"] == "skipped"
    assert details(result)["ConfigMap/a"] == f"it is being deleted already, and waits for its finalizers: {HOLD}"


def test_what_comes_back_to_git_while_it_is_held_says_what_it_waits_for_and_is_made_anew_once_it_is_gone(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map("kept", v="1"), held("a"))
    uid = show(kubectl, f"{MAPS}/a")["metadata"]["uid"]
    site.sync(config_map("kept", v="1"))
    with pytest.raises(UnsettledError, match=rf"default/a is being deleted, and waits for its finalizers: {HOLD}\."):
        site.sync(config_map("kept", v="2"), config_map("a"))
    assert site.clock.monotonic() == 0
    assert show(kubectl, f"{MAPS}/kept")["data"] == {"v": "1"}, "nothing of the wave is written"
    let_go(kubectl, f"{MAPS}/a")
    assert actions(site.sync(config_map("kept", v="2"), config_map("a")))["ConfigMap/a"] == "created"
    assert show(kubectl, f"{MAPS}/a")["metadata"]["uid"] != uid


def test_what_is_to_be_made_anew_and_is_held_is_waited_for_within_bounds_and_made_by_the_next_attempt(
    site: Site, kubectl: httpx.Client
) -> None:
    def web(app: str) -> dict[str, Any]:
        made = annotated(deployment(), flotilla_force="recreate")
        made["metadata"]["finalizers"] = [HOLD]
        made["spec"]["selector"] = {"matchLabels": {"app": app}}
        made["spec"]["template"]["metadata"] = {"labels": {"app": app}}
        return made

    path = "/apis/apps/v1/namespaces/default/deployments/web"
    site.sync(web("one"))
    with pytest.raises(UnsettledError, match=rf"Deployment web is still being deleted.*: {HOLD}"):
        site.sync(web("two"))
    assert 30 <= site.clock.monotonic() < 32
    with pytest.raises(UnsettledError, match=rf"web is being deleted, and waits for its finalizers: {HOLD}\."):
        site.sync(web("two"))
    let_go(kubectl, path)
    assert site.sync(web("two")).ending is Ending.SUCCEEDED
    assert show(kubectl, path)["spec"]["selector"] == {"matchLabels": {"app": "two"}}
