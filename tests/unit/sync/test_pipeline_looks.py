"""What an attempt sees that it does not do: deletions that finalizers hold, and hooks that are not through."""

from __future__ import annotations

from typing import Any

import pytest

from common.domain.fleet import PrunePolicy, SyncSettings
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from common.domain.runs import Trigger
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, annotated, config_map
from tests.unit.sync.test_pipeline_hooks import FIRST, SECOND
from tests.unit.sync.test_pipeline_waves import again, complete, fail, job
from workers.sync.errors import ForbiddenError, ServerError
from workers.sync.ports import Target
from workers.sync.requests import DryRuns, Installed, Phase
from workers.sync.results import Ending, SyncResult, Unended

HOLD = "example.com/hold"
HELD = ObjectId("", "ConfigMap", "default", "held")
MIGRATE = ObjectId("batch", "Job", "default", "migrate")
KEPT = config_map("kept")


def look(site: Site, *manifests: dict[str, Any], **more: Any) -> SyncResult:
    return site.sync(*manifests, phase=Phase.CHECK, **{"revision": FIRST, "trigger": Trigger.DRIFT, **more})


# -- what finalizers hold --------------------------------------------------------------------------------------


@pytest.fixture
def going(site: Site, cluster: FakeCluster) -> Site:
    """Return a placement an object of which was deleted, and is held by a finalizer."""
    site.sync(KEPT, config_map("held"))
    cluster.stored("ConfigMap", "held").finalizers = (HOLD,)
    assert site.sync(KEPT).going == ((HELD, HOLD),)
    return site


def test_a_look_says_what_goes_still(going: Site) -> None:
    assert look(going, KEPT).going == ((HELD, HOLD),)


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another took its name"])
def test_a_look_says_nothing_of_what_has_gone(going: Site, cluster: FakeCluster, *, again: bool) -> None:
    cluster.remove("ConfigMap", "held")
    if again:
        cluster.put(config_map("held"), manager="ann")
    assert look(going, KEPT).going == ()


@pytest.mark.parametrize(
    "given",
    [
        {"settings": SyncSettings(prune=PrunePolicy(enabled=False))},
        {"approved": frozenset({ObjectId("", "ConfigMap", "default", "other")})},
    ],
    ids=["pruning is off", "it is not on the list that a person approved"],
)
@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.RESUME, Phase.CHECK])
def test_what_goes_still_is_told_whatever_may_be_removed_now(going: Site, given: dict[str, Any], phase: Phase) -> None:
    assert going.sync(KEPT, phase=phase, **given).going == ((HELD, HOLD),)


def test_a_look_at_what_goes_that_is_not_answered_says_nothing(going: Site, cluster: FakeCluster) -> None:
    def silent(verb: str, target: Target) -> None:
        if (verb, target.name) == ("get", "held"):
            message = "etcd is slow"
            raise ServerError(message)

    cluster.before = silent
    with pytest.raises(ServerError):
        look(going, KEPT)


# -- hooks that are not through --------------------------------------------------------------------------------


def refused(cluster: FakeCluster, error: Exception) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "apply" and target.kind.kind == "Job":
            raise error

    cluster.before = refuse


@pytest.mark.parametrize("error", [ForbiddenError("a webhook says no"), ServerError("a webhook is away")])
def test_a_hook_that_was_refused_at_its_creation_is_not_through(
    site: Site, cluster: FakeCluster, error: Exception
) -> None:
    manifests = (job(hook="post-sync"), KEPT)
    refused(cluster, error)
    if isinstance(error, ServerError):
        with pytest.raises(ServerError):
            site.sync(*manifests, revision=FIRST)
    else:
        assert site.sync(*manifests, revision=FIRST).ending is Ending.FAILED
    cluster.before = lambda _verb, _target: None
    found = look(site, *manifests)
    assert (found.ending, sentence(found.reason)) == (Ending.SUCCEEDED, ""), "nothing else differs"
    assert found.unended == Unended((MIGRATE,), (MIGRATE,))


def test_a_hook_is_through_once_it_has_succeeded_for_this_revision(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(), KEPT)
    site.sync(*manifests, revision=FIRST)
    assert look(site, *manifests).unended == Unended((MIGRATE,), (MIGRATE,)), "it runs"
    complete(cluster)
    again(site, *manifests, revision=FIRST)
    assert look(site, *manifests).unended == Unended()
    assert look(site, *manifests, revision=SECOND).unended == Unended((MIGRATE,)), "nobody has begun it for that one"


def test_a_hook_that_failed_is_not_through_after_drift_was_corrected(site: Site, cluster: FakeCluster) -> None:
    manifests = (job(hook="post-sync"), KEPT)
    site.sync(*manifests, revision=FIRST)
    fail(cluster)
    again(site, *manifests, revision=FIRST)
    cluster.edit("ConfigMap", "kept", {"data": {"key": "other"}}, manager="ann")
    done = site.sync(*manifests, revision=FIRST, trigger=Trigger.DRIFT, dry_runs=DryRuns.ALL)
    assert (done.ending, done.unended.begun) == (Ending.SUCCEEDED, (MIGRATE,))


def test_a_run_with_hooks_says_nothing_of_them_besides(site: Site) -> None:
    assert site.sync(job(), KEPT, revision=FIRST).unended == Unended()


def test_a_hook_for_a_failure_and_one_of_a_removal_need_not_run(site: Site) -> None:
    manifests = (job(hook="sync-fail"), annotated(config_map("last"), **{"flotilla.dev/hook": "pre-delete"}), KEPT)
    site.sync(*manifests, revision=FIRST)
    assert look(site, *manifests).unended == Unended()


def test_a_hook_for_the_first_time_need_not_run_later(site: Site) -> None:
    manifests = (annotated(config_map("seed"), **{"helm.sh/hook": "pre-install"}), KEPT)
    assert [one.name for one in look(site, *manifests, installed=Installed.NOTHING).unended.hooks] == ["seed"]
    assert look(site, *manifests, installed=Installed.ANOTHER).unended == Unended()


@pytest.mark.parametrize("installed", [Installed.WANTED, Installed.ANOTHER])
def test_removals_that_were_approved_are_carried_out_with_the_hooks_of_a_revision_that_came_since(
    site: Site, installed: Installed
) -> None:
    was_in, approved = installed is Installed.WANTED, frozenset[ObjectId]()
    done = site.sync(job(), KEPT, revision=SECOND, trigger=Trigger.APPROVAL, approved=approved, installed=installed)
    assert (done.ending, done.hook_active) == ((Ending.SUCCEEDED, False) if was_in else (Ending.WAITING, True))
    assert done.unended.hooks == ((MIGRATE,) if was_in else ())
