"""What a bad cluster does to the runs of a hub: who is concerned is told why, and nobody else is held up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from common.store.engine.session import Database
from common.store.schema.tables import OpenRunRow
from common.store.state.intents import IntentKind
from tests.controlplane.runner import ControlPlane
from tests.harness.hands import config_map_in, data_in, edit, gone, show
from tests.harness.hub import APPS, StepHub
from tests.harness.place import Place
from tests.harness.seen import look
from tests.harness.webhooks import ASKED, NAME, Reviewer, in_force, webhook
from tests.integration.kube.bad_input.test_kinds import (
    DEFINITIONS,
    OBJECTS,
    WIDGETS,
    definition,
    established,
    widget,
)


@pytest.fixture
def hub(cluster: ControlPlane, kubectl: httpx.Client, sqlite_database: Database, tmp_path: Path) -> Iterator[StepHub]:
    """Return a hub that has declared the cluster as ``eu``."""
    made = StepHub(sqlite_database, Place(cluster.server, cluster.kubeconfig(), kubectl), tmp_path)
    made.declare("eu")
    yield made
    made.close()


def documents(*manifests: dict[str, Any]) -> str:
    """Return the text of a file with these manifests."""
    return "".join(f"{json.dumps(each)}\n---\n" for each in manifests)


def guarded(value: str) -> str:
    """Return a ConfigMap that the webhook is asked about, as a document of a file."""
    metadata = {"name": "web", "labels": ASKED}
    return documents({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": value}})


def retried(hub: StepHub, until: Callable[[], bool]) -> None:
    """Let retries and sweeps come due until something is so, a few times at most."""
    for _ in range(6):
        if until():
            return
        hub.make_due()
        hub.settle()
        # What a cluster serves is not asked anew within a second.
        time.sleep(0.3)
    assert until(), hub.runs("eu/web")[0].error


def test_a_webhook_that_fails_holds_up_its_application_alone_and_only_as_long_as_it_fails(
    hub: StepHub, kubectl: httpx.Client, reviewer: Reviewer
) -> None:
    hub.git.commit(APPS, {"web/a.yaml": guarded("1"), "bank/a.yaml": config_map_in("bank", v="1")})
    for name in ("web", "bank"):
        hub.application(name)
    hub.settle()
    reviewer.status = 500
    with webhook(kubectl, reviewer):
        hub.git.commit(APPS, {"web/a.yaml": guarded("2"), "bank/a.yaml": config_map_in("bank", v="2")})
        hub.settle()
        assert data_in(kubectl, "bank", "bank") == {"v": "2"}
        assert hub.placement("eu/bank").sync == "synced"
        assert data_in(kubectl, "web", "web") == {"v": "1"}
        run = hub.runs("eu/web")[0]
        assert (run.state, run.attempts) == ("queued", 1)
        assert hub.placement("eu/web").sync != "synced"
        error = hub.run(run.id).attempts[-1].error
        assert f'failed calling webhook "{NAME}"' in error
        assert "See whether what is behind that webhook runs" in error
    reviewer.status = 200
    retried(hub, lambda: hub.runs("eu/web")[0].outcome == "succeeded")
    assert data_in(kubectl, "web", "web") == {"v": "2"}


def test_a_webhook_that_refuses_ends_the_run_with_its_words(
    hub: StepHub, kubectl: httpx.Client, reviewer: Reviewer
) -> None:
    reviewer.refuse("v must be 1", code=401)
    with webhook(kubectl, reviewer):
        hub.git.commit(APPS, {"web/a.yaml": guarded("2"), "bank/a.yaml": config_map_in("bank", v="2")})
        for name in ("web", "bank"):
            hub.application(name)
        hub.settle()
    run = hub.runs("eu/web")[0]
    assert (run.state, run.outcome, run.error_code) == ("ended", "failed", "cluster.denied")
    assert f'admission webhook "{NAME}" denied the request: v must be 1' in run.error
    assert hub.placement("eu/bank").sync == "synced"
    assert data_in(kubectl, "web", "web") is None


def test_a_definition_that_somebody_deletes_heals_with_its_objects(hub: StepHub, kubectl: httpx.Client) -> None:
    hub.git.commit(APPS, {"web/a.yaml": documents(definition(), widget(size=3))})
    hub.application("web")
    hub.settle()
    assert hub.runs("eu/web")[0].outcome == "succeeded", hub.runs("eu/web")[0].error
    kubectl.delete(f"{DEFINITIONS}/{WIDGETS}").raise_for_status()
    assert gone(kubectl, f"{DEFINITIONS}/{WIDGETS}")
    path = f"{OBJECTS}/v1/namespaces/web/widgets/one"
    retried(hub, lambda: hub.placement("eu/web").sync == "synced" and kubectl.get(path).is_success)
    assert show(kubectl, path)["spec"] == {"size": 3}
    assert hub.runs("eu/web")[0].trigger == "drift"


def test_a_wave_waits_for_the_kind_that_an_operator_brings_and_fails_at_the_deadline_without_it(
    hub: StepHub, kubectl: httpx.Client
) -> None:
    later = widget()
    later["metadata"]["annotations"] = {"flotilla.dev/wave": "1"}
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("operator", v="1") + documents(later)})
    hub.application("web")
    hub.settle()
    (run,) = hub.runs("eu/web")
    assert (run.state, run.attempts) == ("waiting", 1)
    assert "serves no kind Widget in example.com/v1" in run.reason
    assert data_in(kubectl, "web", "operator") == {"v": "1"}
    look(hub)
    assert hub.runs("eu/web")[0].attempts == 1, "a look alone makes no attempt"
    kubectl.post(DEFINITIONS, json=definition()).raise_for_status()
    in_force(lambda: established(kubectl, WIDGETS) and kubectl.get(f"{OBJECTS}/v1/widgets").is_success)
    look(hub)
    (run,) = hub.runs("eu/web")
    assert (run.state, run.outcome) == ("ended", "succeeded"), run.error
    assert show(kubectl, f"{OBJECTS}/v1/namespaces/web/widgets/one")["spec"] == {"size": 1}


def test_a_kind_that_never_comes_fails_the_run_at_its_deadline_and_says_which(hub: StepHub) -> None:
    later = widget()
    later["metadata"]["annotations"] = {"flotilla.dev/wave": "1"}
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("operator", v="1") + documents(later)})
    hub.application("web")
    hub.settle()
    with hub.database.write() as connection:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        connection.execute(update(OpenRunRow).where(OpenRunRow.state == "waiting").values(deadline_at=past))
    hub.reaper.tick()
    (run, *_) = hub.runs("eu/web")
    assert (run.state, run.outcome, run.error_code) == ("ended", "failed", "sync.deadline")
    assert "not in time: wave 1: the cluster serves no kind Widget" in run.error


def test_a_kind_that_no_cluster_serves_has_failed_and_no_sweep_hides_it_until_the_next_commit(
    hub: StepHub, kubectl: httpx.Client
) -> None:
    good = config_map_in("web", v="1")
    hub.git.commit(APPS, {"web/a.yaml": good})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="2") + documents(widget())})
    hub.settle()
    for _ in range(3):
        hub.make_due()
        hub.settle(2)
        seen = hub.placement("eu/web")
        assert seen.sync == "failed", "a sweep that finds all as it was says nothing of what is wanted"
        assert seen.failure is not None
        assert "the cluster serves no kind Widget in example.com/v1" in seen.failure.message
        assert (seen.failure.count, seen.failure.remedy, seen.failure.retry_at) == (1, "permanent", None)
        assert "waits for the cluster to serve Widget" in seen.reason
    assert len(hub.runs("eu/web")) == 2, "what only a change helps is not tried again"
    assert data_in(kubectl, "web", "web") == {"v": "1"}
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="3")})
    hub.settle()
    seen = hub.placement("eu/web")
    assert (seen.sync, seen.failure, seen.reason) == ("synced", None, "")
    assert data_in(kubectl, "web", "web") == {"v": "3"}


def test_what_failed_for_a_kind_is_tried_again_once_the_cluster_serves_it(hub: StepHub, kubectl: httpx.Client) -> None:
    hub.git.commit(APPS, {"web/a.yaml": documents(widget())})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "failed"
    kubectl.post(DEFINITIONS, json=definition()).raise_for_status()
    in_force(lambda: established(kubectl, WIDGETS) and kubectl.get(f"{OBJECTS}/v1/widgets").is_success)
    retried(hub, lambda: hub.placement("eu/web").sync == "synced")
    assert show(kubectl, f"{OBJECTS}/v1/namespaces/web/widgets/one")["spec"] == {"size": 1}


def test_a_prune_that_hangs_on_a_finalizer_is_told_until_the_object_is_gone(
    hub: StepHub, kubectl: httpx.Client
) -> None:
    metadata = {"name": "held", "finalizers": ["example.com/hold"]}
    held = documents({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1"), "web/b.yaml": held})
    hub.application("web")
    hub.settle()
    hub.git.commit(APPS, {"web/b.yaml": None})
    hub.settle()
    for _ in range(2):
        seen = hub.placement("eu/web")
        assert seen.sync == "out-of-sync"
        assert "ConfigMap held was deleted and stays until its finalizers are done: example.com/hold" in seen.reason
        hub.make_due()
        hub.settle()
    patch = {"Content-Type": "application/merge-patch+json"}
    path = "/api/v1/namespaces/web/configmaps/held"
    kubectl.patch(path, json={"metadata": {"finalizers": None}}, headers=patch).raise_for_status()
    assert gone(kubectl, path)
    hub.make_due()
    hub.settle()
    seen = hub.placement("eu/web")
    assert (seen.sync, seen.reason) == ("synced", "")


@pytest.mark.parametrize("mode", ["manual", "paused"])
def test_a_field_left_to_others_is_no_drift_where_nothing_may_be_written(
    hub: StepHub, kubectl: httpx.Client, mode: str
) -> None:
    ignore = "ignore: [{kind: ConfigMap, paths: [/data/v]}]"
    hub.git.commit(APPS, {"web/a.yaml": config_map_in("web", v="1", w="1")})
    hub.application("web", more=f"  sync: {{{ignore}}}\n")
    hub.settle()
    if mode == "manual":
        hub.application("web", more=f"  sync: {{mode: manual, {ignore}}}\n")
    else:
        hub.ask(IntentKind.PAUSE, "eu/web")
    hub.settle()
    path = "/api/v1/namespaces/web/configmaps/web"
    edit(kubectl, path, {"data": {"v": "theirs"}}, "operator")
    hub.make_due()
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.placement("eu/web").reason
    edit(kubectl, path, {"data": {"w": "theirs"}}, "operator")
    hub.make_due()
    hub.settle()
    seen = hub.placement("eu/web")
    assert (seen.sync, "1 object differs from Git (ConfigMap web)" in seen.reason) == ("out-of-sync", True)
    looks = len(hub.runs("eu/web"))
    hub.make_due()
    hub.settle()
    assert len(hub.runs("eu/web")) == looks, "what was judged is not judged again while nothing moves"
    # The API server notes who wrote which fields in whole seconds, and the second edit is of the same fields.
    time.sleep(1.1)
    edit(kubectl, path, {"data": {"w": "1"}}, "operator")
    hub.make_due()
    hub.settle()
    assert hub.placement("eu/web").sync == "synced", hub.placement("eu/web").reason
    assert data_in(kubectl, "web", "web") == {"v": "theirs", "w": "1"}
