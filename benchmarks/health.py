"""``python -m benchmarks.health``: the health of many objects, kinds with and without CEL rules, on one core."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from typing import Any

from common.domain.fleet import HealthRule
from common.rules import HERE
from workers.sync.health import Context, assess, own_rules

RULES = own_rules(
    [HealthRule("Box", "example.com", "self.status.state == 'open'", "self.status.state == 'broken'")], HERE
)


def objects(count: int) -> list[dict[str, Any]]:
    """Return objects of five kinds in turn: a workload, a Pod, two of operators, and one judged by expressions."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "x",
        "message": "y",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    counts = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3, "observedGeneration": 1}
    shapes = [
        ("apps/v1", "Deployment", {**counts, "conditions": [{**ready, "type": "Available"}]}),
        ("v1", "Pod", {"phase": "Running", "conditions": [ready, {**ready, "type": "PodScheduled"}]}),
        ("cert-manager.io/v1", "Certificate", {"conditions": [ready]}),
        ("argoproj.io/v1alpha1", "Rollout", {"phase": "Healthy"}),
        ("example.com/v1", "Box", {"state": "open"}),
    ]
    made = []
    for number in range(count):
        version, kind, status = shapes[number % len(shapes)]
        metadata = {"name": f"x{number}", "namespace": "n", "generation": 1}
        made.append(
            {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {"replicas": 3}, "status": status}
        )
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    count = parser.parse_args().objects
    made, context = objects(count), Context(now=datetime.now(UTC))
    began = time.process_time()
    healthy = sum(assess(one, context, RULES).health == "healthy" for one in made)
    print(f"{count} objects, {healthy} healthy: {time.process_time() - began:.2f} CPU s")


if __name__ == "__main__":
    main()
