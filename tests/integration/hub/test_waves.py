"""Waves and hooks through the whole hub: who waits holds no slot, and what was waited for wakes the run."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from common.store.schema.tables import OpenRunRow
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map, deployment, job
from tests.harness.seen import client, jobs, live, look, until_ended


def web(hub: StepHub, *manifests: str) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": "".join(manifests)})
    hub.application("web")
    for _ in range(6):
        hub.settle(1)
        if any(run.state in {"waiting", "ended"} for run in hub.runs("eu/web")):
            return


def test_waves_and_hooks_follow_each_other_in_one_run(hub: StepHub) -> None:
    web(
        hub,
        deployment("db", wave=-1),
        config_map("web", v="1"),
        job("migrate", hook="pre-sync"),
        job("tell", hook="post-sync"),
    )
    (run,) = hub.runs("eu/web")
    assert run.state == "waiting"
    before = ("pre-sync wave 0: hook Job migrate: ", "wave -1: Deployment db: ")
    # On a busy machine the cluster is ready before the hub looks: what it waits for may be the last stage already.
    assert run.reason.startswith((*before, "post-sync wave 0: hook Job tell: ")), run.reason
    assert not run.reason.startswith(before) or live(hub, "eu", "web", "web") is None
    assert [name for name in hub.leases() if name.startswith("placement:")] == [], "who waits holds no lease"
    done = until_ended(hub)
    assert (done.id, done.outcome) == (run.id, "succeeded"), done.error
    assert set(jobs(hub)) == {"migrate", "tell"}
    assert hub.placement("eu/web").sync == "synced"
    attempts = [one.outcome for one in hub.run(run.id).attempts]
    assert attempts[-1] == "succeeded"
    assert set(attempts[:-1]) == {"waiting"}


def test_drift_is_corrected_without_hooks(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), job("migrate", hook="pre-sync"))
    assert until_ended(hub).outcome == "succeeded"
    before = jobs(hub)["migrate"]["metadata"]["uid"]
    with client(hub, "eu") as http:
        http.delete("/api/v1/namespaces/web/configmaps/web")
    hub.make_due()
    hub.settle()
    assert live(hub, "eu", "web", "web") is not None
    assert hub.runs("eu/web")[0].trigger == "drift"
    assert jobs(hub)["migrate"]["metadata"]["uid"] == before


def test_a_hook_that_is_gone_is_no_drift(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), job("migrate", hook="pre-sync"))
    until_ended(hub)
    with client(hub, "eu") as http:
        http.delete("/apis/batch/v1/namespaces/web/jobs/migrate")
    hub.make_due()
    hub.settle()
    assert len(hub.runs("eu/web")) == 1
    assert hub.faults() == []


def test_a_failing_hook_ends_the_run_and_calls_those_for_a_failure(hub: StepHub) -> None:
    broken = job("migrate", hook="pre-sync", image="example.com/a:broken")
    web(hub, config_map("web", v="1"), broken, job("alarm", hook="sync-fail"))
    done = until_ended(hub)
    assert (done.outcome, done.error_code) == ("failed", "hook.failed")
    assert "hook Job migrate: BackoffLimitExceeded" in done.error
    assert set(jobs(hub)) == {"migrate", "alarm"}
    assert live(hub, "eu", "web", "web") is None


def test_a_broken_object_of_a_later_wave_does_not_hold_up_the_fix(hub: StepHub) -> None:
    """What the run waits for decides, not the health of what it has not come to yet."""
    web(hub, deployment("db", wave=-1), deployment("web", image="example.com/a:broken"))
    look(hub)
    assert until_ended(hub).outcome == "succeeded"
    hub.git.commit(APPS, {"web/a.yaml": deployment("db", wave=-1, image="example.com/a:2") + deployment("web")})
    hub.settle()
    assert until_ended(hub).outcome == "succeeded"
    with client(hub, "eu") as http:
        found = http.get("/apis/apps/v1/namespaces/web/deployments/web").json()
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/a:1"


def test_a_newer_revision_waits_for_a_hook_and_a_hook_for_its_deadline(hub: StepHub) -> None:
    web(hub, config_map("web", v="1"), job("migrate", hook="pre-sync", suspend=True))
    (first,) = hub.runs("eu/web")
    assert first.state == "waiting"
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    hub.settle()
    look(hub)
    assert [(run.id, run.state) for run in hub.runs("eu/web")] == [(first.id, "waiting")], "it is not superseded"
    with hub.database.write() as connection:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        connection.execute(update(OpenRunRow).where(OpenRunRow.run_id == first.id).values(deadline_at=past))
    hub.reaper.tick()
    hub.settle()
    (second, former) = hub.runs("eu/web")
    assert (former.id, former.outcome) == (first.id, "superseded")
    until_ended(hub)
    found = live(hub, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "2"}
    assert hub.runs("eu/web")[0].id == second.id


def test_a_run_that_waits_in_vain_calls_the_hooks_for_a_failure(hub: StepHub) -> None:
    broken = deployment("db", wave=-1, image="example.com/a:broken")
    web(hub, broken, config_map("web", v="1"), job("alarm", hook="sync-fail"))
    look(hub)
    (run,) = hub.runs("eu/web")
    assert run.state == "waiting"
    with hub.database.write() as connection:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        connection.execute(update(OpenRunRow).where(OpenRunRow.run_id == run.id).values(deadline_at=past))
    hub.reaper.tick()
    hub.settle(2)
    (run, *_) = hub.runs("eu/web")
    assert run.outcome == "failed"
    assert "wave -1 did not end in time: Deployment db" in run.error
    assert set(jobs(hub)) == {"alarm"}


CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n"
    "annotations: {flotilla.dev/cluster-values: cluster}\n",
    "web/templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
    "data: {release: '{{ .Release.Name }}', cluster: '{{ .Values.cluster.name }}', color: '{{ .Values.color }}',\n"
    "  jobs: '{{ .Capabilities.APIVersions.Has \"batch/v1/Job\" }}'}\n",
}


def test_a_chart_is_synced_with_its_hooks_and_the_clusters_kinds(hub: StepHub) -> None:
    hub.declare("eu")
    install = job("install", hook="x").replace("flotilla.dev/hook: x", "helm.sh/hook: pre-install")
    upgrade = job("upgrade", hook="x").replace("flotilla.dev/hook: x", "helm.sh/hook: pre-upgrade")
    assert "helm.sh" in install
    hub.git.commit(APPS, CHART | {"web/templates/install.yaml": install, "web/templates/upgrade.yaml": upgrade})
    hub.application("web", more="  values: {color: blue}\n")
    hub.settle()
    assert until_ended(hub).outcome == "succeeded", hub.runs("eu/web")[0].error
    found = live(hub, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"release": "web", "cluster": "eu", "color": "blue", "jobs": "true"}
    assert set(jobs(hub)) == {"install"}
    hub.application("web", more="  values: {color: red}\n")
    hub.settle()
    assert until_ended(hub).outcome == "succeeded"
    assert set(jobs(hub)) == {"install", "upgrade"}
