"""From rendered manifests to objects that can be written; every fault is told at once."""

from __future__ import annotations

import copy
from base64 import b64encode
from typing import Any

import pytest

from common.domain.refs import PlacementRef
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import annotated, config_map, deployment
from workers.sync.errors import ManifestsError
from workers.sync.objects.live import Kind
from workers.sync.plan.arriving import CustomKinds
from workers.sync.plan.lists import flattened
from workers.sync.plan.normalise import Naming, Wanted, normalise
from workers.sync.ports import Manifest

NAMING = Naming("acme", PlacementRef("alpha", "shop"), "default", b"key")


def normal(*manifests: Any, naming: Naming = NAMING) -> tuple[Wanted, ...]:
    flat = tuple(flattened(manifests))
    return normalise(flat, naming, CustomKinds(FakeCluster().kind, flat)).wanted


def one(manifest: Any) -> Wanted:
    (wanted,) = normal(manifest)
    return wanted


def faults(*manifests: Any) -> str:
    with pytest.raises(ManifestsError) as caught:
        normal(*manifests)
    return str(caught.value)


def test_an_object_gets_our_marks_on_its_metadata_only() -> None:
    wanted = one(deployment())
    metadata = wanted.manifest["metadata"]
    assert metadata["labels"] == {"flotilla.dev/placement": NAMING.ref.mark("acme")}
    assert metadata["annotations"] == {"flotilla.dev/owner": "acme/alpha/shop:apps/Deployment:default/web"}
    assert wanted.manifest["spec"]["template"]["metadata"]["labels"] == {"app": "web"}
    assert wanted.manifest["spec"]["selector"]["matchLabels"] == {"app": "web"}


def test_the_given_manifests_are_never_changed() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    given: list[dict[str, Any]] = [deployment(), config_map(), secret]
    given[0]["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 80}]
    before = copy.deepcopy(given)
    normal(*given)
    assert given == before


def test_lists_are_flattened_at_any_depth() -> None:
    inner = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [config_map("b")]}
    listed = {"apiVersion": "v1", "kind": "List", "items": [config_map("a"), inner]}
    assert [wanted.object.name for wanted in normal(listed, config_map("c"))] == ["a", "b", "c"]


def test_items_of_a_list_of_one_kind_need_not_say_it() -> None:
    bare = {"metadata": {"name": "a"}, "data": {"k": "v"}}
    said = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}
    listed = {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": ""}, "items": [bare, said]}
    assert [(one.object.kind, one.object.name) for one in normal(listed)] == [("ConfigMap", "a"), ("Secret", "b")]
    assert normal({"apiVersion": "v1", "kind": "ConfigMapList", "items": None}) == ()
    assert "it has no apiVersion" in faults({"apiVersion": "v1", "kind": "List", "items": [bare]})


def test_an_object_whose_kind_is_called_a_list_is_none() -> None:
    allowed = {"apiVersion": "example.com/v1", "kind": "AllowList", "metadata": {"name": "a"}, "items": ["10.0.0.0/8"]}
    assert tuple(flattened([allowed])) == (allowed,)
    assert "AllowList" in faults(allowed)


def test_a_null_label_or_annotation_is_an_empty_text() -> None:
    metadata = {"name": "a", "labels": {"l": None}, "annotations": {"a": None, "flotilla.dev/prune": None}}
    wanted = one({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    assert (wanted.manifest["metadata"]["labels"]["l"], wanted.manifest["metadata"]["annotations"]["a"]) == ("", "")
    whole = {"name": "a", "labels": None, "annotations": None}
    assert one({"apiVersion": "v1", "kind": "ConfigMap", "metadata": whole, "data": None}).object.name == "a"
    assert "holds something other than strings" in faults(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"l": 1}}}
    )


def test_a_kind_that_merely_ends_in_list_is_an_object() -> None:
    assert "serves no kind AllowList" in faults(
        {"apiVersion": "x.com/v1", "kind": "AllowList", "metadata": {"name": "a"}}
    )


def test_the_default_namespace_is_for_namespaced_kinds_without_one() -> None:
    cluster_wide = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "odd"}}
    objects = normal(config_map("a"), config_map("b", namespace="own"), cluster_wide)
    assert [wanted.object.namespace for wanted in objects] == ["default", "own", ""]
    assert "namespace" not in objects[2].manifest["metadata"]


def test_every_fault_is_told_with_the_name_of_its_object_and_by_number_only_where_it_has_none() -> None:
    told = faults(
        "text",
        {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "team"}},
        {"apiVersion": "v1", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}},
        {"apiVersion": "x.com/v1", "kind": "Gadget", "metadata": {"name": "a"}},
        config_map("twice"),
        config_map("twice", key="other"),
    )
    for part in (
        "document 1: it is no mapping",
        "ConfigMap team/a: it has no apiVersion",
        "Document 3 (no kind a): it has no kind",
        "Document 4 (ConfigMap without name): it has no metadata",
        "Document 5 (ConfigMap without name): it has no name",
        "ConfigMap a-: it has no name; generateName is for hooks only",
        "serves no kind Gadget",
        "/ConfigMap:default/twice is rendered twice, and differs.",
    ):
        assert part in told


def test_what_is_rendered_twice_alike_is_one() -> None:
    alike = [config_map("a"), config_map("b"), config_map("a", namespace="default"), config_map("a")]
    assert [wanted.object.name for wanted in normal(*alike)] == ["a", "b"]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "x"}}
    assert len(normal(secret, secret)) == 1
    assert "/Secret:default/s is rendered twice, and differs." in faults(
        secret, config_map("a"), {**secret, "stringData": {"p": "y"}}
    )


