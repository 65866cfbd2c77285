"""``.flotillaignore``: foreign files beside the registry's own, and documents that are not to vanish by it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from common.registry import FaultScope, read_directory, validate_directory
from common.registry.ignore import read
from tests.harness.texts import application, cluster, in_order, lines, parsed, placed, registry

FOREIGN = {
    "kustomization.yaml": "resources: [a.yaml]\n",
    "renovate.json": '{"extends": ["config:base"]}',
    "mkdocs.yml": "markdown_extensions:\n  - emoji: !!python/name:materialx.emoji.twemoji\n",
    "tsconfig.json": '{ // c\n "a": 1, }',
    "docker-compose.yml": "services: {a: {image: b}}\n",
    "deploy.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
    "charts/x/templates/a.yaml": "{{- if .Values.x }}\na: 1\n{{- end }}\n",
    "list.yaml": "- a\n",
}
IGNORE = (
    "# not ours\n/kustomization.yaml\n*.json\nmkdocs.yml\ndocker-*.yml\ndeploy.yaml\n/charts/**/templates/\nlist.yaml\n"
)


def test_foreign_files_are_left_out_by_an_ignore_file() -> None:
    result = in_order({**registry(app=application()), **FOREIGN, ".flotillaignore": IGNORE})
    assert placed(result)


@pytest.mark.parametrize("file", FOREIGN)
def test_a_file_that_is_no_document_of_ours_is_told_how_to_be_left_out(file: str) -> None:
    result = parsed({**registry(), file: FOREIGN[file]})
    assert result.faults
    for fault in result.faults:
        assert ".flotillaignore" in fault.remedy, lines(result.faults)
        assert "FLOTILLA_REGISTRY_PATH" in fault.remedy
        assert fault.scope is FaultScope.KEEPS


def test_a_document_of_ours_that_is_mistyped_is_not_told_to_be_hidden() -> None:
    text = "apiVersion: flotilla.dev/v1\nkind: Aplication\nmetadata: {name: x}\n"
    (fault,) = parsed({**registry(), "x.yaml": text}).faults
    assert fault.remedy == "did you mean 'Application'?"


def test_a_file_that_was_in_force_is_not_told_to_be_hidden() -> None:
    good = in_order(registry(app=application()))
    result = parsed(registry(app="a: [\n"), good)
    assert result.faults
    assert not any(".flotillaignore" in fault.remedy for fault in result.faults)


def test_a_cluster_that_becomes_ignored_is_frozen_loudly_and_keeps_what_it_runs() -> None:
    files = {**registry(app=application()), "more.yaml": cluster("c3")}
    good = in_order(files)
    result = in_order({**files, ".flotillaignore": "more.yaml\n"}, good)
    assert result.fleet is not None
    assert result.fleet.clusters["c3"].removed
    (notice,) = result.notices
    assert "Cluster c3 has left the registry, since .flotillaignore leaves its file out" in notice.what


def test_an_application_that_becomes_ignored_is_retained_loudly() -> None:
    files = registry(app=application())
    result = in_order({**files, ".flotillaignore": "app.yaml\n"}, in_order(files))
    (notice,) = result.notices
    assert "since .flotillaignore leaves its file out: its objects stay where they are" in notice.what


def test_an_ignored_fleet_refuses_the_commit() -> None:
    files = registry(app=application())
    result = parsed({**files, ".flotillaignore": "*\n"}, in_order(files))
    assert result.refused
    assert result.fleet is not None


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"a.yaml\n!\n", 2, "is no pattern"),
        (b"a\\", 1, "is no pattern"),
        (b"[z-a]", 1, "is no pattern"),
        (b"a" * 513, 1, "more than 512 characters"),
        (b"\xff", 1, "not UTF-8"),
        (b"a\n" * 1_001, 1_001, "more than 1,000 lines"),
        (b"a" * 65_537, 1, "larger than 65,536 bytes"),
    ],
)
def test_an_ignore_file_that_cannot_be_read_refuses_the_commit(content: bytes, line: int, what: str) -> None:
    (fault,) = read(content).faults
    assert (fault.file, fault.line, fault.scope) == (".flotillaignore", line, FaultScope.REFUSES)
    assert what in fault.what
    if len(content) < 100 and b"\xff" not in content:
        assert parsed({**registry(), ".flotillaignore": content.decode()}).refused


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("docs/", "docs/a.yaml", True),
        ("docs/", "teams/docs/a.yaml", True),
        ("/docs/", "teams/docs/a.yaml", False),
        ("*.json", "a/b.json", True),
        ("*.yaml\n!fleet.yaml", "fleet.yaml", False),
        ("*.yaml\n!fleet.yaml", "x.yaml", True),
        ("a/**/z.yaml", "a/b/c/z.yaml", True),
        ("\ufeffa.yaml\r\nb.yaml\r\n", "a.yaml", True),
        ("# a.yaml", "a.yaml", False),
        ("\\#a.yaml", "#a.yaml", True),
        ("", "a.yaml", False),
        ("*.yaml", "\udcff.yaml", True),
    ],
)
def test_the_grammar_is_gitignores(patterns: str, path: str, *, ignored: bool) -> None:
    found = read(patterns.encode())
    assert not found.faults
    assert (path in found) is ignored


def test_hostile_patterns_and_paths_take_no_time() -> None:
    patterns = "\n".join("*a" * 200 + str(number) + "b" for number in range(1_000)).encode()
    began = time.thread_time()
    found = read(patterns)
    assert not any("a" * 255 + f"/{number}.yaml" in found for number in range(1_000))
    assert time.thread_time() - began < 5


def test_a_folder_is_read_by_its_ignore_file_and_what_is_left_out_is_never_opened(tmp_path: Path) -> None:
    for name, text in {**registry(app=application()), **FOREIGN, ".flotillaignore": IGNORE}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "big.json").write_text("x" * (9 << 20))
    (tmp_path / "linked.json").symlink_to("/etc/passwd")
    assert validate_directory(tmp_path) == ()
    files, faults = read_directory(tmp_path)
    assert set(files) == {"fleet.yaml", "clusters.yaml", "app.yaml", ".flotillaignore"}
    assert faults == ()
