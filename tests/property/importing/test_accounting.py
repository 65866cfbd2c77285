"""Every field of whole fleets is accounted for: change it, and a document or a finding changes; or it is named here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.registry import parse
from common.yaml import MANIFEST_LIMITS, dump, dump_all, load_documents
from console.importing import Imported, from_argocd, from_flux
from tests.harness.foreign import changed, ways

DATA = Path(__file__).parents[2] / "data" / "importing"
Files = dict[str, bytes]
SETS_URL = "https://git.example.com/sets.git"
HUB = {"https://kubernetes.default.svc": "home"}
SAYS_NOTHING = {
    "apiVersion": "which of its versions a kind is written in",
    "metadata.finalizers[]": "the hand-over takes them off",
    "spec.interval of GitRepository": "how often the hub asks is the hub's own affair",
    "spec.interval of HelmRepository": "the same",
    "spec.interval of OCIRepository": "the same",
    "spec.layerSelector.mediaType": "the layer with a chart is found by what it is",
    "spec.layerSelector.operation": "the same",
    "spec.wait": "health is awaited always",
    "spec.postBuild.substituteFrom[].optional": "of a Secret that is not read",
    "spec.syncPolicy.automated.selfHeal": "drift is corrected always",
    "spec.description": "words for people",
    "spec.goTemplateOptions[]": "a parameter that is missing is always told",
    "spec.generators[].git.revision": "the checkout is that of the person who imports",
    "spec.goTemplate of ApplicationSet": "in which language a template is that only names parameters",
    "spec.template.metadata.name of ApplicationSet": "one document stands for all that a set made, and has its name",
    "metadata.namespace of AppProject": "Argo CD's own, which none of its commands is for",
}
"""Fields that change nothing, and why. Of Secrets and of ConfigMaps only what is asked for is read."""
NOT_MADE = {"by-repositories"}
"""A set whose generators ask others: each of them is told, and its template makes nothing."""

FREE = re.compile(r"list\.elements\[[0-9]+\]$|clusters\.values$")
"""Mappings whose keys are not the tool's: parameters that no template asks for."""


def read(example: str) -> Files:
    root = DATA / example
    found = {str(file.relative_to(root)): file for file in sorted(root.rglob("*")) if file.suffix in {".yaml", ".json"}}
    return {name: file.read_bytes() for name, file in found.items() if "templates" not in file.parts}


def flux(files: Files) -> Imported:
    return from_flux(files, cluster="home", found=frozenset(files))


def argo(files: Files) -> Imported:
    return from_argocd(files, servers=HUB, found=frozenset(files))


def sets(files: Files) -> Imported:
    return from_argocd(files, servers=HUB, checkouts={SETS_URL: read("sets")}, found=frozenset(files))


EXAMPLES: tuple[tuple[str, Callable[[Files], Imported]], ...] = (("home", flux), ("app-of-apps", argo), ("sets", sets))


@pytest.mark.parametrize(("example", "run"), EXAMPLES, ids=lambda one: one if isinstance(one, str) else "")
def test_what_comes_of_a_fleet_is_a_registry_in_order(example: str, run: Callable[[Files], Imported]) -> None:
    found = run(read(example))
    clusters = "".join(
        f"---\napiVersion: flotilla.dev/v1\nkind: Cluster\nmetadata: {{name: {name}, labels: {{env: test}}}}\n"
        f"spec: {{server: 'https://{name}.example.com', credentials: {{secretRef: clusters/{name}}}}}\n"
        for name in ("home", "eu", "us")
    )
    head = "apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: acme}\nspec: {labels: {env: [test]}}\n"
    files = {"fleet.yaml": (head + clusters).encode()}
    files |= {name: dump(one).encode() for name, one in found.documents.items()}
    parsed = parse(files)
    assert parsed.faults == ()
    assert parsed.fleet is not None
    assert len(parsed.fleet.applications) == {"home": 5, "app-of-apps": 3, "sets": 10}[example]
    assert "CANARY" not in f"{found}"


