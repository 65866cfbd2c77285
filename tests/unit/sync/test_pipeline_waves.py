"""Waves and hooks: order, waiting without a slot, and going on where the run stood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.domain.changes import Action
from common.domain.fleet import PrunePolicy, SyncSettings
from common.domain.inventory import HookState
from common.domain.reasons import sentence
from common.domain.refs import AttemptRef, RunId
from common.domain.runs import Trigger
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import ForbiddenError
from workers.sync.ports import Target
from workers.sync.requests import Content, Deadline, Installed, Phase
from workers.sync.results import Ending, SyncResult

READY = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"}
NEXT = RunId("0199c0de-0000-7000-8000-000000000002")


def wave(manifest: dict[str, Any], number: int) -> dict[str, Any]:
    return annotated(manifest, flotilla_wave=str(number))


def job(name: str = "migrate", hook: str = "pre-sync", **annotations: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "example.com/a"}]}}}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
    return annotated(manifest, flotilla_hook=hook, **annotations)


def complete(cluster: FakeCluster, name: str = "migrate") -> None:
    cluster.status("Job", name, conditions=[{"type": "Complete", "status": "True"}])


def fail(cluster: FakeCluster, name: str = "migrate") -> None:
    conditions = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it has failed"}]
    cluster.status("Job", name, conditions=conditions)


def again(site: Site, *manifests: dict[str, Any], **more: Any) -> SyncResult:
    """Carry out the run's next attempt, after what it waited for came."""
    return site.sync(*manifests, phase=Phase.RESUME, **more)


def next_run(site: Site, *manifests: dict[str, Any], **more: Any) -> SyncResult:
    site.attempts += 1
    return site.sync(*manifests, attempt=AttemptRef(NEXT, site.attempts), **more)


def state(site: Site, name: str) -> HookState:
    (found,) = [item.hook_state for item in site.journal.inventory.values() if item.object.name == name]
    return found


# -- waves -----------------------------------------------------------------------------------------------------


def test_a_wave_begins_once_the_one_before_is_healthy(site: Site, cluster: FakeCluster) -> None:
    manifests = (wave(deployment("db"), -1), config_map("late"), wave(deployment("web"), 1))
    done = site.sync(*manifests)
    assert (done.ending, done.hook_active, done.partial) == (Ending.WAITING, False, True)
    assert sentence(done.reason).startswith("wave -1: Deployment db: ")
    assert [str(one) for one in done.awaits] == ["apps/Deployment:default/db"]
    assert cluster.names("Deployment") == {"db"}
    assert "late" not in cluster.names("ConfigMap")
    cluster.status("Deployment", "db", **READY)
    done = again(site, *manifests)
    assert (done.ending, done.partial) == (Ending.SUCCEEDED, False), "nothing waits for the last wave"
    assert cluster.names("Deployment") == {"db", "web"}
    assert actions(done) == {"Deployment/db": "unchanged", "ConfigMap/late": "created", "Deployment/web": "created"}


def claim(storage_class: str) -> dict[str, Any]:
    spec = {"storageClassName": storage_class, "accessModes": ["ReadWriteOnce"]}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


@pytest.mark.parametrize(
    ("storage_class", "ending"),
    [("late", Ending.SUCCEEDED), ("at-once", Ending.WAITING), ("gone", Ending.WAITING)],
)
def test_a_claim_that_binds_once_a_pod_uses_it_holds_up_no_wave(
    site: Site, cluster: FakeCluster, storage_class: str, ending: Ending
) -> None:
    for name, mode in (("late", "WaitForFirstConsumer"), ("at-once", "Immediate")):
        cluster.put({**CLASS, "metadata": {"name": name}, "volumeBindingMode": mode}, manager="kube")
    manifests = (wave(claim(storage_class), -1), deployment("web"))
    site.sync(*manifests)
    cluster.status("PersistentVolumeClaim", "data", phase="Pending")
    assert again(site, *manifests).ending is ending


def test_a_wave_that_is_healthy_already_is_not_waited_for(site: Site) -> None:
    done = site.sync(wave(config_map("a"), -1), config_map("b"), wave(config_map("c"), 1))
    assert done.ending is Ending.SUCCEEDED


