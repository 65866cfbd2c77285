"""What becomes of hooks: their objects at the end of a phase, what the cluster collects, and tries by time alone."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.inventory import End, HookState
from common.domain.reasons import sentence
from common.domain.refs import AttemptRef, RunId
from common.domain.runs import Trigger
from tests.factories import revision
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, details
from tests.unit.sync.test_pipeline_waves import again, complete, fail, job, state, wave
from workers.sync.errors import ForbiddenError, UnreachableError
from workers.sync.ports import Applied, Target
from workers.sync.requests import Deadline, DryRuns, Installed, Phase
from workers.sync.results import Ending, SyncResult

BOTH = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
FIRST = revision()
SECOND = revision("d" * 64, "b" * 64, "e" * 40)
DELETED = {"flotilla.dev/hook-delete": "succeeded,failed"}


def run_id(number: int) -> RunId:
    return RunId(f"0199c0de-0000-7000-8000-{number:012}")


def retried(site: Site, number: int, *manifests: dict[str, Any], **more: Any) -> SyncResult:
    """Carry out the first attempt of a run that time alone led to."""
    site.attempts += 1
    given: dict[str, Any] = {"revision": FIRST, "trigger": Trigger.RETRY} | more
    return site.sync(*manifests, attempt=AttemptRef(run_id(number), site.attempts), **given)


def hook(manifest: dict[str, Any], where: str = "pre-sync", **annotations: str) -> dict[str, Any]:
    return annotated(manifest, **{"flotilla.dev/hook": where, **annotations})


def account(**annotations: str) -> dict[str, Any]:
    manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "adm"}}
    return annotated(manifest, **(annotations or BOTH))


def with_ttl(manifest: dict[str, Any], seconds: int = 0) -> dict[str, Any]:
    return {**manifest, "spec": {**manifest["spec"], "ttlSecondsAfterFinished": seconds}}


def prefixed(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = {**manifest["metadata"], "generateName": "migrate-"}
    del metadata["name"]
    return {**manifest, "metadata": metadata}


def made(cluster: FakeCluster, name: str) -> int:
    return cluster.log.count(("apply", name))


# -- the end of a phase ----------------------------------------------------------------------------------------


def test_nothing_goes_by_policy_while_another_hook_of_its_phase_runs(site: Site, cluster: FakeCluster) -> None:
    manifests = (account(), annotated(job("create"), **BOTH), config_map("c"))
    site.sync(*manifests)
    assert cluster.names("ServiceAccount") == {"adm"}, "the job runs under it"
    assert again(site, *manifests).ending is Ending.WAITING
    assert cluster.names("ServiceAccount") == {"adm"}
    complete(cluster, "create")
    assert again(site, *manifests).ending is Ending.SUCCEEDED
    assert (cluster.names("ServiceAccount"), cluster.names("Job")) == (set(), set())


def test_a_phase_ends_with_its_last_wave(site: Site, cluster: FakeCluster) -> None:
    early = annotated(account(), **BOTH, **{"helm.sh/hook-weight": "-5"})
    manifests = (early, annotated(job("create"), **BOTH, **{"helm.sh/hook-weight": "5"}))
    site.sync(*manifests)
    assert cluster.names("ServiceAccount") == {"adm"}
    complete(cluster, "create")
    again(site, *manifests)
    assert cluster.names("ServiceAccount") == set()


def test_what_succeeded_goes_by_policy_where_another_hook_of_the_phase_fails(site: Site, cluster: FakeCluster) -> None:
    manifests = (account(), annotated(job("create"), **BOTH))
    site.sync(*manifests)
    fail(cluster, "create")
    assert again(site, *manifests).ending is Ending.FAILED
    assert (cluster.names("ServiceAccount"), cluster.names("Job")) == (set(), {"create"})


def test_a_hook_that_fails_beside_one_that_runs_ends_the_run_once_both_have_ended(
    site: Site, cluster: FakeCluster
) -> None:
    manifests = (hook(job("bad"), **DELETED), hook(job("slow"), **DELETED), config_map("c"))
    site.sync(*manifests)
    fail(cluster, "bad")
    done = again(site, *manifests)
    assert (done.ending, done.hook_active) == (Ending.WAITING, True)
    assert "hook Job bad: BackoffLimitExceeded" in sentence(done.reason)
    assert [one.name for one in done.awaits] == ["slow"]
    complete(cluster, "slow")
    done = again(site, *manifests)
    assert (done.ending, "hook Job bad: BackoffLimitExceeded" in sentence(done.reason)) == (Ending.FAILED, True)
    assert cluster.names("Job") == set()


def test_nothing_goes_by_policy_where_a_hook_of_the_phase_is_given_up_and_still_runs(
    site: Site, cluster: FakeCluster
) -> None:
    manifests = (account(), annotated(job("create"), **BOTH))
    site.sync(*manifests)
    assert again(site, *manifests, deadline=Deadline.PASSED).ending is Ending.FAILED
    assert (cluster.names("ServiceAccount"), cluster.names("Job")) == ({"adm"}, {"create"})


@pytest.mark.parametrize(
    "annotations",
    [
        {"argocd.argoproj.io/hook": "PreSync,PostSync", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"},
        {"helm.sh/hook": "pre-install,post-install", "helm.sh/hook-delete-policy": "hook-succeeded"},
        {"flotilla.dev/hook": "pre-sync,post-sync"},
    ],
)
def test_one_object_may_be_a_hook_of_several_phases(
    site: Site, cluster: FakeCluster, annotations: dict[str, str]
) -> None:
    manifests = (annotated(job("both"), **annotations), config_map("c"))
    site.sync(*manifests, installed=Installed.NOTHING)
    first = cluster.show("Job", "both")["metadata"]["uid"]
    assert "c" not in cluster.names("ConfigMap")
    complete(cluster, "both")
    done = again(site, *manifests, installed=Installed.NOTHING)
    assert (done.ending, "c" in cluster.names("ConfigMap")) == (Ending.WAITING, True)
    assert sentence(done.reason).startswith("post-sync")
    assert cluster.show("Job", "both")["metadata"]["uid"] != first
    assert again(site, *manifests, installed=Installed.NOTHING).ending is Ending.WAITING, (
        "it does not begin from the start"
    )
    complete(cluster, "both")
    assert again(site, *manifests, installed=Installed.NOTHING).ending is Ending.SUCCEEDED
    assert made(cluster, "both") == 2


def test_an_object_that_may_not_be_deleted_by_policy_is_told_and_fails_nothing(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(hook(job(), **DELETED))
    complete(cluster)

    def refuse(verb: str, _target: Target) -> None:
        if verb == "delete":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    done = again(site, hook(job(), **DELETED))
    assert done.ending is Ending.SUCCEEDED
    assert ("Job/migrate", "hook pre-sync: no") in [
        (f"{c.object.kind}/{c.object.name}", sentence(c.detail)) for c in done.changes
    ]


def test_a_worker_that_dies_before_the_phase_ends_leaves_the_rest_to_the_next(site: Site, cluster: FakeCluster) -> None:
    site.sync(hook(job(), **DELETED), config_map("c"))
    complete(cluster)

    def die(verb: str, _target: Target) -> None:
        if verb == "delete":
            message = "reset"
            raise UnreachableError(message)

    cluster.before = die
    with pytest.raises(UnreachableError):
        again(site, hook(job(), **DELETED), config_map("c"))
    assert state(site, "migrate") is HookState.SUCCEEDED, "committed before the object may go"
    cluster.before = lambda _verb, _target: None
    assert again(site, hook(job(), **DELETED), config_map("c")).ending is Ending.SUCCEEDED
    assert cluster.names("Job") == set()


# -- what the cluster collects ---------------------------------------------------------------------------------


def test_a_hook_has_no_time_to_live_before_its_result_is_recorded(site: Site, cluster: FakeCluster) -> None:
    manifests = (with_ttl(job()), config_map("c"))
    site.sync(*manifests)
    assert "ttlSecondsAfterFinished" not in cluster.show("Job", "migrate")["spec"]
    complete(cluster)
    recorded: list[HookState] = []

    def look(verb: str, target: Target) -> None:
        if verb == "patch":
            recorded.append(state(site, target.name))

    cluster.before = look
    assert again(site, *manifests).ending is Ending.SUCCEEDED
    assert cluster.show("Job", "migrate")["spec"]["ttlSecondsAfterFinished"] == 0
    assert recorded == [HookState.SUCCEEDED]


def test_a_hook_that_was_collected_before_a_worker_looked_came_out_as_it_was_seen(
    site: Site, cluster: FakeCluster
) -> None:
    """As where a webhook of the cluster gives each Job a time to live."""
    for number, end in enumerate((End.SUCCEEDED, End.FAILED)):
        name = f"hook-{number}"
        site.sync(job(name), config_map("c"))
        site.journal.observe(name, end)
        cluster.remove("Job", name)
        done = again(site, job(name), config_map("c"))
        assert done.ending is (Ending.SUCCEEDED if end is End.SUCCEEDED else Ending.FAILED), sentence(done.reason)
        assert made(cluster, name) == 1


def test_a_job_that_ended_and_was_collected_is_not_run_again(site: Site, cluster: FakeCluster) -> None:
    plain = with_ttl({**job("once"), "metadata": {"name": "once"}}, 5)
    site.sync(plain)
    cluster.remove("Job", "once")
    done = site.sync(plain, dry_runs=DryRuns.ALL)
    assert actions(done) == {"Job/once": "unchanged"}
    assert details(done)["Job/once"] == "it ended, and was collected since"
    assert cluster.names("Job") == set()
    changed = {**plain, "spec": {**plain["spec"], "backoffLimit": 1}}
    assert actions(site.sync(changed)) == {"Job/once": "created"}, "another job is another matter"


def test_a_job_that_was_to_stay_is_made_again(site: Site, cluster: FakeCluster) -> None:
    plain = {**job("once"), "metadata": {"name": "once"}}
    site.sync(plain)
    cluster.remove("Job", "once")
    assert actions(site.sync(plain)) == {"Job/once": "created"}


def test_a_pod_that_ended_is_not_made_again_and_one_that_ran_is(site: Site, cluster: FakeCluster) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    site.sync(pod)
    cluster.remove("Pod", "p")
    assert actions(site.sync(pod)) == {"Pod/p": "created"}
    site.journal.observe("p", End.SUCCEEDED)
    cluster.remove("Pod", "p")
    assert actions(site.sync(pod)) == {"Pod/p": "unchanged"}


@pytest.mark.parametrize(("end", "ending"), [(End.NONE, Ending.SUCCEEDED), (End.FAILED, Ending.WAITING)])
def test_a_wave_goes_by_how_its_job_ended(site: Site, cluster: FakeCluster, end: End, ending: Ending) -> None:
    plain = wave(with_ttl({**job("once"), "metadata": {"name": "once"}}), -1)
    site.sync(plain, config_map("c"))
    site.journal.observe("once", end)
    cluster.remove("Job", "once")
    assert again(site, plain, config_map("c")).ending is ending


# -- tries by time alone ---------------------------------------------------------------------------------------


def test_a_hook_that_failed_is_not_run_again_by_time(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), config_map("c"))
    site.sync(*manifests, revision=FIRST)
    fail(cluster)
    assert again(site, *manifests, revision=FIRST).ending is Ending.FAILED
    for number in (2, 3):
        done = retried(site, number, *manifests)
        assert (done.ending, "runs again only for a new revision" in sentence(done.reason)) == (Ending.FAILED, True)
        assert "BackoffLimitExceeded" in sentence(done.reason)
    assert made(cluster, "migrate") == 1


@pytest.mark.parametrize(
    "given", [{"revision": SECOND}, {"trigger": Trigger.MANUAL}, {"revision": SECOND, "trigger": Trigger.REVISION}]
)
def test_a_new_revision_and_a_person_run_it_again(site: Site, cluster: FakeCluster, given: dict[str, Any]) -> None:
    site.sync(job(), revision=FIRST)
    fail(cluster)
    again(site, job(), revision=FIRST)
    assert retried(site, 2, job(), **given).ending is Ending.WAITING
    assert made(cluster, "migrate") == 2


def test_hooks_that_succeeded_are_not_run_again_since_something_after_them_failed(
    site: Site, cluster: FakeCluster
) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "dry-run" and target.name == "c":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    manifests = (hook(job(), **DELETED), config_map("c"))
    site.sync(*manifests, revision=FIRST)
    complete(cluster)
    assert again(site, *manifests, revision=FIRST).ending is Ending.FAILED
    assert retried(site, 2, *manifests).ending is Ending.FAILED
    cluster.before = lambda _verb, _target: None
    assert retried(site, 3, *manifests).ending is Ending.SUCCEEDED
    assert made(cluster, "migrate") == 1


def test_a_phase_whose_hooks_could_not_be_made_is_begun_anew(site: Site, cluster: FakeCluster) -> None:
    """What succeeded before may be gone by policy, and the rest of the phase needs it."""

    def refuse(verb: str, target: Target) -> None:
        if verb == "apply" and target.kind.kind == "Job":
            message = "a quota is used up"
            raise ForbiddenError(message)

    cluster.before = refuse
    manifests = (account(), annotated(job("create"), **BOTH))
    assert site.sync(*manifests, revision=FIRST).ending is Ending.FAILED
    assert cluster.names("ServiceAccount") == set()
    cluster.before = lambda _verb, _target: None
    assert retried(site, 2, *manifests).ending is Ending.WAITING
    assert (cluster.names("ServiceAccount"), cluster.names("Job")) == ({"adm"}, {"create"})


def test_a_try_by_time_goes_on_from_a_hook_that_is_under_way_still(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), config_map("c"))
    site.sync(*manifests, revision=FIRST)
    assert again(site, *manifests, revision=FIRST, deadline=Deadline.PASSED).ending is Ending.FAILED
    done = retried(site, 2, *manifests)
    assert (done.ending, done.hook_active) == (Ending.WAITING, True)
    assert state(site, "migrate") is HookState.ACTIVE, "its health is looked at again"
    complete(cluster)
    assert retried(site, 2, *manifests, phase=Phase.RESUME).ending is Ending.SUCCEEDED
    assert made(cluster, "migrate") == 1


def test_a_generated_hook_that_fails_leaves_one_object_and_is_not_run_again_by_time(
    site: Site, cluster: FakeCluster
) -> None:
    manifests = (prefixed(job()), config_map("c"))
    for number in range(2, 7):
        retried(site, number, *manifests)
        (name,) = cluster.names("Job")
        fail(cluster, name)
        assert retried(site, number, *manifests, phase=Phase.RESUME).ending is Ending.FAILED
    assert len([1 for verb, name in cluster.log if verb == "apply" and name.startswith("migrate-")]) == 1


def test_the_objects_of_a_generated_hook_go_before_the_next_is_made(site: Site, cluster: FakeCluster) -> None:
    manifests = (prefixed(job()), config_map("c"))
    for number in range(2, 7):
        retried(site, number, *manifests, trigger=Trigger.REVISION, revision=revision(str(number), "b"))
        (name,) = cluster.names("Job")
        fail(cluster, name)
        retried(site, number, *manifests, trigger=Trigger.REVISION, phase=Phase.RESUME)
    assert len([item for item in site.journal.inventory.values() if item.is_hook]) == 1


def test_a_generated_hook_of_an_earlier_run_that_is_under_way_is_waited_for(site: Site, cluster: FakeCluster) -> None:
    site.sync(prefixed(job()))
    (first,) = cluster.names("Job")
    done = retried(site, 2, prefixed(job()), trigger=Trigger.MANUAL)
    assert (done.ending, [one.name for one in done.awaits]) == (Ending.WAITING, [first])
    assert cluster.names("Job") == {first}


def test_what_generated_hooks_left_is_neither_pruned_nor_counted(site: Site, cluster: FakeCluster) -> None:
    keeps = hook(prefixed(job()), **{"flotilla.dev/hook-delete": "succeeded"})
    for number in (2, 3):
        retried(site, number, keeps, config_map("c"), trigger=Trigger.MANUAL)
        for name in cluster.names("Job"):
            fail(cluster, name)
        retried(site, number, keeps, config_map("c"), trigger=Trigger.MANUAL, phase=Phase.RESUME)
    assert len(cluster.names("Job")) == 2, "its policy keeps those that failed"
    done = site.sync(keeps, config_map("c"), phase=Phase.CHECK)
    assert "pruned" not in actions(done).values()
    done = site.sync(config_map("c"))
    assert cluster.names("Job") == set(), "they go with the hook"


def test_hooks_for_a_failure_are_not_run_again_by_time(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), job("alarm", "sync-fail"))
    site.sync(*manifests, revision=FIRST)
    fail(cluster)
    assert again(site, *manifests, revision=FIRST).ending is Ending.FAILED
    retried(site, 2, *manifests)
    assert made(cluster, "alarm") == 1


@pytest.mark.parametrize("mine", [True, False], ids=["by the very request", "by somebody else"])
def test_a_hook_that_turns_out_to_be_made_is_the_runs_own_only_if_the_run_made_it(
    site: Site, cluster: FakeCluster, *, mine: bool
) -> None:
    """An API server may carry out a request and then ask for it again (429 with Retry-After)."""
    apply = cluster.apply

    def twice(target: Target, body: bytes, **how: Any) -> Applied:
        if target.name == "migrate" and mine:
            apply(target, body, **how)
        elif target.name == "migrate":
            cluster.put(job(), manager="ann")
        return apply(target, body, **how)

    cluster.apply = twice  # type: ignore[method-assign]
    done = site.sync(job(), config_map("c"), revision=FIRST)
    assert (done.ending, done.hook_active) == ((Ending.WAITING, True) if mine else (Ending.FAILED, False))
    if mine:
        complete(cluster)
        assert again(site, job(), config_map("c"), revision=FIRST).ending is Ending.SUCCEEDED
        assert made(cluster, "migrate") == 1