@pytest.mark.parametrize("name", ["../other", "a/b", "..", ".", "a%2fb", "a b", "a\nb", "x" * 254])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    assert "is no name" in faults(config_map(name))
    assert "is no namespace" in faults(config_map("a", namespace=name))


def test_labels_and_annotations_are_strings() -> None:
    number: dict[str, Any] = {**config_map(), "metadata": {"name": "a", "labels": {"version": 1}}}
    assert "metadata.labels holds something other than strings" in faults(number)
    listed: dict[str, Any] = {**config_map(), "metadata": {"name": "a", "annotations": ["x"]}}
    assert "metadata.annotations holds" in faults(listed)


@pytest.mark.parametrize("key", ["apply", "prune"])
def test_an_unknown_word_in_our_annotations_is_a_fault(key: str) -> None:
    assert f"flotilla.dev/{key} is 'sometimes'" in faults(annotated(config_map(), **{f"flotilla_{key}": "sometimes"}))


def test_what_sops_still_encrypts_is_refused() -> None:
    assert "still encrypted by SOPS" in faults({**config_map(), "sops": {"mac": "x"}})
    assert one({**config_map(), "sops": "a field of that name"}).object.name == "settings"


def test_what_is_no_json_is_a_fault() -> None:
    assert "cannot be written as JSON" in faults({**config_map(), "data": {"a": 1 << 70}})


def test_plain_secret_values_become_data_and_win() -> None:
    data = {"a": b64encode(b"old").decode(), "b": "Yg=="}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "new"}, "data": data}
    assert one(secret).manifest["data"] == {"a": b64encode(b"new").decode(), "b": "Yg=="}
    assert "stringData" not in one(secret).manifest
    assert "stringData holds" in faults({**secret, "stringData": {"a": 1}})
    assert "data holds" in faults({**secret, "data": {"a": 12345}})
    assert "12345" not in faults({**secret, "data": {"a": 12345}})


def test_a_secrets_digest_is_an_hmac_under_the_hubs_key() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    other = Naming("acme", NAMING.ref, "default", b"another key")
    assert normal(secret)[0].digest != normal(secret, naming=other)[0].digest
    assert normal(config_map())[0].digest == normal(config_map(), naming=other)[0].digest


def test_what_the_server_sets_is_dropped() -> None:
    exported = config_map()
    exported["status"] = {"a": 1}
    exported["metadata"] |= {"uid": "x", "resourceVersion": "7", "creationTimestamp": None, "managedFields": []}
    assert one(exported).digest == one(config_map()).digest
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}}
    assert "status" in one({**crd, "status": {"acceptedNames": {}}}).manifest


def test_a_fence_in_the_manifest_is_dropped() -> None:
    fenced = annotated(config_map(), flotilla_fence="r.1")
    assert "flotilla.dev/fence" not in one(fenced).manifest["metadata"]["annotations"]


def test_ports_without_a_protocol_are_tcp() -> None:
    ports = [{"port": 80}, {"port": 53, "protocol": "UDP"}, "odd"]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}}
    assert one(service).manifest["spec"]["ports"] == [{"port": 80, "protocol": "TCP"}, *ports[1:]]
    assert one({**service, "spec": None}).manifest["spec"] is None
    pod = deployment()
    pod["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 80}]
    pod["spec"]["template"]["spec"]["initContainers"] = ["odd"]
    template = one(pod).manifest["spec"]["template"]["spec"]
    assert template["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert one({**pod, "spec": {"template": []}}).manifest["spec"] == {"template": []}


def crd(**names: Any) -> dict[str, Any]:
    versions = [{"name": "v1", "served": True}]
    spec = {"group": "x.com", "scope": "Namespaced", "names": names, "versions": versions}
    api = "apiextensions.k8s.io/v1"
    return {"apiVersion": api, "kind": "CustomResourceDefinition", "metadata": {"name": "gadgets.x.com"}, "spec": spec}


def test_a_kind_may_arrive_with_its_definition() -> None:
    gadget: Manifest = {"apiVersion": "x.com/v1", "kind": "Gadget", "metadata": {"name": "a"}}
    manifests = (gadget, crd(plural="gadgets", kind="Gadget"))
    kinds = CustomKinds(FakeCluster().kind, manifests)
    wanted = normalise(manifests, NAMING, kinds).wanted
    assert wanted[0].target.kind == Kind("x.com", "v1", "Gadget", "", namespaced=True), "where it lies is not known yet"
    assert kinds.arriving == {wanted[0].target.kind}


def test_a_malformed_definition_defines_nothing() -> None:
    assert "serves no kind Gadget" in faults(
        crd(kind="Gadget"), {"apiVersion": "x.com/v1", "kind": "Gadget", "metadata": {"name": "a"}}
    )


def test_keeping_can_be_said_in_three_ways() -> None:
    for words in (
        {"flotilla.dev/prune": "never"},
        {"argocd.argoproj.io/sync-options": "Validate=false, Prune=false"},
        {"helm.sh/resource-policy": "keep"},
    ):
        assert one(annotated(config_map(), **words)).options.keep
    allowed = one(annotated(config_map(), flotilla_prune="allow")).options
    assert (allowed.keep, allowed.prune_allowed) == (False, True)


def test_a_fault_names_the_file_and_line_of_its_document_where_they_are_known() -> None:
    manifests = [{"kind": "ConfigMap", "metadata": {"name": "a"}}, {"apiVersion": "v1", "metadata": {"name": "b"}}]
    kinds = CustomKinds(FakeCluster().kind, manifests)
    with pytest.raises(ManifestsError) as caught:
        normalise(manifests, NAMING, kinds, origins=["apps/web.yaml:3", ""])
    assert "apps/web.yaml:3 (ConfigMap a): it has no apiVersion" in caught.value.message
    assert "Document 2 (no kind b): it has no kind" in caught.value.message
