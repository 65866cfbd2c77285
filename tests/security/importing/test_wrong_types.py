"""Objects of other tools with fields of every wrong type: documents that the registry takes, or findings; no crash."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from common.registry import parse
from common.yaml import dump, dump_all
from console.importing import Imported, NothingToImportError, from_argocd, from_flux
from tests.harness.foreign import ARGO, FLUX, WRONG, bent, changed, ways

MANY = {"argocd": 530, "flux": 800}
"""So many times one to eight documents of the tool are bent at random: 5,000 in all."""
CHECKOUT = {
    "https://git.example.com/a.git": {"apps/a/x.yaml": b"", "apps/b/x.yaml": b"", "env/eu.json": b'{"name": "eu"}'}
}
NAMES = ("eu", "us", "hub")
HEAD = "apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: acme}\nspec: {labels: {env: [prod]}}\n" + "".join(
    f"---\napiVersion: flotilla.dev/v1\nkind: Cluster\nmetadata: {{name: {name}, labels: {{env: prod}}}}\n"
    f"spec: {{server: 'https://{name}.example.com', credentials: {{secretRef: clusters/{name}}}}}\n"
    for name in NAMES
)


def imported(tool: str, objects: list[Any]) -> Imported:
    """Return what comes of objects, by one of the tools."""
    files = {"f.yaml": dump_all(objects).encode()}
    try:
        if tool == "flux":
            return from_flux(files, cluster="eu")
        servers = {"https://kubernetes.default.svc": "hub"}
        return from_argocd(files, servers=servers, checkouts=CHECKOUT)
    except NothingToImportError:
        return Imported({}, (), ())


def check(found: Imported, objects: list[Any]) -> None:
    """Fail unless everything that came of objects is right, or said to be not."""
    for finding in found.findings:
        assert finding.file == "f.yaml"
        assert 1 <= finding.line
        assert finding.what.isprintable()
        assert finding.remedy.isprintable()
    for step in found.steps:
        assert all(command.isprintable() and "$(" not in command for command in step.commands)
    if found.findings:
        return
    files = {"fleet.yaml": HEAD.encode()} | {name: dump(one).encode() for name, one in found.documents.items()}
    faults = parse(files).faults
    assert not faults, (faults, objects)


@pytest.mark.parametrize(("tool", "objects"), [("argocd", ARGO), ("flux", FLUX)])
def test_as_they_are_they_are_taken(tool: str, objects: tuple[dict[str, Any], ...]) -> None:
    found = imported(tool, list(objects))
    assert len(found.documents) >= 3
    check(found, list(objects))


@pytest.mark.parametrize(("tool", "objects", "seed"), [("argocd", ARGO, 13), ("flux", FLUX, 14)])
def test_whatever_is_wrong_somewhere_is_told(tool: str, objects: tuple[dict[str, Any], ...], seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same ones each time
    for _ in range(MANY[tool]):
        one = bent(objects, draw)
        check(imported(tool, one), one)


@pytest.mark.parametrize(("tool", "objects"), [("argocd", ARGO), ("flux", FLUX)])
def test_each_field_may_be_wrong_by_itself(tool: str, objects: tuple[dict[str, Any], ...]) -> None:
    for number, one in enumerate(objects):
        for count, way in enumerate(ways(one)):
            wrong = list(objects)
            wrong[number] = changed(one, way, WRONG[(count * 7 + number) % len(WRONG)])
            check(imported(tool, wrong), wrong)


@pytest.mark.parametrize("tool", ["argocd", "flux"])
@pytest.mark.parametrize("text", ["[]", "x", "1", "{}", "kind: {}\napiVersion: []\n", "items: 3\nkind: List\n", "- {}"])
def test_files_of_anything_are_no_crash(tool: str, text: str) -> None:
    check(imported(tool, [yaml.safe_load(text)]), [text])