def test_nothing_of_a_later_wave_is_owned_before_its_turn(site: Site) -> None:
    """A wave is waited for by the health of all that is owned, which what does not exist yet would spoil."""
    site.sync(wave(deployment("db"), -1), wave(deployment("web"), 1))
    assert [one.name for one in site.journal.inventory] == ["db"]


def test_a_refused_wave_writes_nothing_ends_the_run_and_says_what_was_written(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "dry-run" and target.name == "b":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    done = site.sync(wave(config_map("a"), -1), config_map("b"), config_map("c"), wave(config_map("d"), 1))
    assert done.ending is Ending.FAILED
    assert sentence(done.reason).startswith("wave 0: 1 object was written before: ")
    assert cluster.names("ConfigMap") & {"a", "b", "c", "d"} == {"a"}


def test_a_namespace_and_a_definition_come_before_what_needs_them(site: Site, cluster: FakeCluster) -> None:
    space = wave({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, 5)
    early = wave(config_map("early", namespace="shop"), -5)
    assert site.sync(early, space, config_map("b")).ending is Ending.SUCCEEDED
    written = [name for verb, name in cluster.log if verb == "apply"]
    assert written.index("shop") < written.index("early") < written.index("b")


def test_what_left_the_manifests_is_removed_once_the_last_wave_is_healthy(site: Site, cluster: FakeCluster) -> None:
    site.settings = SyncSettings(prune=PrunePolicy(max_percent=100))
    site.sync(wave(config_map("a"), -1), config_map("old"))
    manifests = (wave(config_map("a"), -1), deployment("web"))
    done = site.sync(*manifests)
    assert (done.ending, sentence(done.reason)) == (Ending.WAITING, "1 object is removed once the rest is healthy")
    cluster.status("Deployment", "web", **READY)
    assert actions(again(site, *manifests))["ConfigMap/old"] == "pruned"


def test_a_run_that_waited_in_vain_fails_and_names_what_for(site: Site) -> None:
    manifests = (wave(deployment("db"), -1), config_map("b"))
    site.sync(*manifests)
    done = again(site, *manifests, deadline=Deadline.PASSED)
    assert done.ending is Ending.FAILED
    assert sentence(done.reason).startswith("wave -1 did not end in time: Deployment db: ")


# -- hooks -----------------------------------------------------------------------------------------------------


def test_a_hook_runs_before_the_rest_and_is_waited_for(site: Site, cluster: FakeCluster) -> None:
    manifests = (config_map("b"), job())
    done = site.sync(*manifests)
    assert (done.ending, done.hook_active) == (Ending.WAITING, True)
    assert sentence(done.reason).startswith("pre-sync wave 0: hook Job migrate: ")
    assert "b" not in cluster.names("ConfigMap")
    complete(cluster)
    cluster.logs["migrate"] = "one\ntwo\n"
    done = again(site, *manifests)
    assert done.ending is Ending.SUCCEEDED
    assert details(done)["Job/migrate"] == "hook pre-sync succeeded\none\ntwo"
    assert state(site, "migrate") is HookState.SUCCEEDED


def test_hooks_before_during_and_after(site: Site, cluster: FakeCluster) -> None:
    manifests = (job("after", "post-sync"), job("during", "sync"), deployment("web"), job("before"))
    site.sync(*manifests)
    assert cluster.names("Job") == {"before"}
    complete(cluster, "before")
    assert again(site, *manifests).ending is Ending.WAITING
    assert cluster.names("Job") == {"before", "during"}
    assert cluster.names("Deployment") == {"web"}
    complete(cluster, "during")
    done = again(site, *manifests)
    assert sentence(done.reason).startswith("wave 0: Deployment web: "), "what comes after waits for health"
    cluster.status("Deployment", "web", **READY)
    assert again(site, *manifests).ending is Ending.WAITING
    complete(cluster, "after")
    assert again(site, *manifests).ending is Ending.SUCCEEDED
    assert cluster.names("Job") == {"before", "during", "after"}


def test_a_hook_that_succeeded_is_not_repeated_by_a_later_attempt(site: Site, cluster: FakeCluster) -> None:
    hook = annotated(job(), **{"flotilla.dev/hook": "pre-sync", "flotilla.dev/hook-delete": "succeeded"})
    manifests = (hook, wave(deployment("db"), -1), config_map("b"))
    site.sync(*manifests)
    complete(cluster)
    assert sentence(again(site, *manifests).reason).startswith("wave -1")
    assert cluster.names("Job") == set(), "its object is gone, its state is not"
    cluster.status("Deployment", "db", **READY)
    assert again(site, *manifests).ending is Ending.SUCCEEDED
    assert [name for verb, name in cluster.log if (verb, name) == ("apply", "migrate")] == ["migrate"]


def test_the_next_run_makes_the_hook_anew(site: Site, cluster: FakeCluster) -> None:
    site.sync(job())
    complete(cluster)
    again(site, job())
    before = cluster.show("Job", "migrate")["metadata"]["uid"]
    assert next_run(site, job()).ending is Ending.WAITING
    assert cluster.show("Job", "migrate")["metadata"]["uid"] != before


def test_a_hook_of_an_earlier_run_that_is_under_way_is_never_deleted(site: Site, cluster: FakeCluster) -> None:
    site.sync(job())
    before = cluster.show("Job", "migrate")["metadata"]["uid"]
    done = next_run(site, job())
    assert done.ending is Ending.WAITING
    assert "the one of an earlier run is still under way" in sentence(done.reason)
    assert cluster.show("Job", "migrate")["metadata"]["uid"] == before
    complete(cluster)
    next_run(site, job(), phase=Phase.RESUME)
    assert cluster.show("Job", "migrate")["metadata"]["uid"] != before


def test_a_hook_that_fails_stops_the_run_with_its_last_lines(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), config_map("b"), job("alarm", "sync-fail"))
    assert site.sync(*manifests).fail_hooks
    fail(cluster)
    cluster.logs["migrate"] = "\n".join(["early", *map(str, range(20))])
    done = again(site, *manifests)
    assert done.ending is Ending.FAILED
    assert sentence(done.reason).startswith("pre-sync wave 0: hook Job migrate: BackoffLimitExceeded")
    assert done.error_code == "hook.failed"
    detail = details(done)["Job/migrate"]
    assert detail.endswith("\n18\n19")
    assert "early" not in detail
    assert "b" not in cluster.names("ConfigMap")
    assert "alarm" in cluster.names("Job"), "hooks for a failure run then, and only then"


@pytest.mark.parametrize("verb", ["dry-run", "apply"])
def test_hooks_for_failure_run_where_all_objects_are_written_at_once_too(
    site: Site, cluster: FakeCluster, verb: str
) -> None:
    def refuse(asked: str, target: Target) -> None:
        if asked == verb and target.name == "b":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    done = site.sync(config_map("a"), config_map("b"), job("alarm", "sync-fail"))
    assert (done.ending, sentence(done.reason).startswith("wave")) == (Ending.FAILED, False)
    assert cluster.names("Job") == {"alarm"}


def test_hooks_for_failure_run_where_health_does_not_come_before_pruning(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("old"), deployment(), job("alarm", "sync-fail"))
    manifests = (deployment(), job("alarm", "sync-fail"))
    waits = site.sync(*manifests)
    assert (waits.ending, waits.fail_hooks, cluster.names("Job")) == (Ending.WAITING, True, set())
    assert again(site, *manifests, deadline=Deadline.PASSED).ending is Ending.FAILED
    assert (cluster.names("Job"), "old" in cluster.names("ConfigMap")) == ({"alarm"}, True)


def test_no_hook_for_failure_runs_when_all_goes_well(site: Site, cluster: FakeCluster) -> None:
    assert site.sync(wave(config_map("a"), -1), config_map("b"), job("alarm", "sync-fail")).ending is Ending.SUCCEEDED
    assert cluster.names("Job") == set()


def test_a_hook_that_somebody_deletes_fails(site: Site, cluster: FakeCluster) -> None:
    site.sync(job(), config_map("b"))
    cluster.remove("Job", "migrate")
    done = again(site, job(), config_map("b"))
    assert (done.ending, "somebody deleted it" in sentence(done.reason)) == (Ending.FAILED, True)
    assert cluster.names("Job") == set(), "it is not made a second time"


def test_a_hook_that_does_not_end_fails_at_the_deadline(site: Site) -> None:
    site.sync(job(), config_map("b"))
    done = again(site, job(), config_map("b"), deadline=Deadline.PASSED)
    assert (done.ending, "did not end in time" in sentence(done.reason)) == (Ending.FAILED, True)
    assert state(site, "migrate") is HookState.FAILED


def test_drift_runs_no_hooks(site: Site, cluster: FakeCluster) -> None:
    done = site.sync(job(), config_map("b"), trigger=Trigger.DRIFT)
    assert done.ending is Ending.SUCCEEDED
    assert (cluster.names("Job"), "b" in cluster.names("ConfigMap")) == (set(), True)


def test_helms_install_hooks_run_at_first_and_its_upgrade_hooks_later(site: Site, cluster: FakeCluster) -> None:
    def helm(name: str, hook: str) -> dict[str, Any]:
        return annotated(job(name), **{"helm.sh/hook": hook})

    manifests = (helm("install", "pre-install"), helm("upgrade", "pre-upgrade"))
    site.sync(*manifests, installed=Installed.NOTHING)
    assert cluster.names("Job") == {"install"}
    complete(cluster, "install")
    assert again(site, *manifests, installed=Installed.NOTHING).ending is Ending.SUCCEEDED
    next_run(site, *manifests, installed=Installed.ANOTHER)
    assert cluster.names("Job") == {"install", "upgrade"}


def test_a_hook_may_have_a_prefix_for_a_name(site: Site, cluster: FakeCluster) -> None:
    named = job()
    prefixed = {**named, "metadata": {**named["metadata"], "generateName": "migrate-"}}
    del prefixed["metadata"]["name"]
    site.sync(prefixed)
    (first,) = cluster.names("Job")
    assert first.startswith("migrate-")
    complete(cluster, first)
    assert again(site, prefixed).ending is Ending.SUCCEEDED, "all attempts of a run mean the same object"
    next_run(site, prefixed)
    (second,) = cluster.names("Job")
    assert second != first, "the one of the earlier run went by policy"


def test_an_attempt_that_died_after_making_a_hook_does_not_make_it_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(job(), config_map("b"))
    (row,) = site.journal.inventory.values()
    site.journal.inventory[row.object] = replace(row, uid="")
    uid = cluster.show("Job", "migrate")["metadata"]["uid"]
    done = site.sync(job(), config_map("b"))
    assert done.ending is Ending.WAITING
    assert cluster.show("Job", "migrate")["metadata"]["uid"] == uid


def test_somebody_elses_object_is_never_taken_for_a_hook(site: Site, cluster: FakeCluster) -> None:
    theirs = job()
    theirs["metadata"]["annotations"] = {}
    cluster.put(theirs, manager="kubectl")
    done = site.sync(job(), config_map("b"))
    assert done.ending is Ending.FAILED
    assert "exists already" in sentence(done.reason)
    assert "Job" in {stored.kind.kind for stored in cluster.objects.values()}


def test_a_newer_revision_waits_for_the_end_of_a_hook(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), config_map("b"))
    site.sync(*manifests)
    done = site.sync(*manifests, phase=Phase.SETTLE)
    assert (done.ending, done.hook_active) == (Ending.WAITING, True)
    complete(cluster)
    done = site.sync(*manifests, phase=Phase.SETTLE)
    assert done.ending is Ending.SUPERSEDED
    assert "b" not in cluster.names("ConfigMap"), "the newer revision brings the rest"


