"""What people and controllers do beside the engine."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from workers.sync.ports import ClusterPort, Ownership, Target, Write

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = {"Content-Type": "application/merge-patch+json"}


def edit(client: httpx.Client, path: str, change: dict[str, Any], manager: str = "kubectl-edit") -> None:
    answer = client.patch(path, params={"fieldManager": manager}, json=change, headers=MERGE)
    assert answer.is_success, answer.text


def show(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Busy:
    """A cluster on which somebody always writes between judging and writing.

    Args:
        cluster: the real one.
        interfere: called before each real apply.
    """

    def __init__(self, cluster: ClusterPort, interfere: Any) -> None:
        self._cluster = cluster
        self._interfere = interfere

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Any:
        if write is Write.REAL:
            self._interfere(target, body, ownership)
        return self._cluster.apply(target, body, write=write, ownership=ownership)


def gone(client: httpx.Client, path: str) -> bool:
    """Return whether an object goes within seconds: deletion in the foreground takes its moment."""
    deadline = time.monotonic() + 15
    while client.get(path).status_code != httpx.codes.NOT_FOUND:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def config_map_in(name: str, **data: str) -> str:
    """Return a ConfigMap as a document of a file."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return f"{json.dumps(body)}\n---\n"


def data_in(client: httpx.Client, namespace: str, name: str) -> Any:
    """Return the data of a live ConfigMap; None where there is none."""
    answer = client.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()["data"]