@pytest.mark.parametrize(("example", "run"), EXAMPLES, ids=lambda one: one if isinstance(one, str) else "")
def test_every_field_is_in_a_document_or_told(example: str, run: Callable[[Files], Imported]) -> None:
    files = read(example)
    before = run(files)
    silent = [
        f"{file}: {kind} {way}"
        for file, kind, way, bent in each_field_changed(files)
        if not (is_told(before, file, way) or says_nothing(kind, way)) and same(before, run(bent))
    ]
    assert silent == [], "\n".join(silent)


@pytest.mark.parametrize(("example", "run"), EXAMPLES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_field_that_nobody_has_heard_of_is_told_wherever_it_is(
    example: str, run: Callable[[Files], Imported]
) -> None:
    files = read(example)
    before = run(files)
    silent = [
        f"{file}: {kind} {way}"
        for file, kind, way, bent in each_place_filled(files)
        if not is_told(before, file, way) and same(before, run(bent))
    ]
    assert [one for one in silent if not FREE.search(one)] == []


def objects_of(files: Files) -> Iterator[tuple[str, list[Any], int]]:
    """Yield each object of a tool: its file, the file's objects, and which of them it is."""
    for file, text in files.items():
        if b"argoproj.io/v1" not in text and b"toolkit.fluxcd.io/v" not in text:
            continue
        documents = [one.value for one in load_documents(text, MANIFEST_LIMITS)]
        for number, document in enumerate(documents):
            if document["kind"] not in {"Secret", "ConfigMap"} and document["metadata"]["name"] not in NOT_MADE:
                yield file, documents, number


def each_place_filled(files: Files) -> Iterator[tuple[str, str, str, Files]]:
    """Yield each mapping of each object of a tool, and the files with one more field in it."""
    for file, documents, number in objects_of(files):
        for way in ways(documents[number]):
            if isinstance(leaf(documents[number], way), dict):
                bent = list(documents)
                bent[number] = changed(documents[number], (*way, "unheardOf"), "x")
                yield file, documents[number]["kind"], dotted(way), {**files, file: dump_all(bent).encode()}


def each_field_changed(files: Files) -> Iterator[tuple[str, str, str, Files]]:
    """Yield each field of each object of a tool, and the files with another value of its type there."""
    for file, documents, number in objects_of(files):
        for way in ways(documents[number]):
            value = leaf(documents[number], way)
            if isinstance(value, dict | list) or value is None:
                continue
            bent = list(documents)
            bent[number] = changed(documents[number], way, other(value))
            yield file, documents[number]["kind"], dotted(way), {**files, file: dump_all(bent).encode()}


def leaf(value: Any, way: tuple[str | int, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


def other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    return f"{value}x" if isinstance(value, str) else value + 1


def dotted(way: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in way).removeprefix(".")


def is_told(found: Imported, file: str, way: str) -> bool:
    """Tell whether a field, or the list that it is in, is named by a finding, which never has its value."""
    names = (way, way.partition("[")[0])
    return any(one.file == file and f" {name} has no place" in one.what for one in found.findings for name in names)


def same(one: Imported, two: Imported) -> bool:
    """Tell whether two imports gave the same documents, said the same, and end in the same hand-over."""
    said = [[(finding.what, finding.remedy) for finding in each.findings] for each in (one, two)]
    return (one.documents, one.steps, said[0]) == (two.documents, two.steps, said[1])


def says_nothing(kind: str, way: str) -> bool:
    plain = re.sub(r"\[[0-9]+\]", "[]", way)
    return plain in SAYS_NOTHING or f"{plain} of {kind}" in SAYS_NOTHING


def test_an_accounting_finds_a_field_that_is_dropped() -> None:
    one = read("home")
    dropped = {
        **one,
        "flux/cluster.yaml": one["flux/cluster.yaml"].replace(b"interval: 1h\n  url", b"interval: 2h\n  url"),
    }
    assert same(flux(one), flux(dropped)), "as the table above says"
    kept = {**one, "flux/cluster.yaml": one["flux/cluster.yaml"].replace(b"branch: main", b"branch: next")}
    assert not same(flux(one), flux(kept))