def test_a_hook_without_health_is_done_once_it_is_there(site: Site) -> None:
    assert site.sync(annotated(config_map("h"), flotilla_hook="pre-sync"), config_map("b")).ending is Ending.SUCCEEDED


def test_a_pod_that_runs_is_no_hook_that_ended(site: Site, cluster: FakeCluster) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    manifests = (annotated(pod, flotilla_hook="pre-sync"), config_map("b"))
    site.sync(*manifests)
    cluster.status("Pod", "p", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    assert again(site, *manifests).ending is Ending.WAITING
    cluster.status("Pod", "p", phase="Succeeded")
    assert again(site, *manifests).ending is Ending.SUCCEEDED


@pytest.mark.parametrize("name", ["argocd.argoproj.io/hook", "helm.sh/hook"])
def test_skipped_and_test_hooks_are_neither_made_nor_removed(site: Site, cluster: FakeCluster, name: str) -> None:
    plain = config_map("h")
    site.sync(plain, config_map("b"))
    skipped = annotated(plain, **{name: "Skip" if name.startswith("argocd") else "test"})
    done = site.sync(skipped, config_map("b"))
    assert done.ending is Ending.SUCCEEDED
    assert "h" in cluster.names("ConfigMap")
    assert Action.PRUNED not in {change.action for change in done.changes}


# -- hooks of a removal ----------------------------------------------------------------------------------------


def leaving(site: Site, *hooks: dict[str, Any], **more: Any) -> SyncResult:
    """Carry out the next attempt of a removal."""
    site.attempts += 1
    return site.sync(*hooks, phase=Phase.REMOVE, attempt=AttemptRef(NEXT, site.attempts), **more)


def test_hooks_of_a_removal_are_handed_on_and_do_not_run_at_a_sync(site: Site, cluster: FakeCluster) -> None:
    done = site.sync(config_map("web"), job("save", hook="pre-delete"), job("tell", hook="post-delete"))
    assert done.ending is Ending.SUCCEEDED
    assert [one["metadata"]["name"] for one in done.delete_hooks] == ["save", "tell"]
    assert cluster.names("Job") == set()


def test_what_is_secret_is_not_handed_on(site: Site) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"k": "canary-1"}}
    hooks = (annotated(secret, flotilla_hook="pre-delete"), job("save", hook="pre-delete"))
    done = site.sync(config_map("web"), *hooks)
    assert [one["metadata"]["name"] for one in done.delete_hooks] == ["save"]
    (told,) = map(sentence, done.warnings)
    assert told == "hook Secret key will not run at a removal: what is secret is not kept"
    assert "canary-1" not in str(done.delete_hooks)
    assert site.sync(config_map("web"), *hooks, content=Content.DECRYPTED).delete_hooks == ()


