"""What ends by itself, through the whole hub: seen in time, it came out as it did, and it is not run again."""

from __future__ import annotations

import time

import yaml
from sqlalchemy import select

from common.broker import messages
from common.store.schema.tables import InventoryRow
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import client, jobs, look, until_ended
from tests.integration.hub.test_waves import web

JOBS = "/apis/batch/v1/namespaces/web/jobs"


def plain(name: str, image: str = "example.com/a:1") -> str:
    """Return a job that is no hook, and that its cluster deletes an hour after its end."""
    body = yaml.safe_load(job(name, hook="x", image=image).removesuffix("---\n"))
    body["metadata"].pop("annotations")
    body["spec"]["ttlSecondsAfterFinished"] = 3600
    return yaml.safe_dump(body) + "---\n"


def collect(hub: StepHub, name: str) -> None:
    """Delete a job as TTL does."""
    with client(hub, "eu") as http:
        http.delete(f"{JOBS}/{name}").raise_for_status()


def ended(hub: StepHub, name: str) -> str:
    """Return how the hub saw an object end."""
    with hub.database.read() as connection:
        return connection.execute(select(InventoryRow.ended).where(InventoryRow.name == name)).scalar_one()


def test_a_job_that_ended_and_was_collected_leaves_the_placement_synced_and_healthy(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), plain("once"))
    assert until_ended(hub).outcome == "succeeded"
    look(hub)
    assert ended(hub, "once") == "succeeded"
    collect(hub, "once")
    hub.make_due()
    hub.settle()
    look(hub)
    assert (len(hub.runs("eu/web")), jobs(hub)) == (1, {})
    seen = hub.placement("eu/web")
    assert (seen.sync, seen.health) == ("synced", "healthy")


def test_a_job_that_failed_and_was_collected_is_not_run_again_and_stays_degraded(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), plain("once", image="example.com/a:broken"))
    until_ended(hub)
    look(hub)
    collect(hub, "once")
    hub.make_due()
    hub.settle()
    look(hub)
    assert jobs(hub) == {}
    seen = hub.placement("eu/web")
    assert (seen.sync, seen.health) == ("synced", "degraded")
    assert "it failed, and was collected since" in seen.health_reason


def test_a_hook_that_is_collected_after_it_was_seen_to_end_has_ended_so(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), job("migrate", hook="pre-sync", suspend=True))
    with client(hub, "eu") as http:
        patch = {"Content-Type": "application/merge-patch+json"}
        http.patch(f"{JOBS}/migrate", json={"spec": {"suspend": False}}, headers=patch).raise_for_status()
    deadline = time.monotonic() + 10
    while not ended(hub, "migrate") and time.monotonic() < deadline:
        hub.carry_out(messages.OBSERVE, "eu")
    collect(hub, "migrate")
    assert until_ended(hub).outcome == "succeeded", hub.runs("eu/web")[0].error
    assert jobs(hub) == {}


def test_a_failed_hook_is_not_run_again_before_something_changes(hub: StepHub) -> None:
    broken = job("migrate", hook="pre-sync", image="example.com/a:broken")
    web(hub, config_map("web", v="1"), broken)
    assert until_ended(hub).error_code == "hook.failed"
    (first,) = (one["metadata"]["uid"] for one in jobs(hub).values())
    for _ in range(3):
        hub.make_due()
        hub.settle()
    assert [one["metadata"]["uid"] for one in jobs(hub).values()] == [first]
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + job("migrate", hook="pre-sync")})
    hub.settle()
    assert until_ended(hub).outcome == "succeeded"
