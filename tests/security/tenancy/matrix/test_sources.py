"""Tenant crossing: every field of what lies in a source x a path or an address that is another project's.

What is read stays in the repository, whoever's folder that is: a project's `repos` say which repositories it may read,
and all of one that it may.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import Project
from common.domain.refs import GitRef
from common.sources.mirrors import Mirrors
from tests.fakes.git_server import GitServer, git_http_server, with_module
from tests.fakes.trees import memory_tree
from tests.fixtures.mirrors import credentials, mirrors
from tests.security.sources.kustomizations import PATHS
from tests.security.tenancy.matrix import fields, page
from tests.security.tenancy.matrix.page import Row
from workers.render.helm.charts import footprint as chart
from workers.render.jsonnet.imports import footprint as program
from workers.render.kustomize import kustomization
from workers.render.plain import footprint as plain

__all__ = ["credentials", "git_http_server", "mirrors"]

OUT, ADDRESS = "../../theirs/app", "https://git.example.com/theirs/deploy.git"
HELM = frozenset(kustomization._HELM)
NAMES_NOTHING = {
    "apiVersion": "the format's version",
    "kind": "the format's",
    "metadata": "of itself",
    "namespace": "judged with the objects that come out",
    "name*fix": "a text in its own manifests",
    "common*": "a text in its own manifests",
    "labels": "a text in its own manifests; our marks are written over it",
    "images": "a text in its own manifests",
    "imageTags": "a text in its own manifests",
    "replicas": "of its own manifests",
    "vars": "of its own manifests",
    "*Options": "of itself",
    "buildMetadata": "of itself",
    "patches*.patch": "its own manifests",
    "patches*.target": "its own manifests",
    "patches*.options": "of itself",
    "replacements.source": "its own manifests",
    "replacements.targets": "its own manifests",
    "*Generator.name*": "judged with the objects that come out",
    "*Generator.behavior": "of itself",
    "*Generator.literals": "a text in its own manifests",
    "*Generator.options": "of itself",
    "secretGenerator.type": "of itself",
}


def refused(work: Callable[[], object]) -> str:
    """Return what is said of something that must not be read."""
    with pytest.raises(PermanentError) as caught:
        work()
    return caught.value.message


def kustomized(value: Any) -> str:
    tree = memory_tree({"app/kustomization.yaml": json.dumps(value)})
    file, _, said = refused(lambda: kustomization.footprint(tree, "app")).partition(": ")
    assert file == "app/kustomization.yaml"
    return said if said.startswith("helm") else said.partition(": ")[2]


def charted(*dependencies: Mapping[str, str], **options: Any) -> str:
    text = json.dumps({"apiVersion": "v2", "name": "web", "version": "1.2.3", "dependencies": dependencies})
    tree = memory_tree({"app/Chart.yaml": text, "app/templates/a.yaml": "a: 1\n"})
    return refused(lambda: chart(tree, "app", options))


def programmed(text: str) -> str:
    tree = memory_tree({"app/main.jsonnet": text, "theirs/app": "{}"})
    return refused(lambda: program(tree, "app", {}))


def globbed(**options: Any) -> str:
    tree = memory_tree({"app/a.yaml": "a: 1\n", "theirs/b.yaml": "b: 1\n"})
    assert "theirs/b.yaml" not in plain(tree, "app", options)
    return "takes nothing: patterns choose among the files below the application's folder"


def with_submodule(server: GitServer, mirrors: Mirrors) -> str:
    theirs = server.origin("theirs")
    theirs.commit({"a.yaml": "a: 1\n"})
    with_module(server.origin("ours"), server.url("theirs"), theirs.head)
    source = GitRef.read(server.url("ours"), "", "submodules:refs/heads/main")
    ours = Project("ours", repos=(server.url("ours"),))
    tree = mirrors.tree(source, mirrors.fetch(source).commit, ours.allows_repo)
    said = refused(lambda: tree.read("lib/a.yaml"))
    assert not any("/theirs" in request.target for request in server.requests), "it is not even asked"
    return said.replace(server.url("theirs"), ADDRESS)


def dependency(repository: str) -> Mapping[str, str]:
    return {"name": "theirs", "version": "1.0.0", "repository": repository}


ADDRESSED, OUTSIDE, AT = "a repository", "a folder outside the repository", "the renderer"


def rows(server: GitServer, mirrors: Mirrors) -> Iterator[Row]:
    for name, made in PATHS.items():
        yield Row(f"kustomization {name}", OUTSIDE, AT, kustomized(made(OUT)))
        yield Row(f"kustomization {name}", ADDRESSED, AT, kustomized(made(ADDRESS)))
    for name in sorted(HELM):
        yield Row(f"kustomization {name}", "a chart", AT, kustomized({name: [{"name": "theirs", "repo": ADDRESS}]}))
    yield Row("Chart.yaml dependencies.repository", OUTSIDE, AT, charted(dependency(f"file://{OUT}")))
    for url in ("https://charts.example.com/theirs", "oci://registry.example.com/theirs"):
        yield Row("Chart.yaml dependencies.repository", "a chart repository", AT, charted(dependency(url)))
    yield Row("Application.spec.render.helm.valuesFiles", OUTSIDE, AT, charted(valuesFiles=[f"{OUT}/values.yaml"]))
    for word in ("import", "importstr"):
        yield Row(f"Jsonnet {word}", OUTSIDE, AT, programmed(f"{word} '{OUT}'"))
        yield Row(f"Jsonnet {word}", ADDRESSED, AT, programmed(f"{word} '{ADDRESS}'"))
    for word in ("include", "exclude"):
        given = {"include": ["../theirs/*"]} if word == "include" else {"exclude": ["../app/*"]}
        yield Row(f"Application.spec.render.plain.{word}", "a folder beside its own", "nobody", globbed(**given))
    yield Row(".gitmodules url", "a repository as a submodule", "the worker", with_submodule(server, mirrors))


def test_the_page_says_what_comes_of_each(git_http_server: GitServer, mirrors: Mirrors) -> None:
    page.check("sources", rows(git_http_server, mirrors))


def test_every_field_of_a_kustomization_has_a_decision() -> None:
    assert fields.decided(fields.of_kustomizations(), PATHS, NAMES_NOTHING) == []


def test_what_is_ours_is_read() -> None:
    """Else what is refused above would be for something else."""
    tree = memory_tree({"app/kustomization.yaml": '{"resources": ["a.yaml"]}', "app/a.yaml": "a: 1\n"})
    assert "app/a.yaml" in kustomization.footprint(tree, "app").paths
    assert plain(memory_tree({"app/a.yaml": "a: 1\n"}), "app", {}) == ("app/a.yaml",)