def test_a_removal_waits_for_the_hooks_before_it_and_clears_them_away_at_last(site: Site, cluster: FakeCluster) -> None:
    hooks = (job("save", hook="pre-delete"), job("tell", hook="post-delete"))
    site.sync(config_map("web"), *hooks)
    done = leaving(site, *hooks)
    assert (done.ending, done.hook_active, done.partial) == (Ending.WAITING, True, True)
    assert sentence(done.reason).startswith("pre-delete wave 0: hook Job save")
    assert "web" in cluster.names("ConfigMap")
    complete(cluster, "save")
    done = leaving(site, *hooks)
    assert sentence(done.reason).startswith("post-delete wave 0: hook Job tell")
    assert "web" not in cluster.names("ConfigMap")
    assert cluster.names("Job") == {"save", "tell"}, "they tell how far it has come"
    complete(cluster, "tell")
    done = leaving(site, *hooks)
    assert done.ending is Ending.SUCCEEDED
    assert cluster.names("Job") == set()
    assert site.journal.inventory == {}


@pytest.mark.parametrize("deadline", Deadline)
def test_a_hook_that_fails_or_never_ends_keeps_everything(site: Site, cluster: FakeCluster, deadline: Deadline) -> None:
    hook = job("save", hook="pre-delete")
    site.sync(config_map("web"), hook)
    leaving(site, hook)
    if deadline is Deadline.AHEAD:
        fail(cluster, "save")
    done = leaving(site, hook, deadline=deadline)
    assert done.ending is Ending.FAILED
    assert "hook Job save" in sentence(done.reason)
    assert "web" in cluster.names("ConfigMap")
