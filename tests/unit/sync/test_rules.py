"""The small pure rules: order, guards, field sets, conflicts, differences, fingerprints."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident
from typing import Any

import msgspec
import orjson
import pytest

from common.domain.codes import ObjectReason, SyncReason
from common.domain.fleet import ConflictPolicy, IgnoreRule, PrunePolicy
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from workers.sync.concurrent import each
from workers.sync.errors import Cause, ConflictError
from workers.sync.objects import fieldset
from workers.sync.objects.fingerprint import fingerprint, fingerprint_like
from workers.sync.objects.live import LiveMeta, ManagedFields
from workers.sync.objects.ordering import batches, in_order
from workers.sync.plan import adoption, ignore, prune
from workers.sync.plan.conflicts import Force, Stop, decide, owner_named
from workers.sync.plan.ignore import Ignored, ignored_in, without_others
from workers.sync.ports import InventoryItem


def oid(kind: str, name: str = "a", group: str = "", namespace: str = "default") -> ObjectId:
    return ObjectId(group, kind, namespace, name)


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", subresource: str = "") -> ManagedFields:
    return ManagedFields(manager, operation, "v1", "t", subresource, "FieldsV1", msgspec.Raw(orjson.dumps(fields)))


def ours(fields: dict[str, Any]) -> ManagedFields:
    return entry("flotilla", fields, "Apply")


# -- order -----------------------------------------------------------------------------------------------------


def test_foundations_come_first_and_webhooks_last() -> None:
    ids = [
        oid("ValidatingWebhookConfiguration", group="admissionregistration.k8s.io"),
        oid("Gadget", group="example.com"),
        oid("Deployment", group="apps"),
        oid("CustomResourceDefinition", group="apiextensions.k8s.io"),
        oid("ConfigMap"),
        oid("Namespace"),
    ]
    assert [each.kind for each in in_order(ids)] == [each.kind for each in reversed(ids)]


def test_a_custom_kind_with_a_built_in_name_is_custom() -> None:
    foreign = oid("Ingress", group="traefik.io")
    late = oid("APIService", group="apiregistration.k8s.io")
    assert in_order([foreign, late]) == (late, foreign)


def test_objects_of_one_kind_are_one_batch() -> None:
    ids = [oid("Deployment", "b", "apps"), oid("ConfigMap", "z"), oid("Deployment", "a", "apps")]
    assert [[each.name for each in batch] for batch in batches([(each, each) for each in ids])] == [["z"], ["a", "b"]]


# -- guards ----------------------------------------------------------------------------------------------------


def items(count: int, kind: str = "ConfigMap") -> list[InventoryItem]:
    return [InventoryItem(oid(kind, f"n{number}"), "v1") for number in range(count)]


def planned(left: list[InventoryItem], *, total: int = 100, **policy: Any) -> prune.PrunePlan:
    wanted = {oid("Deployment", "web", "apps")}
    return prune.plan(left, PrunePolicy(**policy), wanted=wanted, total=total, approved=None)


def test_the_number_of_removals_is_bounded() -> None:
    assert not planned(items(20), max_objects=20).over
    over = Reason(SyncReason.MAX_OBJECTS, {"objects": 21, "most": 20})
    assert planned(items(21), max_objects=20).over == over


def test_the_share_of_removals_is_bounded_from_four_on() -> None:
    assert not planned(items(3), total=3, max_percent=1).over
    over = Reason(SyncReason.MAX_PERCENT, {"objects": 4, "of": 13, "most": 30})
    assert planned(items(4), total=13).over == over
    assert not planned(items(4), total=14).over
    assert not planned(items(6), total=20).over, "exactly 30 percent"


def test_a_new_kustomize_hash_is_a_change_and_no_removal() -> None:
    left = [InventoryItem(oid("ConfigMap", f"conf{number}-2456789bcd"), "v1") for number in range(5)]
    renamed = {oid("ConfigMap", f"conf{number}-fghkmt2456") for number in range(5)}
    arguments: dict[str, Any] = {"total": 5, "approved": None}
    assert not prune.plan(left, PrunePolicy(), wanted=renamed, **arguments).over
    assert prune.plan(left, PrunePolicy(), wanted={oid("ConfigMap", "conf0")}, **arguments).over
    other_kind = {oid("Service", f"conf{number}-fghkmt2456") for number in range(5)}
    assert prune.plan(left, PrunePolicy(), wanted=other_kind, **arguments).over


def test_what_holds_other_things_is_kept_unless_allowed() -> None:
    kept = prune.removal([InventoryItem(oid("PersistentVolumeClaim"), "v1")])
    assert (kept.remove, len(kept.kept)) == ((), 1)
    allowed = prune.removal([InventoryItem(oid("PersistentVolumeClaim"), "v1", prune_allowed=True)])
    assert len(allowed.remove) == 1


def test_removals_come_in_reverse_order() -> None:
    left = [InventoryItem(oid("ConfigMap"), "v1"), InventoryItem(oid("Deployment", group="apps"), "v1")]
    assert [item.object.kind for item in prune.removal(left).remove] == ["Deployment", "ConfigMap"]


# -- field sets ------------------------------------------------------------------------------------------------


FIELDS: dict[str, Any] = {
    "f:spec": {
        "f:replicas": {},
        "f:ports": {'k:{"protocol":"TCP","port":80}': {".": {}, "f:name": {}}},
        "f:finalizers": {'v:"x"': {}},
        "f:args": {"i:0": {}},
    }
}


def test_paths_are_printed_as_conflicts_print_them() -> None:
    known = fieldset.Paths(FIELDS)
    for path in (
        ".spec",
        ".spec.replicas",
        '.spec.ports[port=80,protocol="TCP"].name',
        '.spec.finalizers[="x"]',
        ".spec.args[0]",
    ):
        assert path in known
    for path in ("", ".", ".spec.args[1]", ".spec.replicas.", "spec.replicas", ".sp"):
        assert path not in known


def test_what_lies_in_an_atomic_value_is_owned_with_it() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:selector": {}}}
    assert fieldset.below(fields, ["f:spec", "f:selector", "f:app"]) == {}
    assert fieldset.below(fields, ["f:spec", "f:other"]) is None
    assert fieldset.below({}, ["f:spec"]) is None


def test_a_set_minus_another_leaves_what_is_held_alone() -> None:
    left: dict[str, Any] = {"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}, ".": {}}
    right: dict[str, Any] = {"f:b": {"f:c": {}}}
    assert fieldset.minus(left, right) == {"f:a": {}, "f:b": {"f:d": {}}}
    assert fieldset.minus(right, left) is None
    assert fieldset.minus({}, right) == {}


def test_a_projection_holds_what_the_set_does() -> None:
    value = {
        "replicas": 2,
        "ports": [{"port": 80, "protocol": "TCP", "name": "web", "extra": 1}, {"port": 81, "protocol": "TCP"}],
        "finalizers": ["x", "y"],
        "other": 1,
    }
    assert fieldset.projected(value, FIELDS["f:spec"]) == {
        "replicas": 2,
        "ports": [{"port": 80, "protocol": "TCP", "name": "web"}],
        "finalizers": ["x"],
    }
    assert fieldset.projected({"args": ["a"]}, {"f:args": {"i:0": {}}}) == {"args": []}
    assert fieldset.projected("scalar", {"f:x": {}}) == "scalar"


# -- ignored fields --------------------------------------------------------------------------------------------


def sent(pointer: str, manifest: Any, live: Any, *managers: ManagedFields) -> Any:
    return without_others(manifest, live, managers, Ignored((pointer,)))


def test_a_field_of_ours_is_sent_as_it_is_and_one_of_others_is_left_out() -> None:
    manifest, live = {"spec": {"a": 1, "b": 1}}, {"spec": {"a": 2, "b": 2}}
    mine, theirs = ours({"f:spec": {"f:a": {}}}), entry("x", {"f:spec": {"f:b": {}}})
    assert sent("/spec/a", manifest, live, mine, theirs) == {"spec": {"a": 2, "b": 1}}
    assert sent("/spec/b", manifest, live, mine, theirs) == {"spec": {"a": 1}}
    assert manifest == {"spec": {"a": 1, "b": 1}}


def test_a_field_that_we_own_and_the_manifest_lost_is_sent_still() -> None:
    assert sent("/spec/a", {}, {"spec": {"a": 2}}, ours({"f:spec": {"f:a": {}}})) == {"spec": {"a": 2}}


def test_of_a_whole_section_only_what_is_ours_alone_is_sent() -> None:
    live = {"data": {"ours": "1", "theirs": "2", "both": "3"}}
    mine = ours({"f:data": {"f:ours": {}, "f:both": {}}})
    theirs = entry("x", {"f:data": {"f:theirs": {}, "f:both": {}}})
    assert sent("/data", {"data": {"ours": "0"}}, live, mine, theirs) == {"data": {"ours": "1"}}


def test_an_element_is_found_by_its_keys_wherever_it_stands() -> None:
    manifest = {"list": [{"name": "b", "image": "1"}]}
    live = {"list": [{"name": "a", "image": "x"}, {"name": "b", "image": "2"}]}
    keyed: dict[str, Any] = {"f:list": {'k:{"name":"b"}': {"f:image": {}, "f:name": {}}}}
    assert sent("/list/0/image", manifest, live, ours(keyed)) == {"list": [{"name": "b", "image": "2"}]}
    theirs = entry("x", {"f:list": {'k:{"name":"b"}': {"f:image": {}}}})
    assert sent("/list/0/image", manifest, live, theirs) == {"list": [{"name": "b"}]}
    assert sent("/list/0", manifest, live, ours(keyed)) == {"list": [{"name": "b", "image": "2"}]}
    assert sent("/list/0", manifest, live, theirs) == {"list": []}


def test_only_conflicts_of_field_managers_name_fields() -> None:
    causes = (Cause("FieldManagerConflict", ".a", "owned by x"), Cause("FieldValueInvalid", ".b", "no"))
    assert ConflictError("conflict", causes=causes).fields == causes[:1]


def test_an_index_into_an_atomic_list_means_the_list() -> None:
    manifest, live = {"args": ["a"]}, {"args": ["b", "c"]}
    assert sent("/args/0", manifest, live, ours({"f:args": {}})) == {"args": ["b", "c"]}
    assert sent("/args/7", manifest, live, entry("x", {"f:args": {}})) == {}


def test_a_pointer_that_leads_nowhere_changes_nothing() -> None:
    for pointer in ("/x/y", "/a/b/c", "/list/5/name", "/a~1b/c~0d"):
        assert sent(pointer, {"a": 1, "list": []}, {"a": 1}) == {"a": 1, "list": []}


def test_what_a_named_manager_owns_is_left_to_it_and_nothing_else() -> None:
    marks = {"flotilla.dev/owner": "me", "note": "x", "theirs": "1"}
    manifest = {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "web", "annotations": marks},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "a"},
            "list": [{"name": "a", "image": "1", "tag": "t"}, {"name": "b"}],
        },
        "set": ["x", "y"],
    }
    fields: dict[str, Any] = {
        "f:metadata": {"f:annotations": {"f:theirs": {}, "f:flotilla.dev/owner": {}}},
        "f:spec": {"f:replicas": {}, "f:strategy": {"f:type": {}}, "f:list": {'k:{"name":"a"}': {"f:image": {}}}},
        "f:set": {'v:"x"': {}},
    }
    theirs, other = entry("cainjector", fields), entry("x", {"f:spec": {"f:list": {}}})
    left = without_others(manifest, {}, (theirs, other), Ignored((), managers=("cainjector",)))
    assert left == {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "web", "annotations": {"flotilla.dev/owner": "me", "note": "x"}},
        "spec": {"list": [{"name": "a", "tag": "t"}, {"name": "b"}]},
        "set": ["y"],
    }
    assert without_others(manifest, {}, (other,), Ignored((), managers=("cainjector",))) == manifest


def test_without_rules_the_manifest_is_sent_as_it_is() -> None:
    manifest = {"a": 1}
    assert without_others(manifest, {}, (), ignore.NOTHING) is manifest


def test_rules_match_by_every_name_they_give() -> None:
    target = oid("Deployment", "web", "apps")
    for rule, matches in (
        (IgnoreRule("Deployment", ("/a",)), True),
        (IgnoreRule("Deployment", ("/a",), group="apps", namespace="default", name="web"), True),
        (IgnoreRule("Deployment", ("/a",), group=""), False),
        (IgnoreRule("Deployment", ("/a",), namespace="x"), False),
        (IgnoreRule("Deployment", ("/a",), name="x"), False),
        (IgnoreRule("StatefulSet", ("/a",)), False),
    ):
        assert bool(ignored_in(target, [rule], {}).pointers) is matches


def test_a_scaled_object_has_a_note_unless_a_rule_says_so_already() -> None:
    target = oid("Deployment", "web", "apps")
    assert ignored_in(target, [], {target: "hpa"}).note
    assert not ignored_in(target, [IgnoreRule("Deployment", ("/spec/replicas",))], {target: "hpa"}).note


# -- conflicts -------------------------------------------------------------------------------------------------


def cause(field: str, message: str = 'conflict with "x" using v1') -> Cause:
    return Cause("FieldManagerConflict", field, message)


def nobody_moves(_manager: str) -> bool:
    return False


def test_fields_that_were_all_ours_are_reclaimed_whatever_the_policy() -> None:
    applied: dict[str, Any] = {"f:spec": {"f:a": {}, "f:b": {}}}
    decision = decide([cause(".spec.a"), cause(".spec.b")], applied, ConflictPolicy.FAIL, moving=nobody_moves)
    assert decision == Force(Reason(ObjectReason.RECLAIMED, {"managers": ["x"]}))


def test_without_a_record_every_field_is_strange() -> None:
    assert isinstance(decide([cause(".spec.a")], None, ConflictPolicy.FAIL, moving=nobody_moves), Stop)


def test_fields_of_clients_that_are_adopted_are_no_conflict() -> None:
    told = decide([cause(".spec.a", 'conflict with "helm" using v1')], None, ConflictPolicy.FAIL, moving=adoption.moves)
    assert told == Force(NONE)


def test_a_field_written_by_a_subresource_does_not_move() -> None:
    scaled = cause(".spec.replicas", 'conflict with "kubectl" with subresource "scale" using apps/v1')
    assert owner_named(scaled) == "kubectl/scale"
    assert isinstance(decide([scaled], None, ConflictPolicy.FAIL, moving=adoption.moves), Stop)


def test_a_message_that_names_nobody_is_shown_whole() -> None:
    assert owner_named(cause(".a", "something else")) == "something else"


# -- adoption --------------------------------------------------------------------------------------------------


def test_migration_moves_clients_fields_and_leaves_the_rest() -> None:
    meta = LiveMeta(
        managed_fields=(
            entry("kubectl", {"f:data": {"f:a": {}}}),
            entry("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
            entry("controller", {"f:status": {}}, subresource="status"),
            ours({"f:data": {"f:b": {}}}),
        )
    )
    moved = adoption.migrated(meta)
    assert moved is not None
    assert [(each.manager, each.subresource) for each in moved] == [
        ("kubectl", "scale"), ("controller", "status"), ("flotilla", "")
    ]  # fmt: skip
    assert moved[-1].decoded() == {"f:data": {"f:a": {}, "f:b": {}}}
    assert adoption.migrated(LiveMeta(managed_fields=(entry("controller", {}),))) is None
    assert adoption.migrated(LiveMeta()) is None


# -- fingerprints ----------------------------------------------------------------------------------------------


def meta(**more: Any) -> LiveMeta:
    mine = ours({"f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:annotations": {"f:note": {}}}})
    values: dict[str, Any] = {
        "uid": "u", "labels": {"app": "x", "other": "1"}, "annotations": {"note": "y"}, "managed_fields": (mine,)
    }  # fmt: skip
    return LiveMeta(**{**values, **more})


def test_labels_that_we_do_not_apply_do_not_count() -> None:
    assert fingerprint(meta()) == fingerprint(meta(labels={"app": "x", "other": "2"}))
    assert fingerprint(meta()) != fingerprint(meta(labels={"app": "z"}))
    assert fingerprint(meta()) != fingerprint(meta(annotations={}))
    assert fingerprint(meta()) != fingerprint(meta(uid="v"))


def test_a_generation_stands_for_the_fields() -> None:
    more = (*(meta().managed_fields or ()), entry("x", {"f:spec": {}}))
    assert fingerprint(meta(generation=1)) == fingerprint(meta(generation=1, managed_fields=more))
    assert fingerprint(meta(generation=1)) != fingerprint(meta(generation=2))
    assert fingerprint(meta()) != fingerprint(meta(managed_fields=more))


def test_status_and_the_order_of_entries_do_not_count() -> None:
    other, mine = entry("x", {"f:a": {}}), (meta().managed_fields or ())[0]
    with_status = (other, mine, entry("c", {"f:status": {}}, subresource="status"))
    assert fingerprint(meta(managed_fields=(mine, other))) == fingerprint(meta(managed_fields=with_status))
    assert fingerprint(LiveMeta(uid="u")) != fingerprint(LiveMeta(uid="v"))


# -- concurrency -----------------------------------------------------------------------------------------------


def test_items_are_worked_on_at_once() -> None:
    meeting = Barrier(3, timeout=10)

    def meet(number: int) -> None:
        if number < 3:
            meeting.wait()

    with ThreadPoolExecutor(4) as executor:
        each(executor, meet, range(8))


def test_a_busy_executor_delays_nobody() -> None:
    done: list[int] = []
    with ThreadPoolExecutor(1) as executor:
        blocker = Barrier(2, timeout=10)
        executor.submit(blocker.wait)
        each(executor, done.append, range(20))
        blocker.wait()
    assert done == list(range(20))


def test_a_few_items_stay_in_the_callers_thread() -> None:
    threads: set[int] = set()
    with ThreadPoolExecutor(4) as executor:
        each(executor, lambda _: threads.add(get_ident()), range(4))
    assert threads == {get_ident()}


def test_after_an_error_nothing_new_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 2:
            message = "enough"
            raise ValueError(message)

    with ThreadPoolExecutor(1) as executor:
        blocker = Barrier(2, timeout=10)
        executor.submit(blocker.wait)
        with pytest.raises(ValueError, match="enough"):
            each(executor, work, range(100))
        blocker.wait()
    assert begun == [0, 1, 2]


def test_a_fingerprint_under_a_key_is_told_from_a_plain_one_and_known_again() -> None:
    plain, keyed = fingerprint(meta()), fingerprint(meta(), b"hub")
    assert (len(plain), len(keyed)) == (64, 64)
    assert fingerprint_like(plain, meta(), b"hub") == plain
    assert fingerprint_like(keyed, meta(), b"hub") == keyed
    assert fingerprint_like(keyed, meta(), b"another") != keyed
    assert fingerprint_like(keyed, meta(labels={"app": "z"}), b"hub") != keyed
