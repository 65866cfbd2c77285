"""Flux's objects as people have them: names, sources, lent values, and objects that Flux itself applies."""

from __future__ import annotations

from typing import Any

import pytest

from common.registry import parse
from common.yaml import dump, dump_all, load_documents
from common.yaml.limits import REGISTRY_LIMITS
from console.importing import Imported, from_flux
from tests.unit.importing.test_flux import (
    CHARTS,
    DIGEST,
    GIT,
    OF_CHARTS,
    imported,
    kustomization,
    only,
    release,
    source,
    told,
)

CHART = {"spec": {"chart": "web", "version": "1.0.0", "sourceRef": OF_CHARTS}}
OF_ARTIFACT = {"repo": "oci://r.example.com/c", "chart": "web"}
OF_GIT = {"kind": "GitRepository", "name": "apps", "namespace": "flux-system"}


def named(one: dict[str, Any], name: str, namespace: str = "front", **labels: str) -> dict[str, Any]:
    return {**one, "metadata": {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}}


def names(found: Imported) -> set[str]:
    return {document["metadata"]["name"] for document in found.documents.values()}


def commands(found: Imported) -> list[str]:
    return [command for step in found.steps for command in step.commands]


def test_scalars_keep_their_types() -> None:
    texts = {"a": "0658", "b": "1e3", "c": "0o14", "d": "12:30", "f": "09", "i": "+1", "l": "y", "n": "null"}
    found = imported(CHARTS, release(chart=CHART, values={**texts, "p": 1000, "t": True}))
    (document,) = found.documents.values()
    (again,) = load_documents(dump(document).encode(), REGISTRY_LIMITS)
    assert again.value["spec"]["values"] == {**texts, "p": 1000, "t": True}


def test_objects_of_two_kinds_with_one_name_are_two_applications() -> None:
    both = (kustomization("plex", "front", sourceRef=OF_GIT), named(release(chart=CHART), "plex"))
    found = imported(GIT, CHARTS, *both)
    assert names(found) == {"plex-ks", "plex-hr"}
    assert names(imported(*reversed(both), CHARTS, GIT)) == names(found), "in whatever order they come"
    more = imported(GIT, CHARTS, *both, named(release(chart=CHART), "plex", "back"))
    assert names(more) == {"front-plex-ks", "front-plex-hr", "back-plex-hr"}


def test_names_that_become_one_are_kept_apart() -> None:
    long = "a" * 80
    every = [f"{long}1", f"{long}2", "a.b", "a-b"]
    found = imported(GIT, *(named(kustomization(sourceRef=OF_GIT), name) for name in every))
    assert len(names(found)) == 4
    again = imported(GIT, *(named(kustomization(sourceRef=OF_GIT), name) for name in reversed(every)))
    assert names(again) == names(found)
    assert all(len(name) <= 63 for name in names(found))
    front = imported(CHARTS, *(named(release(chart=CHART), "a-b", "c"), named(release(chart=CHART), "b", "c-a")))
    assert names(front) == {"a-b", "b"}


def test_what_is_not_written_is_not_handed_over() -> None:
    refused = source("HelmRepository", "plain", url="http://charts.example.com")
    of_it = {"spec": {**CHART["spec"], "sourceRef": {**OF_CHARTS, "name": "plain"}}}
    found = imported(CHARTS, refused, release(chart=CHART), named(release(chart=of_it), "lost"), kustomization("gone"))
    assert names(found) == {"web"}
    assert commands(found)
    assert not [command for command in commands(found) if "lost" in command or "gone" in command]
    assert [what for what in told(found) if "the registry refuses what it would become" in what]


def test_a_source_that_is_not_there_is_one_thing() -> None:
    found = imported(CHARTS, release(chart=CHART), *(kustomization(f"app-{n}", timeout="1m") for n in range(12)))
    (missing,) = told(found)
    assert missing.startswith("GitRepository flux-system/apps is not among the files; it is the source of Kustom")
    assert missing.endswith("Kustomization app-9 and 2 more")


def test_a_charts_own_cluster_has_a_place() -> None:
    found = imported(CHARTS, release(chart=CHART, values={"cluster": {"name": "home", "id": 1}}))
    assert only(found)["values"] == {"cluster": {"name": "home", "id": 1}}
    assert not found.findings
    fleet = b"apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: a}\nspec: {labels: {}}\n"
    cluster = (
        b"kind: Cluster\nmetadata: {name: eu}\nspec: {server: 'https://a.example.com', credentials: {secretRef: a}}\n"
    )
    (document,) = found.documents.values()
    assert not parse({"f.yaml": fleet, "c.yaml": cluster, "a.yaml": dump(document).encode()}).faults


