"""Hooks that fail, never end, or are taken away, and what TTL collects, where real controllers run them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.domain.inventory import HookState
from common.domain.reasons import sentence
from common.domain.refs import AttemptRef, RunId
from tests.controlplane.runner import ControlPlane
from tests.fakes.sync import Site, actions, annotated, config_map, details
from tests.harness.hands import MAPS, MERGE, show
from tests.harness.webhooks import in_force
from workers.sync.requests import Deadline, DryRuns, Phase
from workers.sync.results import Ending, SyncResult
from workers.sync.sweep import Finding, compare

JOBS = "/apis/batch/v1/namespaces/default/jobs"
STRANDED = {"kubernetes.io/hostname": "nowhere"}
HOLD = "example.com/hold"
NEXT = RunId("0199c0de-0000-7000-8000-000000000002")


@pytest.fixture
def cluster(live_cluster: ControlPlane) -> ControlPlane:
    """Look at a cluster whose jobs are run."""
    return live_cluster


def job(name: str = "migrate", hook: str = "pre-sync", **spec: Any) -> dict[str, Any]:
    """Return a hook whose pod no node takes, so that it does not end by itself."""
    pod = {"restartPolicy": "Never", "nodeSelector": STRANDED, "containers": [{"name": "a", "image": "example.com/a"}]}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
    return annotated({**body, "spec": {"backoffLimit": 0, **spec, "template": {"spec": pod}}}, flotilla_hook=hook)


def again(site: Site, *manifests: dict[str, Any], **more: Any) -> SyncResult:
    """Carry out the run's next attempt, as when what it waits for moved."""
    return site.sync(*manifests, phase=Phase.RESUME, **more)


def state(site: Site, name: str = "migrate") -> HookState | None:
    """Return what the inventory says of a hook."""
    (found,) = [item.hook_state for item in site.journal.inventory.values() if item.object.name == name]
    return found


def until_failed(kubectl: httpx.Client, name: str = "migrate") -> None:
    """Return once the job failed."""
    in_force(lambda: any(each["type"] == "Failed" for each in status(kubectl, name).get("conditions") or ()))


def status(kubectl: httpx.Client, name: str) -> dict[str, Any]:
    """Return the status of a job."""
    found: dict[str, Any] = show(kubectl, f"{JOBS}/{name}")["status"]
    return found


def left_alone(kubectl: httpx.Client) -> bool:
    """Return whether nothing after the hook was written, and nothing of before removed."""
    old = show(kubectl, f"{MAPS}/old")["metadata"]
    return "deletionTimestamp" not in old and kubectl.get(f"{MAPS}/new").status_code == httpx.codes.NOT_FOUND


def test_a_hook_that_fails_stops_the_run_with_its_reason_and_removes_nothing(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("old"))
    wanted = (job(activeDeadlineSeconds=1), config_map("new"), job("alarm", "sync-fail"))
    first = site.sync(*wanted)
    assert (first.ending, first.hook_active) == (Ending.WAITING, True)
    until_failed(kubectl)
    done = again(site, *wanted)
    assert (done.ending, done.error_code) == (Ending.FAILED, "hook.failed")
    assert sentence(done.reason).startswith("pre-sync wave 0: hook Job migrate: DeadlineExceeded")
    assert details(done)["Job/migrate"].startswith("hook pre-sync failed: DeadlineExceeded")
    assert actions(done)["Job/alarm"] == "created"
    assert left_alone(kubectl)


def test_a_hook_that_never_ends_is_given_up_at_the_deadline_and_left_as_it_is(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map("old"))
    wanted = (job(), config_map("new"), job("alarm", "sync-fail"))
    assert site.sync(*wanted).ending is Ending.WAITING
    assert again(site, *wanted).ending is Ending.WAITING
    done = again(site, *wanted, deadline=Deadline.PASSED)
    assert (done.ending, site.clock.monotonic()) == (Ending.FAILED, 0), "nobody waits for it with a slot"
    assert sentence(done.reason).startswith("pre-sync wave 0 did not end in time: hook Job migrate: ")
    assert state(site) is HookState.FAILED
    assert status(kubectl, "migrate").get("active") == 1
    assert actions(done)["Job/alarm"] == "created"
    assert left_alone(kubectl)


def test_a_hook_that_somebody_deletes_fails_the_run_and_is_not_made_again(site: Site, kubectl: httpx.Client) -> None:
    site.sync(config_map("old"))
    wanted = (job(), config_map("new"))
    assert site.sync(*wanted).ending is Ending.WAITING
    kubectl.request("DELETE", f"{JOBS}/migrate", json={"propagationPolicy": "Background"}).raise_for_status()
    in_force(lambda: kubectl.get(f"{JOBS}/migrate").status_code == httpx.codes.NOT_FOUND)
    done = again(site, *wanted)
    assert (done.ending, done.error_code) == (Ending.FAILED, "hook.failed")
    assert "hook Job migrate: somebody deleted it before it ended" in sentence(done.reason)
    assert kubectl.get(f"{JOBS}/migrate").status_code == httpx.codes.NOT_FOUND
    assert left_alone(kubectl)


