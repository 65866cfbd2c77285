"""Applying: what is written, in which order, and what an attempt says about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.changes import Action, differing
from common.domain.errors import LeaseLostError
from common.domain.fleet import Project, SyncSettings
from common.domain.fleet.policies import PrunePolicy
from common.domain.reasons import sentence
from common.domain.runs import Trigger
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Lease, Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import (
    Cause,
    DryRunUnsupportedError,
    ForbiddenError,
    InvalidError,
    ManifestsError,
    PolicyError,
    ServerError,
    UnauthorisedError,
    UnsettledError,
)
from workers.sync.ports import Target
from workers.sync.requests import DryRuns, Namespace, Phase, Written
from workers.sync.results import Ending, Fight


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def crd(plural: str = "gadgets", kind: str = "Gadget") -> dict[str, object]:
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": spec,
    }


def gadget(name: str = "one") -> dict[str, object]:
    return {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": {"size": 1}}


def test_a_first_sync_creates_everything_without_a_list(site: Site) -> None:
    result = site.sync(config_map(), deployment())
    assert result.ending is Ending.SUCCEEDED
    assert actions(result) == {"ConfigMap/settings": "created", "Deployment/web": "created"}
    assert dict(result.requests) == {"dry-run": 2, "apply": 2}


def test_applying_twice_changes_nothing_the_second_time(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), deployment())
    before = cluster.snapshot()
    result = site.sync(config_map(), deployment())
    assert set(actions(result).values()) == {"unchanged"}
    assert cluster.snapshot() == before
    assert site.journal.calls.count("plan") == 1


def test_what_is_unchanged_costs_one_list_for_each_kind(site: Site) -> None:
    manifests = [config_map(f"c{n}") for n in range(20)]
    first = dict(site.sync(*manifests).requests)
    again = dict(site.sync(*manifests).requests)
    assert again == {**first, "list": 1}


def test_a_changed_manifest_is_applied_with_its_differences(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(key="old"))
    result = site.sync(config_map(key="new"))
    assert result.changes[0].action is Action.CONFIGURED
    assert result.changes[0].diff.text == '~ .data.key: "old" -> "new"'
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "new"}


def test_a_field_that_leaves_the_manifest_leaves_the_object(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(a="1", b="2"))
    site.sync(config_map(a="1"))
    assert cluster.show("ConfigMap", "settings")["data"] == {"a": "1"}


def test_the_plan_is_written_down_before_the_first_write(site: Site, cluster: FakeCluster) -> None:
    seen: list[int] = []

    def look(verb: str, _target: Target) -> None:
        if verb == "apply":
            seen.append(len(site.journal.planned))

    cluster.before = look
    site.sync(config_map("a"), config_map("b"))
    assert seen == [2, 2]
    assert all(item.uid for item in site.journal.inventory.values())


def test_one_refused_dry_run_leaves_all_untouched_and_every_refusal_is_told(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "dry-run" and target.name in {"bad", "worse"}:
            message = f"{target.name} is wrong"
            raise InvalidError(message)

    cluster.before = refuse
    before = cluster.snapshot()
    result = site.sync(*(config_map(name) for name in ("good", "bad", "fine", "worse", "nice", "more")))
    assert result.ending is Ending.FAILED
    assert actions(result) == {"ConfigMap/bad": "failed", "ConfigMap/worse": "failed"}
    assert result.error_code == "cluster.invalid"
    assert "nothing was written" in sentence(result.reason)
    assert cluster.snapshot() == before
    assert not site.journal.planned


def test_a_failed_write_does_not_stop_the_others(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "apply" and target.name == "b":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    result = site.sync(config_map("a"), config_map("b"), config_map("c"), deployment())
    assert result.ending is Ending.FAILED
    assert actions(result) == {
        "ConfigMap/a": "created", "ConfigMap/b": "failed", "ConfigMap/c": "created", "Deployment/web": "created"
    }  # fmt: skip
    assert result.error_code == "cluster.forbidden"


def test_a_transient_error_leaves_the_attempt_but_what_was_done_is_recorded(site: Site, cluster: FakeCluster) -> None:
    def fail(verb: str, target: Target) -> None:
        if verb == "apply" and target.name == "web":
            message = "overloaded"
            raise ServerError(message)

    cluster.before = fail
    with pytest.raises(ServerError):
        site.sync(config_map(), deployment())
    assert [change.object.name for change in site.journal.recorded] == ["settings"]
    cluster.before = lambda _verb, _target: None
    assert actions(site.sync(config_map(), deployment()))["Deployment/web"] == "created"


def test_credentials_that_are_refused_end_the_attempt_at_once(site: Site, cluster: FakeCluster) -> None:
    for moment in ("dry-run", "apply"):

        def refuse(verb: str, _target: Target, moment: str = moment) -> None:
            if verb == moment:
                message = "who are you"
                raise UnauthorisedError(message)

        cluster.before = refuse
        with pytest.raises(UnauthorisedError):
            site.sync(config_map())


def test_a_lost_lease_stops_before_the_write(site: Site, cluster: FakeCluster) -> None:
    site.lease = Lease(writes_left=1)
    with pytest.raises(LeaseLostError):
        site.sync(config_map("a"), config_map("b"))
    assert cluster.names("ConfigMap") == {"a"}
    assert [change.object.name for change in site.journal.recorded] == ["a"]


def test_every_write_asks_for_the_time_of_a_whole_request(site: Site) -> None:
    site.sync(config_map("a"), config_map("b"))
    assert site.lease.asked == [site.cluster.request_timeout] * 2


def test_many_objects_of_one_kind_are_all_written(site: Site, cluster: FakeCluster) -> None:
    result = site.sync(*(config_map(f"c{n}") for n in range(250)))
    assert len(result.changes) == len(cluster.names("ConfigMap")) == 250


def test_a_namespace_comes_before_what_lies_in_it_unchecked(site: Site, cluster: FakeCluster) -> None:
    result = site.sync(config_map(namespace="shop"), namespace("shop"))
    assert actions(result) == {"Namespace/shop": "created", "ConfigMap/settings": "created"}
    assert "not checked: its namespace is made in this run" in details(result)["ConfigMap/settings"]
    assert [name for _, name in cluster.log] == ["shop", "settings"]


def test_what_lies_in_a_namespace_that_is_there_is_checked_before_anything_is_written(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(namespace("shop"))

    def refuse(verb: str, target: Target) -> None:
        if verb == "dry-run" and target.kind.kind == "ConfigMap":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    result = site.sync(namespace("shop"), config_map(namespace="shop"))
    assert sentence(result.reason).startswith("nothing was written")
    assert not cluster.names("ConfigMap")


def test_several_failures_are_counted(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, _target: Target) -> None:
        if verb == "apply":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    assert sentence(site.sync(*(config_map(name) for name in "abc")).reason).endswith(", and 2 more")
    assert "more" not in sentence(site.sync(config_map("a")).reason)


def test_a_version_that_is_not_served_is_not_waited_for(site: Site) -> None:
    definition: dict[str, Any] = crd()
    definition["spec"]["versions"].append({"name": "v0", "served": False, "storage": False})
    assert set(actions(site.sync(definition, gadget())).values()) == {"created"}


def test_a_missing_namespace_refuses_what_would_lie_in_it(site: Site) -> None:
    result = site.sync(config_map(namespace="nowhere"))
    assert result.ending is Ending.FAILED
    assert 'namespaces "nowhere" not found' in sentence(result.reason)


def test_the_namespace_is_made_when_asked_for_and_never_pruned(site: Site, cluster: FakeCluster) -> None:
    site.namespace = "shop"
    result = site.sync(config_map(), namespace_is=Namespace.CREATED)
    assert result.ending is Ending.SUCCEEDED
    assert "shop" in cluster.names("Namespace")
    site.sync(phase=Phase.REMOVE)
    assert "shop" in cluster.names("Namespace")
    assert not cluster.names("ConfigMap")


def test_a_namespace_that_somebody_has_made_is_left_alone(site: Site, cluster: FakeCluster) -> None:
    before = cluster.show("Namespace", "default")
    result = site.sync(config_map(), namespace_is=Namespace.CREATED)
    assert actions(result)["Namespace/default"] == "skipped"
    assert cluster.show("Namespace", "default") == before


def test_a_rendered_namespace_wins_over_the_one_to_be_made(site: Site) -> None:
    site.namespace = "shop"
    result = site.sync(namespace("shop"), config_map(), namespace_is=Namespace.CREATED)
    assert actions(result)["Namespace/shop"] == "created"


def test_a_custom_object_waits_until_its_kind_is_served(site: Site, cluster: FakeCluster) -> None:
    cluster.establishing = 3
    result = site.sync(gadget(), crd())
    assert actions(result) == {"CustomResourceDefinition/gadgets.example.com": "created", "Gadget/one": "created"}
    assert "its kind arrives in this run" in details(result)["Gadget/one"]
    assert site.clock.monotonic() > 0


def test_a_kind_that_is_never_established_is_told_after_a_minute(site: Site, cluster: FakeCluster) -> None:
    cluster.establishing = 10_000
    with pytest.raises(ServerError, match="was not Established within 60 s"):
        site.sync(crd(), gadget())
    assert 60 <= site.clock.monotonic() < 62


def test_a_definition_that_could_not_be_written_is_not_waited_for(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, target: Target) -> None:
        if verb == "apply" and target.kind.kind == "CustomResourceDefinition":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    result = site.sync(crd(), gadget())
    assert set(actions(result).values()) == {"failed"}
    assert site.clock.monotonic() == 0


def test_an_unknown_kind_fails_with_its_name(site: Site) -> None:
    with pytest.raises(ManifestsError, match=r"serves no kind Gadget in example\.com/v1"):
        site.sync(gadget())


def test_options_of_argo_cd_are_kept_or_named(site: Site, cluster: FakeCluster) -> None:
    options = "Prune=false, ServerSideApply=true,Replace=true,Validate=false,Force=true"
    done = site.sync(annotated(config_map("a"), **{"argocd.argoproj.io/sync-options": options}), config_map("b"))
    assert tuple(map(sentence, done.warnings)) == (
        "Replace=true is not carried out (1 object)",
        "Validate=false is not carried out (1 object)",
    )
    site.sync(config_map("b"))
    assert "a" in cluster.names("ConfigMap")


def test_a_wave_of_zero_is_no_wave(site: Site) -> None:
    assert site.sync(annotated(config_map(), flotilla_wave="0")).ending is Ending.SUCCEEDED


def test_the_projects_rules_are_checked_before_anything_is_read(site: Site, cluster: FakeCluster) -> None:
    project = Project("team", namespaces=("default",), denied_kinds=("apps/*", "/Namespace"))
    objects = [deployment(), config_map(namespace="kube-system"), namespace("x")]
    with pytest.raises(PolicyError) as caught:
        site.sync(*objects, project=project)
    for named in ("apps/Deployment", "kube-system", "/Namespace"):
        assert named in str(caught.value)
    assert not cluster.requests()


def test_a_namespace_outside_the_projects_may_not_be_made(site: Site) -> None:
    project = Project("team", namespaces=("default",), create_namespaces=True)
    with pytest.raises(PolicyError, match="namespace other"):
        site.sync(namespace("other"), project=project)


def test_checking_writes_nothing_and_says_what_would_be_done(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map("a", x="1"), config_map("b"))
    before, calls = cluster.snapshot(), len(site.journal.planned)
    result = site.sync(config_map("a", x="2"), config_map("c"), phase=Phase.CHECK)
    assert actions(result) == {"ConfigMap/a": "configured", "ConfigMap/c": "created", "ConfigMap/b": "pruned"}
    assert differing(result.changes) == (3, 0), "which the run's reason is made of"
    assert result.partial, "nothing was written"
    assert cluster.snapshot() == before
    assert len(site.journal.planned) == calls
    assert not site.lease.asked[2:]


def test_a_check_without_differences_has_nothing_to_say(site: Site) -> None:
    site.sync(config_map())
    result = site.sync(config_map(), phase=Phase.CHECK)
    assert (result.ending, sentence(result.reason)) == (Ending.SUCCEEDED, "")


def test_a_check_that_meets_a_refusal_is_no_success(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(), manager="somebody")
    settings = SyncSettings(adopt=site.settings.adopt.NEVER)
    result = site.sync(config_map(), phase=Phase.CHECK, settings=settings)
    assert result.ending is Ending.FAILED


def test_a_changed_fingerprint_without_a_difference_is_recorded_anew(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.edit("ConfigMap", "settings", {"data": {"theirs": "1"}}, manager="somebody")
    result = site.sync(config_map())
    assert actions(result) == {"ConfigMap/settings": "unchanged"}
    assert result.refreshed == 1
    assert site.sync(config_map()).refreshed == 0


def test_a_full_check_dry_runs_what_looks_unchanged(site: Site) -> None:
    site.sync(config_map())
    before = dict(site.cluster.requests())
    result = site.sync(config_map(), dry_runs=DryRuns.ALL)
    assert result.requests["dry-run"] == before["dry-run"] + 1
    assert actions(result) == {"ConfigMap/settings": "unchanged"}


def test_an_object_that_vanished_is_created_again(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.remove("ConfigMap", "settings")
    assert actions(site.sync(config_map())) == {"ConfigMap/settings": "created"}


def test_an_object_under_deletion_is_waited_for_by_a_retry(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.stored("ConfigMap", "settings").deleting = True
    for value in ("2", "value"):
        with pytest.raises(UnsettledError, match="is being deleted"):
            site.sync(config_map(key=value))


def test_an_immutable_field_fails_with_the_remedy(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, _target: Target) -> None:
        if verb == "apply":
            message = "spec.selector: field is immutable"
            raise InvalidError(message)

    cluster.before = refuse
    assert "flotilla.dev/force: recreate" in details(site.sync(deployment()))["Deployment/web"]


@pytest.fixture
def fixed(cluster: FakeCluster) -> FakeCluster:
    """A cluster that changes no Deployment and no claim that it has, as it would a Deployment's selector."""

    def refuse(verb: str, target: Target) -> None:
        kinds = {"Deployment", "PersistentVolumeClaim"}
        if (
            verb in {"dry-run", "apply"}
            and target.kind.kind in kinds
            and target.name in cluster.names(target.kind.kind)
        ):
            message = "spec.selector: field is immutable"
            raise InvalidError(message)

    cluster.before = refuse
    return cluster


