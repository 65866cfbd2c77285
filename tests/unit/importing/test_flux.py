"""Flux's objects as registry documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.yaml import dump_all
from console.importing import Imported, NothingToImportError, from_flux

DIGEST = "sha256:" + "1" * 64
DATA = Path(__file__).parents[2] / "data" / "importing"


def source(kind: str, name: str = "apps", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "flux-system"}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def kustomization(name: str = "web", namespace: str = "flux-system", **spec: Any) -> dict[str, Any]:
    given = {"path": "./web", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "apps"}} | spec
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace},
        "spec": given,
    }


def release(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "front"},
        "spec": spec,
    }


GIT = source("GitRepository", url="https://git.example.com/apps.git", ref={"branch": "main"}, interval="1m")
CHARTS = source("HelmRepository", "charts", url="https://charts.example.com/", interval="1h")
OF_CHARTS = {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}

A_CHART = {"spec": {"chart": "web", "version": "1.0.0", "sourceRef": OF_CHARTS}}


def imported(*objects: dict[str, Any]) -> Imported:
    return from_flux({"f.yaml": dump_all(objects).encode()}, cluster="eu")


def only(found: Imported) -> dict[str, Any]:
    (one,) = found.documents.values()
    spec: dict[str, Any] = one["spec"]
    return spec


def told(found: Imported) -> list[str]:
    return [finding.what for finding in found.findings]


def test_a_kustomization_has_a_place_in_whole() -> None:
    found = imported(GIT, kustomization(interval="10m0s", timeout="2m", wait=True))
    assert found.findings == ()
    assert only(found) == {
        "source": {"repo": "https://git.example.com/apps.git", "path": "web", "ref": {"branch": "main"}},
        "interval": "10m",
        "namespace": "default",
        "sync": {"adopt": "any", "mode": "warn", "deadline": "2m"},
        "targets": [{"name": "all", "clusters": ["eu"]}],
    }


def test_a_variable_may_be_called_cluster() -> None:
    """Of ``${cluster}`` the application's own value is what it stands for, where it is filled in as Flux does it."""
    assert only(imported(GIT, kustomization(postBuild={"substitute": {"cluster": "home"}})))["values"] == {
        "cluster": "home"
    }


@pytest.mark.parametrize("build", [{}, {"substitute": {}}, {"substituteFrom": []}])
def test_where_no_variable_is_named_nothing_is_filled_in(build: dict[str, Any]) -> None:
    assert "substitute" not in only(imported(GIT, kustomization(postBuild=build)))


def test_substitution_patches_and_keys_are_kept() -> None:
    one = kustomization(
        postBuild={"substitute": {"region": "eu"}},
        images=[{"name": "a", "newTag": "v1"}, {"name": "a", "newName": "b", "digest": DIGEST}],
        components=["../tls"],
        decryption={"provider": "sops", "secretRef": {"name": "age"}},
        prune=False,
    )
    spec = only(imported(GIT, one))
    assert spec["substitute"] == {"undefined": "empty", "scope": "yaml"}
    assert spec["values"] == {"region": "eu"}
    assert spec["render"]["kustomize"] == {"images": ["a:v1", f"a=b@{DIGEST}"], "components": ["tls"]}
    assert spec["decrypt"] == {"sops": {"keyRef": "sops/age"}}
    assert spec["sync"]["prune"] == {"enabled": False}


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ({"tag": "v1"}, {"tag": "v1"}),
        ({"semver": ">=1"}, {"semver": ">=1"}),
        ({"branch": "main", "commit": "a" * 40}, {"commit": "a" * 40}),
        ({"branch": "main", "tag": "v1"}, {"tag": "v1"}),
    ],
)
def test_refs_are_taken_in_the_order_in_which_flux_takes_them(ref: dict[str, str], expected: dict[str, str]) -> None:
    found = imported(source("GitRepository", url="ssh://git@git.example.com/a", ref=ref), kustomization())
    assert only(found)["source"]["ref"] == expected
    assert found.findings == ()


def test_a_release_keeps_the_name_that_flux_gave_it() -> None:
    chart = {"spec": {"chart": "web", "version": "1.x", "sourceRef": OF_CHARTS, "valuesFiles": ["values-eu.yaml"]}}
    spec = only(imported(CHARTS, release(chart=chart, values={"a": 1}, targetNamespace="shop")))
    assert spec["source"] == {"helm": {"repo": "https://charts.example.com", "chart": "web", "version": "1.x"}}
    assert spec["render"] == {"helm": {"releaseName": "shop-web", "valuesFiles": ["values-eu.yaml"]}}
    assert (spec["namespace"], spec["values"]) == ("shop", {"a": 1})
    named = only(imported(CHARTS, release(chart=chart, releaseName="mine")))
    assert (named["render"]["helm"]["releaseName"], named["namespace"]) == ("mine", "front")