def test_a_chart_below_a_folder_of_a_registry_is_found() -> None:
    charts = source("HelmRepository", "charts", url="oci://registry.example.com/acme/", type="oci")
    deep = {"spec": {"chart": "tools/runner", "version": "1.0.0", "sourceRef": OF_CHARTS}}
    assert only(imported(charts, release(chart=deep)))["source"]["helm"] == {
        "repo": "oci://registry.example.com/acme/tools",
        "chart": "runner",
        "version": "1.0.0",
    }


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ({"name": "refs/heads/next", "branch": "main", "tag": "v1", "semver": ">=1"}, {"branch": "next"}),
        ({"name": "refs/tags/v2", "semver": ">=1"}, {"tag": "v2"}),
        ({"name": "refs/heads/next", "commit": "a" * 40}, {"commit": "a" * 40}),
        ({"semver": ">=1", "tag": "v1", "branch": "main"}, {"semver": ">=1"}),
    ],
)
def test_of_several_refs_the_one_counts_that_flux_takes(ref: dict[str, str], expected: dict[str, str]) -> None:
    found = imported(source("GitRepository", url="ssh://git@git.example.com/a", ref=ref), kustomization())
    assert only(found)["source"]["ref"] == expected
    assert not found.findings


def test_a_ref_that_is_neither_branch_nor_tag_is_told() -> None:
    pull = source("GitRepository", url="ssh://git@git.example.com/a", ref={"name": "refs/pull/4/head"})
    found = imported(pull, kustomization())
    assert not found.documents
    assert told(found) == [
        "GitRepository apps: spec.ref.name is neither a branch nor a tag, and what uses it is left out"
    ]


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (
            {"tag": "1.2.0", "semver": "1.x"},
            {"helm": {"repo": "oci://r.example.com/c", "chart": "web", "version": "1.x"}},
        ),
        ({"tag": "latest"}, {"oci": {"image": "r.example.com/c/web", "ref": {"tag": "latest"}}}),
        ({"tag": "1.2.0", "digest": DIGEST}, {"oci": {"image": "r.example.com/c/web", "ref": {"digest": DIGEST}}}),
    ],
)
def test_of_an_artifact_a_digest_counts_before_a_range_and_that_before_a_tag(
    ref: dict[str, str], expected: dict[str, Any]
) -> None:
    oci = source("OCIRepository", url="oci://r.example.com/c/web", ref=ref)
    found = imported(oci, release(chartRef={"kind": "OCIRepository", "name": "apps", "namespace": "flux-system"}))
    assert only(found)["source"] == expected
    assert not found.findings


def test_a_long_name_of_a_release_is_shortened_as_flux_does() -> None:
    chart = {"chart": CHART, "targetNamespace": "n" * 20}
    found = imported(CHARTS, named(release(**chart), "r" * 40))
    shortened = only(found)["render"]["helm"]["releaseName"]
    assert (len(shortened), shortened[:41]) == (53, "n" * 20 + "-" + "r" * 19 + "-")
    assert not found.findings


def test_values_files_are_from_the_root_of_their_source() -> None:
    files = ["charts/web/values.yaml", "./config/eu.yaml"]
    chart = {"spec": {"chart": "./charts/web", "sourceRef": OF_GIT, "valuesFiles": files}}
    found = imported(GIT, release(chart=chart))
    assert only(found)["render"]["helm"]["valuesFiles"] == ["values.yaml", "../../config/eu.yaml"]
    assert not found.findings
    without = imported(GIT, release(chart={"spec": {**chart["spec"], "valuesFiles": files[1:]}}))
    assert any("leaves the chart's own values.yaml out" in what for what in told(without))


def test_config_maps_lend_variables_and_values_in_their_order() -> None:
    def config_map(name: str, namespace: str = "flux-system", **data: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": data,
        }

    lent = [{"kind": "ConfigMap", "name": name} for name in ("one", "two")]
    fills = {
        "substituteFrom": [*lent, {"kind": "ConfigMap", "name": "none", "optional": True}],
        "substitute": {"C": "5"},
    }
    maps = (config_map("one", A="1", B="2", C="3"), config_map("two", B="4", C="4"))
    found = imported(GIT, kustomization(postBuild=fills), *maps)
    assert only(found)["values"] == {"A": "1", "B": "4", "C": "5"}
    assert only(found)["substitute"] == {"undefined": "empty", "scope": "yaml"}
    assert not found.findings
    values = config_map("one", "front", **{"values.yaml": "a: {b: 1, c: 1}\n"})
    spec = only(imported(CHARTS, release(chart=CHART, valuesFrom=lent[:1], values={"a": {"c": 2}}), values))
    assert spec["values"] == {"a": {"b": 1, "c": 2}}


def test_secrets_stay_where_they_are() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "flux-system"}}
    fills = {"substituteFrom": [{"kind": "Secret", "name": "s", "optional": True}]}
    found = imported(GIT, kustomization(postBuild=fills), {**secret, "stringData": {"A": "CANARY"}})
    assert "CANARY" not in f"{found}"
    assert told(found) == ["Kustomization web: the Secret s is not read"]


