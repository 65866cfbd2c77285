"""From a commit to clusters and back, step by step."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select, update

from common.broker import messages
from common.domain.errors import TransientError
from common.domain.rights import ALL
from common.store.engine.errors import DatabaseBusyError
from common.store.queue import leases
from common.store.reads import fleet
from common.store.schema.tables import ClusterRow, SourceRow
from common.store.state import clusters
from common.store.state.intents import IntentKind
from tests.harness.hub import APPS, REGISTRY, StepHub
from tests.harness.manifests import config_map
from tests.harness.seen import client, live
from workers.kube.credentials import Access
from workers.render import plain


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """An application on two clusters, synced."""
    hub.declare("eu", "us")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    assert hub.placement("us/web").sync == "synced"
    return hub


def test_a_commit_reaches_its_clusters_and_nothing_more_happens_then(web: StepHub) -> None:
    found = live(web, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "1"}
    before = len(web.runs("eu/web"))
    web.settle()
    assert len(web.runs("eu/web")) == before == 1


def test_an_unchanged_source_costs_one_look(web: StepHub) -> None:
    before = web.git.fetches
    web.settle(1)
    assert web.git.fetches == before + 1


def test_a_newer_renderer_is_a_revision_and_an_older_one_is_not(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    present = int(plain.VERSION)
    monkeypatch.setattr(plain, "VERSION", str(present + 1))
    web.settle()
    assert len(web.runs("eu/web")) == 2
    assert web.placement("eu/web").sync == "synced"
    monkeypatch.setattr(plain, "VERSION", str(present))
    web.settle()
    assert len(web.runs("eu/web")) == 2


def test_when_a_clusters_credentials_end_is_stored_with_each_look(
    web: StepHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(Access, "expires_at", ends)
    web.make_due()
    web.settle()
    with web.database.read() as connection:
        assert {view.credentials_expire_at for view in fleet.clusters(connection, ALL) if view.placements} == {ends}


@pytest.mark.parametrize("what", ["resolve", "sweep", "observe"])
def test_what_a_dead_worker_was_at_is_tried_again_within_seconds(web: StepHub, what: str) -> None:
    subject = "1" if what == "resolve" else "eu"
    with web.database.write() as connection:
        now = web.database.now(connection)
        assert leases.take(connection, f"{what}:{subject}", holder="dead", lease=timedelta(minutes=1), now=now)
        connection.execute(update(SourceRow).values(due_at=now, sent_at=now))
        connection.execute(
            update(ClusterRow).values(sweep_due_at=now, sweep_sent_at=now, observe_due_at=now, observe_sent_at=now)
        )
    web.carry_out(f"flotilla.{what}", subject)
    with web.database.read() as connection:
        row, due_at, sent_at = {
            "resolve": (SourceRow.id == 1, SourceRow.due_at, SourceRow.sent_at),
            "sweep": (ClusterRow.name == "eu", ClusterRow.sweep_due_at, ClusterRow.sweep_sent_at),
            "observe": (ClusterRow.name == "eu", ClusterRow.observe_due_at, ClusterRow.observe_sent_at),
        }[what]
        due, sent = connection.execute(select(due_at, sent_at).where(row)).one()
    assert sent is None
    assert due is not None
    assert timedelta(0) < due - now < timedelta(seconds=10)


@pytest.mark.parametrize("what", ["sweep", "observe"])
def test_a_database_that_is_busy_says_nothing_of_the_cluster(
    web: StepHub, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    error = DatabaseBusyError("a deadlock")

    def busy(*_: object, **__: object) -> None:
        raise error

    web.make_due(observe_until=datetime(2100, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(clusters, {"sweep": "swept", "observe": "observed"}[what], busy)
    with pytest.raises(DatabaseBusyError):
        web.carry_out(f"flotilla.{what}", "eu")
    assert web.placement("eu/web").sync == "synced"


def test_a_burst_of_commits_coalesces_to_the_last(web: StepHub) -> None:
    for number in range(5):
        commit = web.git.commit(APPS, {"web/a.yaml": config_map("web", v=str(number + 10))})
    web.settle()
    assert len(web.runs("eu/web")) == 2
    assert web.placement("eu/web").commit == commit


def test_a_newer_revision_supersedes_a_run_that_waits_for_its_retry(web: StepHub) -> None:
    web.simulator.faults("eu", {"kind": "error"})
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle(2)
    (retrying, *_) = web.runs("eu/web")
    assert (retrying.state, retrying.attempts) == ("queued", 1)
    web.simulator.faults("eu")
    commit = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="3")})
    web.settle()
    assert web.run(retrying.id).run.outcome == "superseded"
    assert web.placement("eu/web").commit == commit


def test_a_registry_fault_keeps_its_document_and_lets_the_rest_go_on(web: StepHub) -> None:
    web.git.commit(APPS, {"other/a.yaml": config_map("other", v="1")})
    web.application("other")
    web.git.commit(REGISTRY.repo, {"web.yaml": web.git.files[REGISTRY.repo]["web.yaml"].replace("path:", "paht:")})
    web.settle()
    assert web.placement("eu/other").sync == "synced"
    assert web.placement("eu/web").state == "placed"
    assert any("paht" in fault for fault in web.faults())


def test_an_empty_registry_changes_nothing(web: StepHub) -> None:
    for name in list(web.git.files[REGISTRY.repo]):
        web.git.commit(REGISTRY.repo, {name: None})
    web.settle()
    assert web.placement("eu/web").state == "placed"
    assert live(web, "eu", "web", "web") is not None


def test_a_removed_cluster_document_freezes_and_deletes_nothing(web: StepHub) -> None:
    text = web.git.files[REGISTRY.repo]["fleet.yaml"]
    kept = "---\n".join(part for part in text.split("---\n") if "name: us" not in part)
    web.git.commit(REGISTRY.repo, {"fleet.yaml": kept})
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    assert "gone from the registry" in web.placement("us/web").reason
    found = live(web, "us", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "1"}
    assert web.placement("eu/web").sync == "synced"


def test_an_application_that_is_retired_leaves_and_owns_nothing_then(web: StepHub) -> None:
    document = web.git.files[REGISTRY.repo]["web.yaml"]
    web.git.commit(REGISTRY.repo, {"web.yaml": document + "  state: retired\n"})
    web.settle()
    (approval,) = web.approvals()
    assert approval.kind == "leaving"
    assert live(web, "eu", "web", "web") is not None
    web.ask(IntentKind.APPROVE, str(approval.id), "no longer needed")
    web.settle(6)
    assert web.placement("eu/web").state == "left"
    assert live(web, "eu", "web", "web") is None


def test_an_unreadable_registry_is_a_fault_and_no_more(web: StepHub) -> None:
    web.git.error = TransientError("the server is away")
    web.registry.refresh()
    web.tick()
    assert any("the registry cannot be read" in fault for fault in web.faults())
    assert web.placement("eu/web").sync == "synced"


def test_a_source_that_cannot_be_reached_keeps_what_was_good(web: StepHub) -> None:
    web.git.error = TransientError("the server is away")
    web.settle(2)
    web.git.error = None
    assert web.placement("eu/web").commit
    web.settle()
    assert web.placement("eu/web").sync == "synced"


def test_a_folder_that_is_gone_names_the_reason_and_keeps_the_objects(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": None})
    web.settle()
    assert web.placement("eu/web").reason
    assert live(web, "eu", "web", "web") is not None


def test_a_wiped_broker_gets_everything_again(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.tick()
    web.work()
    web.tick()
    assert web.sender.messages
    web.sender.wipe()
    web.tick()
    sent = [subject for task, subject, _ in web.sender.messages if task == messages.SYNC]
    assert len(sent) == len(set(sent)) == 2
    web.settle()
    assert web.placement("eu/web").sync == "synced"


def test_a_broker_that_is_away_costs_nothing(web: StepHub) -> None:
    web.sender.gone = True
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    for _ in range(2):
        with pytest.raises(TransientError):
            web.tick()
    web.sender.gone = False
    web.settle()
    assert web.placement("eu/web").sync == "synced"


def test_a_message_delivered_twice_claims_once(web: StepHub) -> None:
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.tick()
    web.work()
    web.tick()
    done = web.work()
    for task, subject, _ in done:
        web.carry_out(task, subject)
    assert [run.attempts for run in web.runs("eu/web")] == [1, 1]


def test_drift_is_found_by_a_sweep_and_corrected(web: StepHub) -> None:
    with client(web, "eu") as http:
        headers = {"Content-Type": "application/merge-patch+json"}
        http.patch("/api/v1/namespaces/web/configmaps/web", json={"data": {"v": "x"}}, headers=headers)
    web.make_due()
    web.settle()
    found = live(web, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "1"}
    (run, *_) = web.runs("eu/web")
    assert (run.trigger, run.outcome) == ("drift", "succeeded")


def test_whoever_keeps_changing_it_back_is_fought_with_patience_and_named(web: StepHub) -> None:
    for value in ("x", "y"):
        with client(web, "eu") as http:
            headers = {"Content-Type": "application/merge-patch+json", "User-Agent": "rival/1"}
            path = "/api/v1/namespaces/web/configmaps/web?fieldManager=rival"
            http.patch(path, json={"data": {"v": value}}, headers=headers)
        web.make_due()
        web.settle()
    found = live(web, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "y"}, "the second time it waits"
    assert "a fight" in web.placement("eu/web").reason
    assert "rival" in web.placement("eu/web").reason


def test_warn_mode_reports_and_writes_nothing(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web", more="  sync: {mode: warn}\n")
    hub.settle()
    assert live(hub, "eu", "web", "web") is None
    assert hub.placement("eu/web").sync == "out-of-sync"
    assert "warn" in hub.placement("eu/web").reason
    before = len(hub.runs("eu/web"))
    hub.settle()
    assert len(hub.runs("eu/web")) == before


def test_what_was_only_warned_of_is_done_at_once_when_the_mode_changes(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web", more="  interval: 1d\n  sync: {mode: warn}\n")
    hub.settle()
    assert live(hub, "eu", "web", "web") is None
    hub.application("web", more="  interval: 1d\n")
    hub.settle()
    assert live(hub, "eu", "web", "web") is not None
    assert len(hub.runs("eu/web")) == 2


def test_manual_mode_waits_for_a_person(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web", more="  sync: {mode: manual}\n")
    hub.settle()
    assert hub.runs("eu/web") == []
    hub.ask(IntentKind.SYNC, "eu/web")
    hub.settle(1)
    assert hub.placement("eu/web").sync == "synced"
    (run,) = hub.runs("eu/web")
    assert (run.trigger, run.actor) == ("manual", "operator")


def test_a_paused_placement_gets_no_run_until_it_is_resumed(web: StepHub) -> None:
    web.ask(IntentKind.PAUSE, "eu/web", "incident")
    web.tick()
    commit = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    assert web.placement("us/web").commit == commit
    assert web.placement("eu/web").commit != commit
    assert web.placement("eu/web").paused_by == "operator"
    assert web.placement("eu/web").paused_at is not None
    web.ask(IntentKind.RESUME, "eu/web")
    web.settle()
    assert web.placement("eu/web").commit == commit


def test_what_left_git_is_pruned(web: StepHub) -> None:
    web.git.commit(APPS, {"web/b.yaml": config_map("extra", v="1")})
    web.settle()
    assert live(web, "eu", "web", "extra") is not None
    web.git.commit(APPS, {"web/b.yaml": None})
    web.settle()
    assert live(web, "eu", "web", "extra") is None
    assert web.runs("eu/web")[0].counts["pruned"] == 1


def test_pruning_over_the_guard_asks_and_an_approval_prunes_exactly_the_list(hub: StepHub) -> None:
    hub.declare("eu")
    many = {f"web/{n}.yaml": config_map(f"many-{n}", v="1") for n in range(6)}
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), **many})
    hub.application("web", more="  sync: {prune: {enabled: true, maxObjects: 3}}\n")
    hub.settle()
    hub.git.commit(APPS, dict.fromkeys(many))
    hub.settle()
    assert hub.runs("eu/web")[0].outcome == "needs-approval"
    assert live(hub, "eu", "web", "many-1") is not None
    (approval,) = hub.approvals()
    assert len(approval.payload["objects"]) == 6
    hub.ask(IntentKind.APPROVE, str(approval.id), "they are old")
    hub.settle()
    assert hub.runs("eu/web")[0].trigger == "approval"
    assert all(live(hub, "eu", "web", f"many-{n}") is None for n in range(6))
    assert live(hub, "eu", "web", "web") is not None
    assert hub.placement("eu/web").sync == "synced"


def test_the_fleets_prune_budget_bounds_what_one_commit_removes_over_all_clusters(hub: StepHub) -> None:
    hub.declare("eu", "us", spec=", pruneBudget: {maxObjects: 1}")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), "web/b.yaml": config_map("extra", v="1")})
    hub.application("web")
    hub.settle()
    hub.git.commit(APPS, {"web/b.yaml": None})
    hub.settle()
    assert sorted(hub.runs(f"{name}/web")[0].outcome for name in ("eu", "us")) == ["needs-approval", "succeeded"]
    left = [name for name in ("eu", "us") if live(hub, name, "web", "extra") is not None]
    assert len(left) == 1
    (approval,) = hub.approvals()
    assert (approval.subject, "pruneBudget 1" in approval.reason) == (f"{left[0]}/web", True)
    hub.ask(IntentKind.APPROVE, str(approval.id), "on purpose")
    hub.settle()
    assert live(hub, left[0], "web", "extra") is None


def test_a_prune_waits_for_health(hub: StepHub) -> None:
    labels = {"app": "slow"}
    deployment = yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "slow"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}},
            },
        }
    )
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": deployment, "web/b.yaml": config_map("gone", v="1")})
    hub.application("web")
    hub.settle()
    broken = deployment.replace("a:1", "a:broken")
    hub.git.commit(APPS, {"web/a.yaml": broken, "web/b.yaml": None})
    hub.settle(2)
    (run, *_) = hub.runs("eu/web")
    assert run.state == "waiting"
    assert live(hub, "eu", "web", "gone") is not None
    time.sleep(0.05)
    _observe(hub)
    assert hub.runs("eu/web")[0].state == "waiting", "it is not healthy"
    hub.git.commit(APPS, {"web/a.yaml": deployment})
    hub.settle(3)
    time.sleep(0.05)
    _observe(hub)
    hub.settle(3)
    assert live(hub, "eu", "web", "gone") is None
    assert hub.runs("eu/web")[0].outcome == "succeeded"


def test_a_rule_of_the_application_decides_about_health(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", state="open")})
    hub.application("web", more="  health:\n    - {kind: ConfigMap, healthy: \"self.data.state == 'open'\"}\n")
    hub.settle()
    _observe(hub)
    assert hub.placement("eu/web").health == "healthy"
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", state="shut")})
    hub.settle()
    _observe(hub)
    placement = hub.placement("eu/web")
    assert (placement.sync, placement.health) == ("synced", "progressing")
    assert "not yet: self.data.state == 'open'" in placement.health_reason


def _observe(hub: StepHub) -> None:
    with hub.database.write() as connection:
        due = hub.database.now(connection)
        connection.execute(update(ClusterRow).values(observe_due_at=due, observe_sent_at=None))
    hub.settle(1)


@pytest.mark.parametrize("fault", ["refuse", "error", "garbage", "throttle"])
def test_a_cluster_that_fails_is_retried_and_never_shown_as_synced(web: StepHub, fault: str) -> None:
    web.simulator.faults("eu", {"kind": fault})
    commit = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle(3)
    (run, *_) = web.runs("eu/web")
    assert (run.state, run.outcome) == ("queued", ""), run.error
    assert run.error_code
    # One that answers, be it with an error, is known to hold what it held: not what is wanted.
    known = {"refuse": "unknown", "garbage": "unknown", "error": "out-of-sync", "throttle": "out-of-sync"}
    assert web.placement("eu/web").sync == known[fault]
    assert web.placement("us/web").commit == commit, "the other one goes on"
    web.simulator.faults("eu")
    web.make_due()
    web.settle()
    assert web.placement("eu/web").commit == commit
    assert web.runs("eu/web")[0].outcome == "succeeded"


def test_credentials_that_are_refused_fail_without_retries(web: StepHub) -> None:
    web.simulator.faults("eu", {"kind": "unauthorized"})
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle(3)
    (run, *_) = web.runs("eu/web")
    assert (run.outcome, run.attempts) == ("failed", 1)
    assert web.placement("eu/web").sync != "synced"


def test_a_run_gives_up_after_its_retries_and_the_placement_backs_off(web: StepHub) -> None:
    web.simulator.faults("eu", {"kind": "error"})
    web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle(2)
    for _ in range(6):
        web.make_due()
        web.settle(1)
    failed = [run for run in web.runs("eu/web") if run.outcome == "failed"]
    assert failed
    assert failed[-1].attempts == 6


def test_a_cluster_that_was_replaced_is_not_written_to_until_approved(web: StepHub) -> None:
    web.simulator.change_identity("eu")
    web.make_due()
    web.settle()
    commit = web.git.commit(APPS, {"web/a.yaml": config_map("web", v="2")})
    web.settle()
    found = live(web, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "1"}
    assert "identity changed" in web.placement("eu/web").reason
    (approval,) = web.approvals()
    assert (approval.kind, approval.subject) == ("identity", "eu")
    web.ask(IntentKind.APPROVE, str(approval.id), "it was rebuilt")
    web.settle()
    web.make_due()
    web.settle()
    assert web.placement("eu/web").commit == commit


def test_two_names_for_one_cluster_block_both(hub: StepHub) -> None:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web")
    twin = hub.twin_document("twin", of="eu")
    hub.git.commit(REGISTRY.repo, {"twin.yaml": twin})
    hub.settle()
    assert "the same cluster as" in hub.placement("eu/web").reason
    assert "the same cluster as" in hub.placement("twin/web").reason
    hub.git.commit(REGISTRY.repo, {"twin.yaml": twin.replace("state: active", "state: retired")})
    hub.settle()
    hub.make_due()
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"


def test_values_that_change_make_a_new_revision(web: StepHub) -> None:
    before = len(web.runs("eu/web"))
    web.application("web", more="  substitute: true\n  values: {colour: red}\n")
    web.settle()
    assert len(web.runs("eu/web")) == before + 1