FORCED = {"flotilla.dev/force": "recreate"}


@pytest.mark.parametrize("annotations", [FORCED, {"argocd.argoproj.io/sync-options": "Replace=true,Force=true"}])
def test_what_cannot_change_is_made_anew_where_that_is_asked_for(
    site: Site, fixed: FakeCluster, annotations: dict[str, str]
) -> None:
    site.sync(annotated(deployment(), **annotations))
    before = fixed.show("Deployment", "web")["metadata"]["uid"]
    done = site.sync(annotated(deployment(image="two"), **annotations))
    assert actions(done) == {"Deployment/web": "configured"}
    assert details(done)["Deployment/web"].startswith("deleted and created again: spec.selector: field is immutable")
    found = fixed.show("Deployment", "web")
    assert found["metadata"]["uid"] != before
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "two"


def test_nothing_is_made_anew_for_any_other_refusal(site: Site, cluster: FakeCluster) -> None:
    site.sync(annotated(deployment(), **FORCED))
    before = cluster.show("Deployment", "web")["metadata"]["uid"]
    for error in (InvalidError("spec.replicas: must be positive"), ForbiddenError("field is immutable")):

        def refuse(verb: str, _target: Target, error: Exception = error) -> None:
            if verb == "dry-run":
                raise error

        cluster.before = refuse
        assert site.sync(annotated(deployment(image="two"), **FORCED)).ending is Ending.FAILED
        assert cluster.show("Deployment", "web")["metadata"]["uid"] == before


