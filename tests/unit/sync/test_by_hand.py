"""What people added by hand: told from what controllers wrote, reported, and removed where that is asked."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from common.domain.fleet import ExtraFields, IgnoreRule, SyncSettings
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from workers.sync.objects.live import LiveMeta, ManagedFields
from workers.sync.plan import by_hand
from workers.sync.requests import DryRuns, Phase

REMOVE = SyncSettings(extra_fields=ExtraFields.REMOVE)


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", subresource: str = "") -> ManagedFields:
    return ManagedFields(
        manager, operation, "v1", "2026-01-01T00:00:00Z", subresource, "FieldsV1", msgspec.Raw(orjson.dumps(fields))
    )


def meta(*entries: ManagedFields) -> LiveMeta:
    return LiveMeta(name="a", managed_fields=entries)


SIDECAR: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"side"}': {".": {}, "f:image": {}, "f:name": {}}}}}
OURS: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}}}


def told(*entries: ManagedFields, left: tuple[str, ...] = ()) -> tuple[str, ...]:
    return by_hand.names(by_hand.added(meta(*entries), left))


@pytest.mark.parametrize("manager", ["kubectl-edit", "kubectl-patch", "kubectl", "k9s", "Mozilla"])
def test_what_a_person_s_tool_alone_owns_was_added_by_hand(manager: str) -> None:
    ours = entry("flotilla", OURS, "Apply")
    assert told(ours, entry(manager, SIDECAR)) == ('.spec.containers[name="side"]',)


@pytest.mark.parametrize("manager", ["kube-controller-manager", "istio-sidecar-injector", "helm", "argocd-controller"])
def test_what_others_wrote_was_not(manager: str) -> None:
    assert told(entry("flotilla", OURS, "Apply"), entry(manager, SIDECAR)) == ()
    assert told(entry("flotilla", OURS, "Apply"), entry(manager, SIDECAR), entry("kubectl-edit", SIDECAR)) == ()


def test_status_scale_metadata_and_what_is_never_taken_away_are_left() -> None:
    note = "f:kubectl.kubernetes.io/restartedAt"
    restarted: dict[str, Any] = {"f:template": {"f:metadata": {"f:annotations": {".": {}, note: {}}}}, "f:replicas": {}}
    fields = {
        "f:metadata": {"f:finalizers": {'v:"x"': {}}, "f:annotations": {"f:mine": {}}, "f:ownerReferences": {}},
        "f:spec": restarted,
        "f:status": {"f:phase": {}},
    }
    assert told(entry("kubectl-edit", fields)) == (".metadata.annotations.mine",)
    assert told(entry("kubectl", {"f:spec": {"f:paused": {}}}, subresource="scale")) == ()


def test_what_the_application_ignores_is_left() -> None:
    hand = entry("kubectl-edit", SIDECAR | {"f:data": {"f:a": {}, "f:b": {}}})
    assert told(hand, left=("/spec/containers/0", "/data/a")) == (".data.b",)


@pytest.mark.parametrize(
    ("body", "fields", "left"),
    [
        ({"data": {"extra": "1"}}, {"f:data": {".": {}, "f:extra": {}}}, {}),
        ({"data": {"extra": "1", "key": "v"}}, {"f:data": {".": {}, "f:extra": {}}}, {"data": {"key": "v"}}),
        (
            {"spec": {"containers": [{"name": "side", "image": "a", "tty": True}, {"name": "web"}]}},
            {"f:spec": {"f:containers": {".": {}, 'k:{"name":"side"}': {".": {}, "f:name": {}, "f:image": {}}}}},
            {"spec": {"containers": [{"name": "side", "tty": True}, {"name": "web"}]}},
        ),
        (
            {"spec": {"containers": [{"name": "side", "image": "a"}, {"name": "web"}]}},
            SIDECAR,
            {"spec": {"containers": [{"name": "web"}]}},
        ),
        ({"spec": {"finalizers": ["a", "b"]}}, {"f:spec": {"f:finalizers": {".": {}, 'v:"a"': {}}}}, None),
    ],
    ids=["all of a map", "a map that Git has a part of by now", "a part of an element", "an element", "a set"],
)
def test_a_map_that_a_person_made_stays_with_what_others_put_in_it(
    body: dict[str, Any], fields: dict[str, Any], left: dict[str, Any] | None
) -> None:
    assert by_hand.without(body, fields) == (left if left is not None else {"spec": {"finalizers": ["b"]}})


def test_of_a_map_that_a_person_made_what_is_left_alone_stays() -> None:
    hand = entry("kubectl-edit", {"f:data": {".": {}, "f:a": {}, "f:b": {}}})
    assert told(hand) == (".data",)
    assert told(hand, left=("/data/a",)) == (".data.b",)
    assert told(hand, left=("/data",)) == ()
    fields = by_hand.added(meta(hand), ("/data/a",))
    assert fields is not None
    assert by_hand.without({"data": {"a": "1", "b": "2"}}, fields) == {"data": {"a": "1"}}


def test_a_key_that_was_added_is_reported_and_stays(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.edit("ConfigMap", "settings", {"data": {"extra": "1"}}, manager="kubectl-edit")
    assert actions(site.sync(config_map())) == {"ConfigMap/settings": "unchanged"}
    (row,) = site.journal.inventory.values()
    assert row.by_hand == ".data.extra"
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "value", "extra": "1"}


def test_a_key_that_was_added_is_removed_where_that_is_asked(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), settings=REMOVE)
    cluster.edit("ConfigMap", "settings", {"data": {"extra": "1"}}, manager="kubectl-edit")
    looked = site.sync(config_map(), settings=REMOVE, phase=Phase.CHECK)
    (told,) = (field for change in looked.changes for field in change.diff.fields)
    assert (told.path, told.before, told.after, told.owner) == (".data.extra", '"1"', None, "kubectl-edit")
    done = site.sync(config_map(), settings=REMOVE)
    assert details(done)["ConfigMap/settings"] == "removed what was added by hand: .data.extra"
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "value"}
    (row,) = site.journal.inventory.values()
    assert row.by_hand == ""
    assert actions(site.sync(config_map(), settings=REMOVE, dry_runs=DryRuns.ALL)) == {
        "ConfigMap/settings": "unchanged"
    }


def test_what_was_there_before_goes_with_the_next_sync(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map())
    cluster.edit("ConfigMap", "settings", {"data": {"extra": "1"}}, manager="kubectl-edit")
    site.sync(config_map())
    assert actions(site.sync(config_map(), settings=REMOVE)) == {"ConfigMap/settings": "configured"}
    assert cluster.show("ConfigMap", "settings")["data"] == {"key": "value"}


def test_a_field_that_never_was_ours_is_not_forced_for_the_sake_of_it(site: Site, cluster: FakeCluster) -> None:
    site.sync(config_map(), settings=REMOVE)
    cluster.edit("ConfigMap", "settings", {"data": {"new": "theirs"}}, manager="kubectl-edit")
    assert actions(site.sync(config_map(key="value", new="ours"), settings=REMOVE)) == {
        "ConfigMap/settings": "conflict"
    }


@pytest.mark.parametrize("more", [{"flotilla.dev/apply": "merge"}, {}])
def test_replicas_and_objects_that_are_merged_are_left(site: Site, cluster: FakeCluster, more: dict[str, str]) -> None:
    web = annotated(deployment(replicas=None), **more)
    site.sync(web, settings=REMOVE)
    cluster.edit("Deployment", "web", {"spec": {"replicas": 3}}, manager="kubectl-patch")
    assert actions(site.sync(web, settings=REMOVE)) == {"Deployment/web": "unchanged"}
    ignoring = SyncSettings(extra_fields=ExtraFields.REMOVE, ignore=(IgnoreRule("Deployment", ("/spec/paused",)),))
    cluster.edit("Deployment", "web", {"spec": {"paused": True}}, manager="kubectl-patch")
    site.sync(web, settings=ignoring)
    assert cluster.show("Deployment", "web")["spec"]["paused"]