def test_what_applies_others_is_suspended_and_deleted_before_them() -> None:
    mark = {"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    child = named(release(chart=CHART), "child", "front", **mark)
    found = imported(CHARTS, child, GIT, kustomization("root"))
    suspend, _, out_of_git, *_, delete = found.steps
    for lines in (suspend.commands, delete.commands):
        assert [command.split("/")[1].split()[0] for command in lines] == ["root", "child"], lines
    assert "Kustomization flux-system/root" in out_of_git.title
    assert "deletes nothing" in out_of_git.title
    assert any("what it applies holds objects of Flux itself: HelmRelease child" in what for what in told(found))


def test_marks_that_a_tool_leaves_on_its_own_objects_are_nothing_to_speak_of() -> None:
    mark = {"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    marked = named(CHARTS, "charts", "flux-system", **mark)
    assert not imported(marked, release(chart=CHART)).findings


def test_a_file_in_the_folder_of_a_kustomization_is_applied_by_it() -> None:
    def text(*objects: dict[str, Any]) -> bytes:
        return "---\n".join(map(dump, objects)).encode()

    files = {
        "fleet/clusters/root.yaml": text(GIT, CHARTS, kustomization("root", path="./apps")),
        "fleet/apps/child/release.yaml": text(named(release(chart=CHART), "child")),
    }
    found = from_flux(files, cluster="eu")
    assert [command.split("/")[1].split()[0] for command in found.steps[0].commands] == ["root", "child"]


def test_a_child_waits_for_a_parent_that_goes_on() -> None:
    mark = {"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    found = imported(CHARTS, named(release(chart=CHART), "child", "front", **mark), kustomization("root"))
    assert names(found) == {"child"}
    assert not [command for command in commands(found) if command.startswith("kubectl")]
    assert any("Kustomization root applies it, and is not handed over" in what for what in told(found))


def test_an_object_without_a_namespace_gets_that_of_what_applies_it() -> None:
    def without(one: dict[str, Any], name: str) -> dict[str, Any]:
        return {**one, "metadata": {"name": name}}

    kustomize = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: media\n"
    plex = kustomization("plex", path="./fleet/plex/app", targetNamespace="films", sourceRef=OF_GIT)
    files = {
        "fleet/sources.yaml": dump_all([GIT, CHARTS]).encode(),
        "fleet/kustomization.yaml": kustomize.encode(),
        "fleet/plex/ks.yaml": dump(without(plex, "plex")).encode(),
        "fleet/plex/app/release.yaml": dump(without(release(chart=CHART), "plex")).encode(),
        "other/release.yaml": dump(without(release(chart=CHART), "lost")).encode(),
    }
    found = from_flux(files, cluster="eu", found=frozenset(files))
    namespaces = {file.rpartition("/")[2]: one["spec"]["namespace"] for file, one in found.documents.items()}
    assert namespaces == {"plex-ks.yaml": "films", "plex-hr.yaml": "films", "lost.yaml": "default"}
    suspended = [command.split()[2] for command in found.steps[0].commands]
    assert suspended == ["media", "films", "default"]
    assert [what for what in told(found) if "names no namespace" in what] == [
        "HelmRelease lost: it names no namespace, and default is taken; what applies it may set another"
    ]


def test_an_object_that_is_here_twice_is_one() -> None:
    found = imported(CHARTS, release(chart=CHART), release(chart=CHART, values={"a": 1}))
    assert "values" not in only(found)
    (twice,) = told(found)
    assert twice.startswith("HelmRelease web: it is here twice, first in f.yaml on line ")


def test_a_patch_of_a_release_is_no_release() -> None:
    found = imported(release(values={"a": 1}))
    assert told(found) == ["HelmRelease web: it names no chart; a patch of one is none by itself"]


def test_a_file_that_was_only_found_in_a_folder_need_not_be_of_flux() -> None:
    others = {
        "d/renovate.json": b'{"extends": ["x"]}',
        "d/tsconfig.json": b'{\n  // comments\n  "a": 1,\n}',
        "d/docker-compose.yml": b"services: {web: {image: a}}\n",
        "d/kustomization.yaml": b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n",
        "d/patch.yaml": b"- op: remove\n  path: /a\n",
        "d/template.yaml": b"{{ if .Values.a }}\na: {{ .b }}\n{{ end }}\n",
    }
    good = {"d/flux.yaml": "---\n".join(map(dump, (CHARTS, release(chart=CHART)))).encode()}
    found = from_flux(others | good, cluster="eu", found=frozenset(others))
    assert (found.findings, found.passed) == ((), len(others))
    assert len(from_flux(others | good, cluster="eu").findings) >= 3, "what people name themselves is told of"
    broken = {"d/release.yaml": b"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: [\n"}
    (wrong,) = from_flux(good | broken, cluster="eu", found=frozenset(broken)).findings
    assert wrong.file == "d/release.yaml"