def test_what_holds_data_needs_a_second_leave(site: Site, fixed: FakeCluster) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {"size": 1}}
    site.sync(annotated(claim, **FORCED))
    before = fixed.show("PersistentVolumeClaim", "data")["metadata"]["uid"]
    larger = claim | {"spec": {"size": 2}}
    assert site.sync(annotated(larger, **FORCED)).ending is Ending.FAILED
    assert fixed.show("PersistentVolumeClaim", "data")["metadata"]["uid"] == before
    assert site.sync(annotated(larger, **FORCED, flotilla_prune="allow")).ending is Ending.SUCCEEDED
    assert fixed.show("PersistentVolumeClaim", "data")["metadata"]["uid"] != before


def test_what_is_not_ours_is_never_made_anew(site: Site, fixed: FakeCluster) -> None:
    fixed.put(deployment(), manager="kubectl")
    before = fixed.show("Deployment", "web")["metadata"]["uid"]
    assert site.sync(annotated(deployment(image="two"), **FORCED)).ending is Ending.FAILED
    assert fixed.show("Deployment", "web")["metadata"]["uid"] == before


def test_what_is_still_going_is_made_by_a_later_attempt(site: Site, fixed: FakeCluster) -> None:
    site.sync(annotated(deployment(), **FORCED))
    delete = fixed.delete

    def slow(target: Target, *, uid: str, resource_version: str) -> tuple[str, ...] | None:
        delete(target, uid=uid, resource_version=resource_version)
        fixed.put(deployment(), manager="a finalizer")
        return ()

    fixed.delete = slow  # type: ignore[method-assign]
    with pytest.raises(UnsettledError, match="still being deleted, to be created again"):
        site.sync(annotated(deployment(image="two"), **FORCED))