def test_a_chart_may_come_from_a_registry_or_from_git() -> None:
    oci = source("OCIRepository", url="oci://registry.example.com/charts/web", ref={"semver": "1.x"})
    ref = {"kind": "OCIRepository", "name": "apps", "namespace": "flux-system"}
    assert only(imported(oci, release(chartRef=ref)))["source"] == {
        "helm": {"repo": "oci://registry.example.com/charts", "chart": "web", "version": "1.x"}
    }
    in_git = {"kind": "GitRepository", "name": "apps", "namespace": "flux-system"}
    chart = {"spec": {"chart": "./charts/web", "sourceRef": in_git}}
    assert only(imported(GIT, release(chart=chart)))["source"]["path"] == "charts/web"


@pytest.mark.parametrize(
    ("install", "upgrade", "skipped", "told_of"),
    [
        ({"crds": "Skip"}, {}, {"skipCrds": True}, []),
        ({"crds": "Skip"}, {"crds": "Skip"}, {"skipCrds": True}, []),
        ({"crds": "CreateReplace"}, {"crds": "CreateReplace"}, {}, []),
        ({}, {"crds": "CreateReplace"}, {}, []),
        ({"crds": "Create"}, {"crds": "Skip"}, {}, ["spec.install.crds", "spec.upgrade.crds"]),
        ({"crds": "Skip"}, {"crds": "Create"}, {}, ["spec.install.crds", "spec.upgrade.crds"]),
        ({"disableSchemaValidation": True}, {}, {"skipSchemaValidation": True}, []),
    ],
)
def test_what_a_release_leaves_out_is_left_out_here(
    install: dict[str, Any], upgrade: dict[str, Any], skipped: dict[str, Any], told_of: list[str]
) -> None:
    chart = {"spec": {"chart": "web", "version": "1.0.0", "sourceRef": OF_CHARTS}}
    found = imported(CHARTS, release(chart=chart, install=install, upgrade=upgrade))
    assert only(found)["render"] == {"helm": {"releaseName": "web", **skipped}}
    assert [what.partition(": ")[2].split()[0] for what in told(found)] == told_of


def test_manifests_in_a_registry_and_credentials_are_named() -> None:
    oci = source(
        "OCIRepository", url="oci://registry.example.com/web", ref={"digest": DIGEST}, secretRef={"name": "pull"}
    )
    ref = {"kind": "OCIRepository", "name": "apps"}
    found = imported(oci, kustomization(sourceRef=ref))
    assert only(found)["source"] == {
        "oci": {"image": "registry.example.com/web", "ref": {"digest": DIGEST}, "path": "web"},
        "credentials": {"secretRef": "registry/pull"},
    }


def test_what_has_no_place_is_told_line_by_line() -> None:
    found = from_flux({"flux.yaml": (DATA / "flux.yaml").read_bytes()}, cluster="eu")
    assert [(finding.line, finding.what.partition(": ")[2].split()[0]) for finding in found.findings] == [
        (4, "spec.verify.mode"),
        (15, "Flux"),
        (17, "spec.dependsOn"),
        (18, "ConfigMap"),
        (35, "the"),
        (36, "spec.install.remediation.retries"),
    ]


@pytest.mark.parametrize(
    ("objects", "what"),
    [
        ([GIT, kustomization(suspend=True)], "it is suspended"),
        ([GIT, kustomization(kubeConfig={"secretRef": {"name": "x"}})], "another cluster by a kubeconfig"),
        ([GIT, kustomization(serviceAccountName="x")], "spec.serviceAccountName has no place"),
        (
            [GIT, kustomization(), kustomization("b", sourceRef={"kind": "Bucket", "name": "b"})],
            "is not among the files",
        ),
        ([source("GitRepository", url="https://git.example.com/a.git"), kustomization()], "names no ref"),
        ([GIT, kustomization(), source("Bucket", "b", endpoint="x")], "a Bucket has no place"),
        ([GIT, kustomization(), source("ImageUpdateAutomation")], "an ImageUpdateAutomation has no place"),
        (
            [CHARTS, release(valuesFrom=[{"kind": "Secret", "name": "s", "targetPath": "a"}], chart=A_CHART)],
            "one value of a Secret has no place",
        ),
        ([GIT, kustomization(), CHARTS], "HelmRepository charts: nothing that is imported uses it"),
    ],
)
def test_what_needs_a_look_is_told(objects: list[dict[str, Any]], what: str) -> None:
    assert any(what in text for text in told(imported(*objects)))


def test_equal_names_in_two_namespaces_are_kept_apart() -> None:
    ref = {"kind": "GitRepository", "name": "apps", "namespace": "flux-system"}
    found = imported(GIT, kustomization(), kustomization(namespace="team", sourceRef=ref))
    assert {document["metadata"]["name"] for document in found.documents.values()} == {"flux-system-web", "team-web"}


def test_files_without_anything_are_an_error() -> None:
    with pytest.raises(NothingToImportError, match="hold no Kustomization"):
        from_flux({"f.yaml": b"kind: ConfigMap\n"}, cluster="eu")


def test_the_hand_over_suspends_first_and_deletes_last() -> None:
    found = from_flux({"flux.yaml": (DATA / "flux.yaml").read_bytes()}, cluster="eu")
    assert '"suspend":true' in found.steps[0].commands[0]
    assert '"prune":false' in found.steps[3].commands[0]
    assert all(" delete " in command for command in found.steps[-1].commands)
