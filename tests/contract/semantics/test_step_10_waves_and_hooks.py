"""Waves and hooks: who waits holds no slot, and what was waited for lets the run go on."""

from __future__ import annotations

import json
import time

import httpx

from common.store.reads.runs import RunView
from tests.harness.hands import config_map_in, data_in, edit
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import deployment, job
from tests.harness.seen import look

JOBS = "/apis/batch/v1/namespaces/web/jobs"
NAMED = '"metadata": {"name": "web"}'
IN_WAVE_1 = '"metadata": {"name": "web", "annotations": {"flotilla.dev/wave": "1"}}'


def placed(hub: StepHub, *manifests: str) -> RunView:
    """Have an application's first run carried out as far as it comes by itself."""
    hub.git.commit(APPS, {"web/a.yaml": "".join(manifests)})
    hub.application("web")
    for _ in range(6):
        hub.settle(1)
        if any(run.state in {"waiting", "ended"} for run in hub.runs("eu/web")):
            break
    return hub.runs("eu/web")[0]


def ended(hub: StepHub) -> RunView:
    """Return the newest run once it has ended, or after half a minute."""
    deadline = time.monotonic() + 30
    while (run := hub.runs("eu/web")[0]).state != "ended" and time.monotonic() < deadline:
        look(hub)
    return run


def test_waves_follow_each_other_and_waiting_holds_neither_lease_nor_slot(hub: StepHub, people: httpx.Client) -> None:
    held = job("migrate", hook="sync", suspend=True)
    run = placed(hub, deployment("db", wave=-1), held, config_map_in("web", v="1").replace(NAMED, IN_WAVE_1))
    deadline = time.monotonic() + 30
    while "Job migrate" not in run.reason and time.monotonic() < deadline:
        look(hub)
        run = hub.runs("eu/web")[0]
    assert (run.state, "Job migrate" in run.reason) == ("waiting", True), run.reason
    assert data_in(people, "web", "web") is None
    assert [name for name in hub.leases() if name.startswith("placement:")] == []
    attempts = len(hub.run(run.id).attempts)
    look(hub)
    look(hub)
    assert len(hub.run(run.id).attempts) == attempts, "a hook that is held is well, and has not ended"
    edit(people, f"{JOBS}/migrate", {"spec": {"suspend": False}}, "somebody")
    done = ended(hub)
    assert (done.id, done.outcome) == (run.id, "succeeded"), done.error
    assert data_in(people, "web", "web") == {"v": "1"}
    assert len(hub.run(run.id).attempts) >= 2


def test_hooks_run_in_their_phases_and_once_for_a_revision(hub: StepHub, people: httpx.Client) -> None:
    placed(hub, job("migrate", hook="pre-sync"), config_map_in("web", v="1"), job("tell", hook="post-sync"))
    done = ended(hub)
    assert done.outcome == "succeeded", done.error
    made = {item["metadata"]["name"]: item["metadata"]["uid"] for item in people.get(JOBS).json()["items"]}
    assert set(made) == {"migrate", "tell"}
    people.delete("/api/v1/namespaces/web/configmaps/web").raise_for_status()
    hub.make_due()
    hub.settle()
    assert data_in(people, "web", "web") == {"v": "1"}, "drift is corrected"
    again = {item["metadata"]["name"]: item["metadata"]["uid"] for item in people.get(JOBS).json()["items"]}
    assert again == made, "without hooks"


def test_a_chart_s_and_argo_s_words_are_honoured(hub: StepHub, people: httpx.Client) -> None:
    before = job("before", hook="pre-sync").replace("flotilla.dev/hook: pre-sync", "helm.sh/hook: pre-install")
    after = job("after", hook="post-sync").replace("flotilla.dev/hook: post-sync", "argocd.argoproj.io/hook: PostSync")
    later = json.loads(config_map_in("later", v="1").partition("\n")[0])
    later["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "5"}
    placed(hub, before, after, deployment("db"), f"---\n{json.dumps(later)}\n---\n")
    done = ended(hub)
    assert done.outcome == "succeeded", done.error
    assert {item["metadata"]["name"] for item in people.get(JOBS).json()["items"]} == {"before", "after"}
    assert data_in(people, "web", "later") == {"v": "1"}