def test_what_an_api_server_says_of_an_invalid_secret_is_not_repeated(site: Site, cluster: FakeCluster) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "canary"}}
    for moment in ("dry-run", "apply"):

        def refuse(verb: str, _target: Target, moment: str = moment) -> None:
            if verb == moment:
                message = 'Invalid value: "canary"'
                raise InvalidError(message, causes=[Cause("FieldValueInvalid", "data[a]", message)])

        cluster.before = refuse
        result = site.sync(secret)
        assert "data[a]" in details(result)["Secret/s"]
        assert "canary" not in str(result)


def test_an_object_marked_never_is_not_written(site: Site, cluster: FakeCluster) -> None:
    result = site.sync(annotated(config_map(), flotilla_apply="never"))
    assert actions(result) == {"ConfigMap/settings": "skipped"}
    assert not cluster.names("ConfigMap")
    assert not site.journal.inventory


def test_an_object_marked_if_absent_is_created_once_and_then_left(site: Site, cluster: FakeCluster) -> None:
    manifest = annotated(config_map(key="1"), flotilla_apply="if-absent")
    assert actions(site.sync(manifest)) == {"ConfigMap/settings": "created"}
    cluster.edit("ConfigMap", "settings", {"data": {"key": "theirs"}}, manager="somebody")
    assert actions(site.sync(manifest)) == {"ConfigMap/settings": "unchanged"}
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "theirs"}


