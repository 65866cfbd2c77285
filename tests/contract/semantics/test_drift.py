"""What differs from what was applied is found, named and corrected."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fakes.sync import Site, config_map, deployment
from tests.harness.hands import DEPLOYMENTS, MAPS, MERGE, edit
from workers.sync.results import Ending
from workers.sync.sweep import Finding, compare


def test_a_sweep_confirms_what_it_finds_and_names_who_drifted(site: Site, kubectl: httpx.Client) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
    manifests = [deployment(), config_map("a"), config_map("b"), account]
    site.sync(*manifests)

    def swept() -> Any:
        items = tuple(site.journal.inventory.values())
        lists = {}
        for group, version, kind in {(item.object.group, item.version, item.object.kind) for item in items}:
            found = site.cluster.kind(group, version, kind)
            lists[group, kind] = site.cluster.list_meta(found, namespace="", selector="flotilla.dev/placement")
        return compare("acme", "alpha", {site.ref: items}, lists, key=b"").placements[0]

    assert swept().finding is Finding.CONFIRMED
    status = {"status": {"observedGeneration": 1, "replicas": 1}}
    assert kubectl.patch(f"{DEPLOYMENTS}/web/status", json=status, headers=MERGE).is_success
    assert swept().finding is Finding.CONFIRMED
    edit(kubectl, f"{MAPS}/a", {"data": {"key": "theirs"}})
    edit(kubectl, f"{DEPLOYMENTS}/web", {"metadata": {"annotations": {"flotilla.dev/owner": None}}}, "somebody")
    kubectl.delete(f"{MAPS}/b")
    one = swept()
    assert one.finding is Finding.DRIFTED
    assert {(drift.object.name, drift.manager) for drift in one.drifts} == {
        ("a", "kubectl-edit"), ("b", ""), ("web", "")
    }  # fmt: skip
    assert site.sync(*manifests).ending is Ending.SUCCEEDED
    assert swept().finding is Finding.CONFIRMED
