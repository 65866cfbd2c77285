"""What is on the simulated clusters of a hub, and what comes of it while time passes."""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpx
from sqlalchemy import update

from common.store.reads.runs import RunView
from common.store.schema.tables import ClusterRow
from tests.harness.hub import StepHub


def client(hub: StepHub, cluster: str) -> httpx.Client:
    context = ssl.create_default_context(cadata=hub.simulator.authority.decode())
    headers = {"Authorization": f"Bearer {hub.simulator.token(cluster)}"}
    return httpx.Client(base_url=hub.simulator.url(cluster), verify=context, headers=headers)


def live(hub: StepHub, cluster: str, namespace: str, name: str) -> dict[str, Any] | None:
    with client(hub, cluster) as http:
        answer = http.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    found: dict[str, Any] = answer.json()
    return found


def look(hub: StepHub) -> None:
    """Let a moment pass, look at health, and let runs go on."""
    time.sleep(0.05)
    with hub.database.write() as connection:
        due = hub.database.now(connection)
        connection.execute(update(ClusterRow).values(observe_due_at=due, observe_sent_at=None))
    hub.settle(2)


def until_ended(hub: StepHub, looks: int = 20) -> RunView:
    for _ in range(looks):
        (run, *_) = hub.runs("eu/web")
        if run.state == "ended":
            return run
        look(hub)
    (run, *_) = hub.runs("eu/web")
    return run


def jobs(hub: StepHub) -> dict[str, dict[str, Any]]:
    with client(hub, "eu") as http:
        items = http.get("/apis/batch/v1/namespaces/web/jobs").json()["items"]
    return {item["metadata"]["name"]: item for item in items}