def test_an_object_marked_if_absent_that_others_made_stays_theirs(site: Site, cluster: FakeCluster) -> None:
    cluster.put(config_map(key="theirs"), manager="somebody")
    result = site.sync(annotated(config_map(key="ours"), flotilla_apply="if-absent"))
    assert actions(result) == {"ConfigMap/settings": "skipped"}
    assert not site.journal.inventory


def test_an_unchecked_object_is_written_when_its_webhook_takes_no_dry_runs(site: Site, cluster: FakeCluster) -> None:
    def refuse(verb: str, _target: Target) -> None:
        if verb == "dry-run":
            message = "admission webhook does not support dry run"
            raise DryRunUnsupportedError(message)

    cluster.before = refuse
    created = site.sync(config_map(key="1"))
    assert actions(created) == {"ConfigMap/settings": "created"}
    assert "not checked" in details(created)["ConfigMap/settings"]
    configured = site.sync(config_map(key="2"))
    assert actions(configured) == {"ConfigMap/settings": "configured"}
    cluster.edit("ConfigMap", "settings", {"data": {"key": "3"}}, manager="somebody")
    reclaimed = site.sync(config_map(key="2"))
    assert "reclaimed from somebody" in details(reclaimed)["ConfigMap/settings"]
    cluster.put(config_map("theirs", key="1"), manager="somebody")
    refused = site.sync(config_map(key="2"), config_map("theirs", key="2"))
    assert actions(refused)["ConfigMap/theirs"] == "conflict"


def test_empty_manifests_on_a_new_placement_are_no_failure(site: Site) -> None:
    assert site.sync().ending is Ending.SUCCEEDED


def test_timings_and_requests_come_with_the_result(site: Site) -> None:
    result = site.sync(config_map(), settings=SyncSettings(prune=PrunePolicy(enabled=False)))
    assert set(result.timings) == {"prepare", "list", "dry-run", "plan", "apply"}


def test_a_refusal_after_an_earlier_attempt_wrote_does_not_say_that_nothing_was_written(
    site: Site, cluster: FakeCluster
) -> None:
    def refuse(verb: str, _target: Target) -> None:
        if verb == "dry-run":
            message = "no"
            raise ForbiddenError(message)

    cluster.before = refuse
    result = site.sync(config_map(), written=Written.SOMETHING)
    assert result.ending is Ending.FAILED
    assert sentence(result.reason).startswith("nothing more was written than by this run's earlier attempts: ")


def test_an_object_that_is_fought_over_is_left_alone_while_another_is_corrected(
    site: Site, cluster: FakeCluster
) -> None:
    site.sync(config_map("fought"), config_map("other"))
    cluster.edit("ConfigMap", "fought", {"data": {"key": "theirs"}}, manager="rival")
    cluster.edit("ConfigMap", "other", {"data": {"key": "oops"}}, manager="kubectl")
    fought = next(one for one in site.journal.inventory if one.name == "fought")
    until = datetime(2026, 1, 1, tzinfo=UTC)
    result = site.sync(config_map("fought"), config_map("other"), trigger=Trigger.DRIFT, held={fought: until})
    assert result.ending is Ending.SUCCEEDED
    assert actions(result) == {"ConfigMap/fought": "skipped", "ConfigMap/other": "configured"}
    assert result.fights == (Fight(fought, "rival", until),)
    assert cluster.show("ConfigMap", "fought")["data"] == {"key": "theirs"}
    assert cluster.show("ConfigMap", "other")["data"] == {"key": "value"}
