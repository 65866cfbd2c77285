"""Hooks before and after a placement is removed, through the whole hub, on both databases."""

from __future__ import annotations

import time

import pytest
import yaml

from common.store.reads.runs import RunView
from common.store.schema.tables import PlacementRow
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map, job
from tests.harness.seen import client, jobs, live, look

JOBS = "/apis/batch/v1/namespaces/web/jobs"
MERGE = {"Content-Type": "application/merge-patch+json"}


def placed(hub: StepHub, *manifests: str) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + "".join(manifests)})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    assert jobs(hub) == {}, "no such hook runs at a sync"


def retire(hub: StepHub) -> None:
    """Have the application retired; one placement may leave without an approval."""
    document = hub.git.files[REGISTRY.repo]["web.yaml"]
    hub.git.commit(REGISTRY.repo, {"web.yaml": document + "  state: retired\n"})
    hub.settle(2)


def left(hub: StepHub, looks: int = 20) -> RunView:
    """Return the removal's run, once the placement is gone or after some looks."""
    for _ in range(looks):
        if hub.placement("eu/web").state == "left":
            break
        look(hub)
    return hub.runs("eu/web")[0]


def test_hooks_run_before_and_after_what_they_belong_to_goes(hub: StepHub) -> None:
    placed(hub, job("save", hook="pre-delete"), job("tell", hook="post-delete"))
    retire(hub)
    run = left(hub)
    assert (hub.placement("eu/web").state, run.outcome) == ("left", "succeeded"), run.error
    assert live(hub, "eu", "web", "web") is None
    done = [(one.object, one.detail.splitlines()[0]) for one in hub.run(run.id).objects if one.action != "pruned"]
    order = [one.object for one in hub.run(run.id).objects]
    assert ("batch/Job:web/save", "hook pre-delete succeeded") in done
    assert ("batch/Job:web/tell", "hook post-delete succeeded") in done
    assert order.index("batch/Job:web/save") < order.index("/ConfigMap:web/web") < order.index("batch/Job:web/tell")
    assert jobs(hub) == {}, "nothing of it stays"


def test_nothing_is_removed_while_a_hook_before_it_has_not_ended(hub: StepHub) -> None:
    placed(hub, job("save", hook="pre-delete", suspend=True))
    retire(hub)
    for _ in range(3):
        look(hub)
    (run, *_) = hub.runs("eu/web")
    assert run.state == "waiting"
    assert run.reason.startswith("pre-delete wave 0: hook Job save: ")
    assert [name for name in hub.leases() if name.startswith("placement:")] == []
    assert live(hub, "eu", "web", "web") is not None
    with client(hub, "eu") as http:
        http.patch(f"{JOBS}/save", json={"spec": {"suspend": False}}, headers=MERGE).raise_for_status()
    done = left(hub)
    assert (done.id, done.outcome) == (run.id, "succeeded"), done.error
    assert live(hub, "eu", "web", "web") is None


def test_a_hook_that_fails_keeps_everything_and_is_tried_again(hub: StepHub) -> None:
    placed(hub, job("save", hook="pre-delete", image="example.com/a:broken"))
    retire(hub)
    for _ in range(6):
        look(hub)
    run = next(run for run in hub.runs("eu/web") if run.outcome == "failed")
    assert "hook Job save: BackoffLimitExceeded" in run.error
    assert live(hub, "eu", "web", "web") is not None
    assert hub.placement("eu/web").state == "leaving"


def test_hooks_run_although_their_source_is_gone(hub: StepHub) -> None:
    placed(hub, job("save", hook="pre-delete"))
    hub.git.commit(APPS, {"web/a.yaml": None})
    retire(hub)
    run = left(hub)
    assert run.outcome == "succeeded", run.error
    assert "batch/Job:web/save" in {one.object for one in hub.run(run.id).objects}


def test_a_secret_is_no_such_hook_and_is_kept_nowhere(hub: StepHub) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "annotations": {"flotilla.dev/hook": "pre-delete"}},
        "stringData": {"key": "canary-1"},
    }
    placed(hub, yaml.safe_dump(body) + "---\n")
    (run,) = hub.runs("eu/web")
    assert "hook Secret key will not run at a removal: what is secret is not kept" in run.reason
    stored = hub.everything(PlacementRow)
    assert "canary-1" not in stored
    assert "Y2FuYXJ5LTE" not in stored


@pytest.mark.parametrize("annotation", ["helm.sh/hook: pre-delete", "argocd.argoproj.io/hook: PreDelete"])
def test_words_of_other_tools_are_honoured(hub: StepHub, annotation: str) -> None:
    placed(hub, job("save", hook="pre-delete").replace("flotilla.dev/hook: pre-delete", annotation))
    retire(hub)
    run = left(hub)
    assert "batch/Job:web/save" in {one.object for one in hub.run(run.id).objects}


def test_a_removal_that_is_interrupted_does_not_run_its_hooks_again(hub: StepHub) -> None:
    placed(hub, job("save", hook="pre-delete"), job("tell", hook="post-delete", suspend=True))
    retire(hub)
    for _ in range(8):
        look(hub)
        time.sleep(0.05)
    (run, *_) = hub.runs("eu/web")
    assert run.reason.startswith("post-delete wave 0"), (run.state, run.reason, run.error)
    made = [one for one in hub.run(run.id).objects if (one.object, one.action) == ("batch/Job:web/save", "created")]
    assert len(made) == 1
    assert live(hub, "eu", "web", "web") is None
    with client(hub, "eu") as http:
        http.patch(f"{JOBS}/tell", json={"spec": {"suspend": False}}, headers=MERGE).raise_for_status()
    done = left(hub)
    assert (done.id, done.outcome) == (run.id, "succeeded")
    made = [one for one in hub.run(run.id).objects if (one.object, one.action) == ("batch/Job:web/save", "created")]
    assert len(made) == 1
