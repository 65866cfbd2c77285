"""Takes clusters back to how they were after their start, in milliseconds, by their keys in etcd."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import httpx

from tests.controlplane.etcd import Keys
from tests.controlplane.runner import ControlPlane, ControlPlanes, Workloads

EMPTY_WITHIN = 30
"""Seconds; longer means that something writes without end."""
CALM = 0.3
"""Seconds without a write after which controllers are done with what was taken from them."""
KEPT = (
    b"/leases/kube-system/",
    b"/leases/kube-node-lease/",
    b"/peerserverleases/",
    b"/masterleases/",
    b"/ranges/",
)
"""What the control plane itself keeps writing."""
EVENTS = b"/events/"
"""Removed too, but not waited for: controllers write them late."""
SERVICES = b"/services/specs/"


class NotEmptyError(RuntimeError):
    """A cluster did not come to rest."""


@dataclass(frozen=True, slots=True)
class _First:
    """How a cluster was after its start."""

    values: dict[bytes, bytes]
    revisions: dict[bytes, int]
    """When each key got that value; moves on when one is put back."""
    groups: frozenset[str]


class Resettable:
    """Control planes whose clusters go back to their first state.

    Whatever came is removed, of every kind; what the cluster had from its start and was changed or deleted is put back
    (so kube-system keeps its uid, which is the cluster's identity); programs that a test ended are started.

    Args:
        planes: running, and not used by anyone yet.
    """

    def __init__(self, planes: ControlPlanes) -> None:
        self.planes = planes
        self._calm = CALM if planes.workloads is Workloads.LIVE else 0.0
        self._keys = {name: Keys(planes.etcd_url, f"/{name}/") for name in planes.clusters}
        self._first = {name: self._snapshot(name) for name in planes.clusters}

    def empty(self, name: str) -> ControlPlane:
        """Take a cluster back and return it.

        Raises:
            NotEmptyError: something in it keeps writing.
        """
        cluster = self.planes.clusters[name]
        if not self.planes.is_whole(name):
            self.planes.start_cluster(name)
        if not self._take_back(cluster):
            return cluster
        until = time.monotonic() + EMPTY_WITHIN
        still_since = time.monotonic()
        with cluster.client() as client:
            while True:
                moved = self._take_back(cluster)
                now = time.monotonic()
                if moved:
                    still_since = now
                elif now - still_since >= self._calm and _groups(client) == self._first[name].groups:
                    return cluster
                if now > until:
                    message = f"{name} is not at rest after {EMPTY_WITHIN} s; last: {sorted(moved)[:5]}"
                    raise NotEmptyError(message)
                time.sleep(0.02)

    def change_identity(self, name: str) -> None:
        """Give kube-system another uid, as if another cluster answered at this address, until ``empty``."""
        key = f"/{name}/namespaces/kube-system".encode()
        with self.planes.clusters[name].client() as client:
            path = "/api/v1/namespaces/kube-system"
            shown = client.get(path).raise_for_status().json()["metadata"]["uid"].encode()
            # Of the same length, so that the bytes around it stay valid.
            self._keys[name].put({key: self._keys[name].values()[key].replace(shown, str(uuid.uuid4()).encode())})

    def close(self) -> None:
        """Close connections to etcd."""
        for keys in self._keys.values():
            keys.close()

    def _snapshot(self, name: str) -> _First:
        keys = self._keys[name]
        with self.planes.clusters[name].client() as client:
            groups = _groups(client)
        # A key that changes in between is put back once more than needed; one that comes in between is removed.
        revisions = {key: revision for key, revision in keys.revisions().items() if not _is_any(KEPT, key)}
        values = {key: value for key, value in keys.values().items() if key in revisions}
        return _First(values, {key: revisions[key] for key in values}, groups)

    def _take_back(self, cluster: ControlPlane) -> set[bytes]:
        """Undo what differs now and return its keys, but for events."""
        keys, first = self._keys[cluster.name], self._first[cluster.name]
        now = {key: revision for key, revision in keys.revisions().items() if not _is_any(KEPT, key)}
        added = now.keys() - first.values.keys()
        changed = {key for key, revision in first.revisions.items() if now.get(key) != revision}
        _release(cluster, (key for key in added if SERVICES in key))
        keys.delete(added)
        first.revisions.update(keys.put({key: first.values[key] for key in changed}))
        return {key for key in added | changed if EVENTS not in key}


def _is_any(parts: Iterable[bytes], key: bytes) -> bool:
    return any(part in key for part in parts)


def _groups(client: httpx.Client) -> frozenset[str]:
    """Return the API groups shown, by which one knows that custom resources have come or gone."""
    shown: list[dict[str, str]] = client.get("/apis").raise_for_status().json()["groups"]
    return frozenset(group["name"] for group in shown)


def _release(cluster: ControlPlane, services: Iterable[bytes]) -> None:
    """Delete Services through the API server, which has their addresses and ports in memory."""
    paths = [key.decode().rsplit("/", 2)[1:] for key in services]
    if not paths:
        return
    with cluster.client() as client, suppress(httpx.HTTPError):
        for namespace, name in paths:
            client.delete(f"/api/v1/namespaces/{namespace}/services/{name}")
