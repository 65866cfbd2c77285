"""Watches: the same on the simulator and on a real API server."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from tests.contract.kube_api.kube import Kube

Json = dict[str, Any]


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def _map(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def _events(kube: Kube, path: str, count: int, **query: str) -> list[tuple[str, str]]:
    """Return the first events of a watch as (type, name)."""
    found: list[tuple[str, str]] = []
    params = {"watch": "1", "timeoutSeconds": "20", **query}
    with kube.http.stream("GET", path, params=params, timeout=httpx.Timeout(25)) as answer:
        for line in answer.iter_lines():
            event = orjson.loads(line)
            found.append((event["type"], event["object"]["metadata"]["name"]))
            if len(found) == count:
                break
    return found


def test_a_watch_tells_what_happened_since_a_version(kube: Kube, namespace: str) -> None:
    path = _path(namespace)
    since = kube.get(path).metadata["resourceVersion"]
    kube.create(path, _map("a"))
    kube.patch(f"{path}/a", {"data": {"k": "1"}})
    kube.delete(f"{path}/a")
    seen = _events(kube, path, 3, resourceVersion=since)
    assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_watch_from_the_start_shows_what_is_there(kube: Kube, namespace: str) -> None:
    kube.create(_path(namespace), _map("a"))
    assert _events(kube, _path(namespace), 1) == [("ADDED", "a")]


def test_leaving_a_selection_is_a_deletion_to_its_watch(kube: Kube, namespace: str) -> None:
    path = _path(namespace)
    kube.create(path, _map("a", x="1"))
    since = kube.get(path).metadata["resourceVersion"]
    kube.patch(f"{path}/a", {"metadata": {"labels": {"x": "2"}}})
    assert _events(kube, path, 1, resourceVersion=since, labelSelector="x=1") == [("DELETED", "a")]
