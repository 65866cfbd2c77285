"""Kinds that are not served when a run begins: refused at once, waited for, or held back with what follows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.domain.fleet import DEFAULT_PROJECT
from common.domain.reasons import sentence
from common.domain.refs import ObjectId
from tests.fakes.cluster import FakeCluster
from tests.fakes.sync import Site, actions, annotated, config_map, deployment, details
from workers.sync.errors import ManifestsError, PolicyError, SilentGroupError, UnknownKindError
from workers.sync.objects.live import Kind
from workers.sync.ports import Target
from workers.sync.requests import Deadline, Phase
from workers.sync.results import Ending

GADGET = Kind("later.example.com", "v1", "Gadget", "gadgets", namespaced=True)


def gadget(name: str = "g", **annotations: str) -> dict[str, Any]:
    made = {"apiVersion": "later.example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": {"x": 1}}
    return annotated(made, **annotations)


def skipping(manifest: dict[str, Any]) -> dict[str, Any]:
    annotations = manifest["metadata"].get("annotations", {})
    options = {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {**annotations, **options}}}


def serve(cluster: FakeCluster, kind: Kind = GADGET) -> None:
    cluster.kinds[kind.group, kind.kind] = kind


def test_an_earlier_wave_goes_in_and_the_later_one_waits_for_its_kind(site: Site, cluster: FakeCluster) -> None:
    wanted = (config_map("operator"), gadget(flotilla_wave="1"), annotated(config_map("after"), flotilla_wave="1"))
    result = site.sync(*wanted)
    assert result.ending is Ending.WAITING
    assert actions(result) == {"ConfigMap/operator": "created"}
    assert sentence(result.reason) == "wave 1: the cluster serves no kind Gadget in later.example.com/v1 yet"
    assert [str(one) for one in result.awaits] == ["later.example.com/Gadget:/g"]
    serve(cluster)
    assert site.sync(*wanted, phase=Phase.RESUME).ending is Ending.SUCCEEDED
    assert cluster.names("Gadget") == {"g"}
    assert "after" in cluster.names("ConfigMap")


def test_at_the_deadline_it_fails_and_says_what_for(site: Site) -> None:
    result = site.sync(config_map("operator"), gadget(flotilla_wave="1"), phase=Phase.RESUME, deadline=Deadline.PASSED)
    assert result.ending is Ending.FAILED
    assert sentence(result.reason) == (
        "wave 1: the cluster serves no kind Gadget in later.example.com/v1 in time. "
        "Install its CustomResourceDefinition first, or correct apiVersion and kind."
    )


@pytest.mark.parametrize(
    "wanted",
    [
        [gadget()],
        [gadget(), annotated(config_map("later"), flotilla_wave="1")],
        [annotated({**deployment("w"), "kind": "Deploymnt"}, flotilla_wave="1"), config_map("operator")],
        [annotated({**config_map("w"), "apiVersion": "v2"}, flotilla_wave="1"), config_map("operator")],
    ],
)
def test_a_kind_that_nothing_brings_is_refused_before_any_write(
    site: Site, cluster: FakeCluster, wanted: list[dict[str, Any]]
) -> None:
    before = cluster.snapshot()
    with pytest.raises(ManifestsError, match="serves no kind"):
        site.sync(*wanted, config_map("fine"))
    assert cluster.snapshot() == before


def test_one_that_is_served_in_another_version_only_is_refused_at_once(site: Site, cluster: FakeCluster) -> None:
    real = cluster.kind

    def kind(group: str, version: str, name: str) -> Kind:
        if name == "Gadget":
            raise UnknownKindError(group, version, name, [f"{group}/v2"])
        return real(group, version, name)

    cluster.kind = kind  # type: ignore[assignment, method-assign]  # another cluster
    with pytest.raises(ManifestsError, match=r"but in later\.example\.com/v2"):
        site.sync(config_map("operator"), gadget(flotilla_wave="1"))


def test_where_the_annotation_says_so_the_rest_of_its_own_wave_goes_in_first(site: Site, cluster: FakeCluster) -> None:
    result = site.sync(config_map("operator"), skipping(gadget()))
    assert (result.ending, actions(result)) == (Ending.WAITING, {"ConfigMap/operator": "created"})
    assert not result.warnings
    serve(cluster)
    assert site.sync(config_map("operator"), skipping(gadget())).ending is Ending.SUCCEEDED


@pytest.mark.parametrize(
    "spec",
    [
        {"group": "later.example.com", "names": {"kind": "XGadget"}, "claimNames": {"kind": "Gadget"}},
        {"crd": {"spec": {"names": {"kind": "Gadget"}}}},
    ],
)
def test_what_defines_a_kind_otherwise_goes_in_first(site: Site, cluster: FakeCluster, spec: dict[str, Any]) -> None:
    serve(cluster, Kind("defs.example.com", "v1", "Definition", "definitions", namespaced=False))
    definition = {"apiVersion": "defs.example.com/v1", "kind": "Definition", "metadata": {"name": "d"}, "spec": spec}
    result = site.sync(definition, gadget())
    assert (result.ending, actions(result)) == (Ending.WAITING, {"Definition/d": "created"})


def test_what_is_of_a_kind_that_is_not_served_is_not_removed(site: Site, cluster: FakeCluster) -> None:
    serve(cluster)
    wanted = (config_map("operator"), gadget(flotilla_wave="1"))
    assert site.sync(*wanted).ending is Ending.SUCCEEDED
    del cluster.kinds[GADGET.group, GADGET.kind]
    assert site.sync(*wanted).ending is Ending.WAITING
    (item,) = [item for item in site.journal.inventory.values() if item.object.kind == "Gadget"]
    assert item.wanted


def test_a_check_tells_of_it_and_goes_on(site: Site) -> None:
    result = site.sync(config_map("operator"), gadget(flotilla_wave="1"), phase=Phase.CHECK)
    assert actions(result) == {"ConfigMap/operator": "created", "Gadget/g": "created"}
    assert details(result)["Gadget/g"].startswith("not checked yet: the cluster serves no kind Gadget")


def test_a_project_that_does_not_allow_the_kind_refuses_it_whether_it_is_served_or_not(site: Site) -> None:
    project = replace(DEFAULT_PROJECT, denied_kinds=("later.example.com/Gadget",))
    with pytest.raises(PolicyError):
        site.sync(config_map("operator"), gadget(flotilla_wave="1"), project=project)


@pytest.fixture
def silent(cluster: FakeCluster) -> FakeCluster:
    """Return a cluster with an API group that is registered and does not answer."""
    real = cluster.kind

    def kind(group: str, version: str, name: str) -> Kind:
        if group == GADGET.group:
            raise SilentGroupError(group)
        return real(group, version, name)

    cluster.kind = kind  # type: ignore[assignment, method-assign]  # another cluster
    return cluster


def test_a_group_that_does_not_answer_holds_back_its_objects_and_what_follows_them(
    site: Site, silent: FakeCluster
) -> None:
    zebra = Kind("zebra.example.com", "v1", "Zebra", "zebras", namespaced=True)
    serve(silent, zebra)
    after = {"apiVersion": "zebra.example.com/v1", "kind": "Zebra", "metadata": {"name": "z"}}
    wanted = (gadget(), config_map("fine"), deployment(), after, annotated(config_map("w1"), flotilla_wave="1"))
    with pytest.raises(SilentGroupError, match=r"group later\.example\.com does not answer"):
        site.sync(*wanted)
    assert silent.names("ConfigMap") == {"fine"}
    assert silent.names("Deployment") == {"web"}
    assert not silent.names("Zebra")
    assert {str(item) for item in site.journal.inventory} == {"/ConfigMap:default/fine", "apps/Deployment:default/web"}


def test_a_refusal_of_what_precedes_it_is_told_and_nothing_is_written(site: Site, silent: FakeCluster) -> None:
    silent.put(config_map("theirs"), manager="x")
    silent.stored("ConfigMap", "theirs").fields[("f:metadata", "f:annotations", "f:flotilla.dev/owner")] = (
        "acme/alpha/bank:/ConfigMap:default/theirs"
    )
    result = site.sync(gadget(), config_map("fine"), config_map("theirs"))
    assert actions(result) == {"ConfigMap/theirs": "conflict"}


def test_one_that_falls_silent_after_discovery_does_so_too(site: Site, cluster: FakeCluster) -> None:
    serve(cluster)

    def before(_verb: str, target: Target) -> None:
        if target.kind.kind == "Gadget":
            raise SilentGroupError(target.kind.group)

    assert site.sync(config_map("fine"), gadget()).ending is Ending.SUCCEEDED
    cluster.before = before
    with pytest.raises(SilentGroupError):
        site.sync(config_map("fine", key="2"), gadget(), config_map("new"))
    assert cluster.names("ConfigMap") == {"fine", "new"}
    assert site.journal.inventory[ObjectId(GADGET.group, "Gadget", "default", "g")].wanted


def test_nothing_is_pruned_while_a_group_does_not_answer(site: Site, silent: FakeCluster) -> None:
    site.sync(config_map("old"))
    with pytest.raises(SilentGroupError):
        site.sync(config_map("new"), gadget())
    assert silent.names("ConfigMap") == {"old", "new"}


@pytest.mark.parametrize("annotation", ["apply", "prune", "force"])
def test_an_odd_word_on_an_object_of_an_unserved_kind_is_its_fault(site: Site, annotation: str) -> None:
    odd = annotated(gadget(), **{f"flotilla_{annotation}": "odd"})
    with pytest.raises(ManifestsError, match=f"annotation flotilla.dev/{annotation} is 'odd'"):
        site.sync(config_map(), odd)
