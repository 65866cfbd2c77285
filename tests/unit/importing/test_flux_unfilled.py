"""Objects of Flux as they are in Git: what Flux would fill in or patch in them before it applies them is told."""

from __future__ import annotations

from typing import Any

import pytest

from common.yaml import dump_all
from console.importing import Imported, from_flux
from tests.unit.importing.test_flux import CHARTS, GIT, imported, kustomization, release, told
from tests.unit.importing.test_moving_flux import CHART, OF_GIT, named

WEB = release(chart=CHART, values={"host": "web.${DOMAIN}", "again": ["${DOMAIN:-x}"], "key": {"${NAME}": 1}})
PATCH = {"patch": "- op: add\n  path: /spec/a\n  value: 1\n", "target": {"kind": "HelmRelease"}}


def fleet(parent: dict[str, Any], *children: dict[str, Any]) -> Imported:
    files = {
        "fleet/flux/apps.yaml": dump_all([GIT, CHARTS, parent]).encode(),
        "fleet/apps/web/all.yaml": dump_all(children).encode(),
    }
    return from_flux(files, cluster="eu")


def test_variables_that_nothing_fills_in_are_told_once_for_an_object() -> None:
    found = imported(CHARTS, WEB)
    assert told(found) == [
        "HelmRelease web: ${DOMAIN}, ${NAME} stand in it as they are written; what applies it may fill them in"
    ]
    many = release(chart=CHART, values={f"k{number}": f"${{V{number}}}" for number in range(9)})
    assert "${V0}, ${V1}, ${V2} and 6 more stand in it" in told(imported(CHARTS, many))[0]


def test_the_parent_whose_post_build_fills_them_in_is_named() -> None:
    parent = kustomization("apps", path="./apps", postBuild={"substitute": {"DOMAIN": "a.example.com"}})
    (what,) = (what for what in told(fleet(parent, WEB)) if "${" in what)
    assert what.endswith("; Kustomization flux-system/apps fills them in by its postBuild")


def test_what_is_on_a_cluster_was_filled_in_already() -> None:
    lying = {**WEB, "metadata": {**WEB["metadata"], "uid": "1"}}
    assert not imported(CHARTS, lying).findings
    disabled = named(WEB, "web", "front", **{"kustomize.toolkit.fluxcd.io/substitute": "disabled"})
    assert not imported(CHARTS, disabled).findings


def test_a_kustomization_fills_in_its_own_patches_and_not_what_else_it_says() -> None:
    fills = {"substitute": {"A": "1"}}
    patches = [{"patch": "a: ${A}\n", "target": {"kind": "Deployment"}}]
    assert not imported(GIT, kustomization(patches=patches, postBuild=fills)).findings
    assert "${A} stands in it as it is written" in told(imported(GIT, kustomization(patches=patches)))[0]
    (what,) = told(imported(GIT, kustomization(path="./${A}", postBuild=fills)))
    assert "${A} stands in it" in what


def test_patches_on_objects_of_flux_are_told_once_for_a_parent() -> None:
    children = [named(release(chart=CHART), f"web-{number}") for number in range(3)]
    found = fleet(kustomization("apps", path="./apps", patches=[PATCH, PATCH]), *children)
    (what,) = (what for what in told(found) if "patches" in what)
    assert what == "Kustomization apps: its patches change 3 objects of Flux, which are imported as their files say"


@pytest.mark.parametrize(
    ("patch", "changes"),
    [
        ({"patch": PATCH["patch"], "target": {"kind": "Deployment"}}, False),
        ({"patch": PATCH["patch"], "target": {"kind": "HelmRelease", "name": "other"}}, False),
        ({"patch": PATCH["patch"], "target": {"kind": "(Kustomization|HelmRelease)", "name": ".*"}}, True),
        ({"patch": PATCH["patch"], "target": {"group": "helm.toolkit.fluxcd.io"}}, True),
        ({"patch": "kind: HelmRelease\nmetadata: {name: web}\nspec: {a: 1}\n"}, True),
        ({"patch": "kind: HelmRelease\nmetadata: {name: other}\nspec: {a: 1}\n"}, False),
        ({"patch": "kind: [\n"}, False),
        ({"patch": 7, "target": []}, False),
    ],
)
def test_which_patches_change_objects_of_flux(patch: dict[str, Any], changes: bool) -> None:  # noqa: FBT001
    found = fleet(kustomization("apps", path="./apps", patches=[patch]), release(chart=CHART))
    assert any("its patches change 1 object of Flux" in what for what in told(found)) is changes


def test_the_nearest_parent_is_the_one_that_patches() -> None:
    files = {
        "flux/apps.yaml": dump_all([GIT, CHARTS, kustomization("apps", path="./apps", patches=[PATCH])]).encode(),
        "apps/web/ks.yaml": dump_all([kustomization("web", path="./apps/web/app", sourceRef=OF_GIT)]).encode(),
        "apps/web/app/release.yaml": dump_all([release(chart=CHART)]).encode(),
    }
    assert not [what for what in told(from_flux(files, cluster="eu")) if "its patches change" in what]
