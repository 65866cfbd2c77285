"""``python -m benchmarks.first_sync``: a whole fleet's first sync beside a bare loop that applies the same objects.

Both run against real API servers of the same etcd, one after the other, in one run: the ratio is what counts, the
seconds belong to the machine. ``no_change`` and ``one_commit`` go on with the same fleet, see ``benchmarks.all``.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson

from benchmarks import rig
from benchmarks.rig import Rig
from tests.controlplane.runner import ControlPlane
from workers.kube.client import Client
from workers.kube.credentials import Access

THREADS = 16
PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{ns}/serviceaccounts/{name}",
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments/{name}",
    "Service": "/api/v1/namespaces/{ns}/services/{name}",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers/{name}",
}


def bare_loop(plane: ControlPlane, applications: int) -> float:
    """Apply every object once from 16 threads, with nothing around it; return seconds."""
    access = Access(server=plane.server, ca=plane.ca, token=plane.token)
    client = Client(access, timedelta(seconds=30))
    work = [body for number in range(applications) for body in rig.manifests(f"app-{number:04}")]
    headers = {"Content-Type": "application/apply-patch+yaml"}

    def apply(body: dict[str, Any]) -> None:
        path = PATHS[body["kind"]].format(ns=rig.NAMESPACE, name=body["metadata"]["name"])
        answer = client.send("PATCH", f"{path}?fieldManager=bare", headers, orjson.dumps(body))
        if not answer.ok:
            raise RuntimeError(answer.body[:300])

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(apply, work))
    return time.monotonic() - began


def measure(made: Rig, applications: int) -> tuple[float, float]:
    """Return the seconds of Flotilla and of the bare loop; prints what it sees."""
    for name in ("bare", "fleet"):
        rig.make_namespace(made.cluster(name))
    bare = bare_loop(made.cluster("bare"), applications)
    print(f"bare loop, {THREADS} threads, {applications * 4} objects: {bare:.1f} s", flush=True)
    rig.write_applications(made, applications)
    rig.declare(made, "fleet", 0)
    rig.start_hub(made)
    time.sleep(3)  # the idle hub has seen the empty fleet: what follows is the fleet's own cost
    before = rig.usages(made)
    rig.declare(made, "fleet", applications)
    made.hub.ask("refresh")
    ours = rig.await_synced(made, applications, within=1800)
    print(f"Flotilla, 2 workers: {ours:.1f} s from the commit's poke to the last placement synced")
    print(f"ratio: {ours / bare:.2f}")
    print(f"requests by verb: {made.requests()}")
    for name, after in rig.usages(made).items():
        print(f"  {name}: {after.cpu - before[name].cpu:.1f} CPU s, peak {after.peak:.0f} MiB")
    return ours, bare


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--sqlite", action="store_true", help="keep the hub's state there, not in PostgreSQL")
    options = parser.parse_args()
    print(rig.describe())
    with rig.rig(("bare", "fleet"), sqlite=options.sqlite) as made:
        measure(made, options.applications)


if __name__ == "__main__":
    main()
