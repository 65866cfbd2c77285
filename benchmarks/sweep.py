"""``python -m benchmarks.sweep``: one sweep of a real cluster on which nothing changed: seconds and requests."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common.domain.reasons import sentence
from common.domain.refs import PlacementRef
from tests.controlplane.runner import ControlPlanes, Workloads
from tests.fakes.sync import Site, WallClock
from tests.harness.session import session
from workers.sync.objects.marks import PLACEMENT_LABEL
from workers.sync.results import Ending
from workers.sync.sweep import Finding, compare
from workers.tasks.looking import listed

KEY = b"key"
"""Of the fingerprints of the engine that these tests' site drives."""
KINDS = (("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "Service"), ("v1", "ServiceAccount"), ("apps/v1", "Deployment"))


def manifest(version: str, kind: str, name: str) -> dict[str, Any]:
    """Return one small object."""
    made: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    if kind in {"ConfigMap", "Secret"}:
        made["data"] = {"a": "eA=="}
    elif kind == "Service":
        made["spec"] = {"ports": [{"port": 80}], "clusterIP": "None"}
    elif kind == "Deployment":
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
        made["spec"] = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=100)
    parser.add_argument("--objects", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        planes = ControlPlanes(Path(place), Workloads.INERT)
        try:
            planes.start(("swept",))
            measure(planes, arguments.applications, arguments.objects)
        finally:
            planes.stop()


def measure(planes: ControlPlanes, applications: int, objects: int) -> None:
    """Sync the applications, then sweep ten times, each with a fresh connection's session."""
    with session(planes.clusters["swept"].kubeconfig()) as cluster:
        sites = []
        for number in range(applications):
            ref = PlacementRef("swept", f"app-{number}")
            site = Site(cluster, ref=ref, clock=WallClock())
            names = (f"app-{number}-{index}" for index in range(objects))
            done = site.sync(*(manifest(*KINDS[index % len(KINDS)], name) for index, name in enumerate(names)))
            if done.ending is not Ending.SUCCEEDED:
                sys.exit(sentence(done.reason))
            sites.append(site)
        inventories = {site.ref: tuple(site.journal.inventory.values()) for site in sites}
        seconds, requests = [], Counter[str]()
        for _ in range(10):
            before, began = Counter(cluster.requests()), time.perf_counter()
            lists = listed(
                cluster,
                lambda kind, namespace: cluster.list_meta(kind, namespace=namespace, selector=PLACEMENT_LABEL),
                (item for items in inventories.values() for item in items),
            )
            metas = {key: None if one is None else one[1] for key, one in lists.items()}
            found = compare("acme", "swept", inventories, metas, key=KEY)
            seconds.append(time.perf_counter() - began)
            requests = Counter(cluster.requests()) - before
            if {one.finding for one in found.placements} != {Finding.CONFIRMED}:
                sys.exit("something drifted")
        count = applications * objects
        median = statistics.median(seconds)
        print(f"{count} objects of {len(KINDS)} kinds, nothing changed: {median:.2f} s; requests {dict(requests)}")


if __name__ == "__main__":
    main()
