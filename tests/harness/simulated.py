"""A cluster in hand: requests without a network, a clock that only moves when told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from simulator import api
from simulator.request import Request
from simulator.store import Cluster, ClusterOptions

Json = dict[str, Any]
READY_AFTER = timedelta(seconds=1)


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.instant


class Hand:
    """A simulated cluster and calls to it.

    Args:
        ready_after: see ``ClusterOptions``.
    """

    def __init__(self, ready_after: timedelta | None = READY_AFTER) -> None:
        self.clock = Clock()
        self.cluster = Cluster("c", ClusterOptions(ready_after), self.clock, authority=b"CA")
        api.furnish(self.cluster)

    def wait(self, passed: timedelta = READY_AFTER) -> None:
        """Let time pass."""
        self.clock.instant += passed

    def call(self, method: str, path: str, body: Any = None, content_type: str = "", **query: str) -> tuple[int, Json]:
        """Send a request; return status code and decoded body."""
        headers = {"content-type": content_type or "application/json", "user-agent": "unit/1"}
        content = b"" if body is None else orjson.dumps(body)
        answer = api.handle(self.cluster, Request(method, path, query, headers, content))
        return answer.code, orjson.loads(answer.body)

    def get(self, path: str) -> tuple[int, Json]:
        """GET."""
        return self.call("GET", path)

    def apply(self, path: str, body: Json, manager: str = "one", **query: str) -> tuple[int, Json]:
        """Server-side apply."""
        return self.call("PATCH", path, body, "application/apply-patch+yaml", fieldManager=manager, **query)


def deployment(name: str = "web", image: str = "nginx:1", **spec: Any) -> Json:
    """Return a small Deployment."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    body = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}