def test_a_hook_that_somebody_deletes_and_a_finalizer_holds_is_waited_for_until_the_deadline(
    site: Site, kubectl: httpx.Client
) -> None:
    site.sync(config_map("old"))
    held = job()
    held["metadata"]["finalizers"] = [HOLD]
    wanted = (held, config_map("new"))
    assert site.sync(*wanted).ending is Ending.WAITING
    kubectl.request("DELETE", f"{JOBS}/migrate", json={"propagationPolicy": "Background"}).raise_for_status()
    waiting = again(site, *wanted)
    assert waiting.ending is Ending.WAITING
    assert sentence(waiting.reason) == "pre-sync wave 0: hook Job migrate: being deleted"
    done = again(site, *wanted, deadline=Deadline.PASSED)
    assert (done.ending, site.clock.monotonic()) == (Ending.FAILED, 0)
    assert left_alone(kubectl)
    kubectl.patch(f"{JOBS}/migrate", json={"metadata": {"finalizers": []}}, headers=MERGE).raise_for_status()


def test_a_hook_of_an_earlier_run_that_a_finalizer_holds_is_waited_for_within_bounds(
    site: Site, kubectl: httpx.Client
) -> None:
    held = job(activeDeadlineSeconds=1)
    held["metadata"]["finalizers"] = [HOLD]
    site.sync(config_map("old"))
    wanted = (held, config_map("new"))
    assert site.sync(*wanted).ending is Ending.WAITING
    until_failed(kubectl)
    assert again(site, *wanted).ending is Ending.FAILED
    uid = show(kubectl, f"{JOBS}/migrate")["metadata"]["uid"]
    waiting = site.sync(*wanted, attempt=AttemptRef(NEXT, 1))
    assert 10 <= site.clock.monotonic() < 12
    assert waiting.ending is Ending.WAITING
    assert sentence(waiting.reason) == (
        "pre-sync wave 0: hook Job migrate: the one of an earlier run is still being deleted, "
        f"and waits for its finalizers: {HOLD}"
    )
    assert left_alone(kubectl)
    kubectl.patch(f"{JOBS}/migrate", json={"metadata": {"finalizers": []}}, headers=MERGE).raise_for_status()
    in_force(lambda: kubectl.get(f"{JOBS}/migrate").status_code == httpx.codes.NOT_FOUND)
    assert again(site, *wanted, attempt=AttemptRef(NEXT, 2)).ending is Ending.WAITING
    assert show(kubectl, f"{JOBS}/migrate")["metadata"]["uid"] != uid, "made anew"


# -- hooks and jobs that end by themselves ---------------------------------------------------------------------


def quick(name: str = "migrate", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a job whose pod ends at once; a hook where annotations say so."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "example.com/a"}]}
    metadata = {"name": name, "annotations": annotations or {}}
    spec = {"backoffLimit": 0, **spec, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def until_complete(kubectl: httpx.Client, name: str = "migrate") -> None:
    """Return once the job is complete."""
    in_force(lambda: any(each["type"] == "Complete" for each in status(kubectl, name).get("conditions") or ()))


def jobs(kubectl: httpx.Client) -> set[str]:
    """Return the uids of all jobs."""
    return {each["metadata"]["uid"] for each in show(kubectl, JOBS)["items"]}


def test_a_hook_that_ttl_collects_at_once_has_succeeded_and_runs_once(site: Site, kubectl: httpx.Client) -> None:
    hook = quick(annotations={"helm.sh/hook": "pre-install,pre-upgrade"}, ttlSecondsAfterFinished=0)
    wanted = (hook, config_map("new"))
    assert site.sync(*wanted).ending is Ending.WAITING
    until_complete(kubectl)
    made = jobs(kubectl)
    done = again(site, *wanted)
    assert (done.ending, state(site)) == (Ending.SUCCEEDED, HookState.SUCCEEDED)
    in_force(lambda: not jobs(kubectl) & made)
    assert again(site, *wanted).ending is Ending.SUCCEEDED
    assert jobs(kubectl) == set(), "what TTL collected since has succeeded"


def test_an_account_of_a_hook_is_there_while_its_job_runs_and_goes_by_policy_at_the_end(
    site: Site, kubectl: httpx.Client
) -> None:
    both = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "hook-succeeded"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "adm", "annotations": both}}
    path = "/api/v1/namespaces/default/serviceaccounts/adm"
    made = quick(annotations=both)
    made["spec"]["template"]["spec"]["serviceAccountName"] = "adm"
    wanted = (account, made, config_map("new"))
    assert site.sync(*wanted).ending is Ending.WAITING
    assert kubectl.get(path).is_success
    until_complete(kubectl)
    assert again(site, *wanted).ending is Ending.SUCCEEDED
    # Deleted in the foreground: the garbage collector removes it a moment later.
    in_force(lambda: kubectl.get(path).status_code == httpx.codes.NOT_FOUND)
    in_force(lambda: not jobs(kubectl))


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_plain_job_that_ttl_collected_is_neither_drift_nor_run_again(
    site: Site, kubectl: httpx.Client, seconds: int
) -> None:
    once = quick("once", ttlSecondsAfterFinished=seconds)
    assert actions(site.sync(once)) == {"Job/once": "created"}
    (row,) = site.journal.inventory.values()
    in_force(lambda: not jobs(kubectl))
    done = site.sync(once, dry_runs=DryRuns.ALL)
    assert (done.ending, actions(done)) == (Ending.SUCCEEDED, {"Job/once": "unchanged"})
    assert jobs(kubectl) == set()
    (found,) = compare(site.fleet, site.ref.cluster, {site.ref: [row]}, {("batch", "Job"): ()}, key=b"").placements
    assert found.finding is Finding.CONFIRMED
