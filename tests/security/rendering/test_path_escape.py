"""CVE-2022-24348, CVE-2022-24730, CVE-2023-40026 and kin: what is rendered reads files of the worker."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import PermanentError
from common.domain.fleet import RenderSettings
from common.sources.artifacts.faults import ArchiveEntryError, ArchivePathError
from common.sources.faults import SymlinkRefusedError
from common.sources.objects import SYMLINK
from tests.fakes.archives import entry, packed
from tests.fakes.trees import Content
from tests.fakes.web_server import WebServer
from tests.security.rendering.attacks import CANARY, OBJECT, chart, helm, honest, leaks, render, told
from workers.render.faults import EmptyRenderError, EscapeRefusedError, PluginRefusedError, ToolFailedError
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest

SUB: dict[str, str | bytes] = {
    "sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    "sub/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\n"
    'data: {one: {{ .Files.Get "link" | quote }}, all: {{ (.Files.Glob "**") | toJson | quote }}}\n',
}


def schema(reference: str, where: str) -> Any:
    """Return a schema that refers to something, written in one of the places that a library follows."""
    return {
        "$ref": {"properties": {"a": {"$ref": reference}}},
        "$schema": {"$schema": reference},
        "$dynamicRef": {"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicRef": reference},
        "in a list": {"allOf": [{"properties": {"a": {"$ref": reference}}}]},
        "by an id": {"$id": reference, "properties": {"a": {"$ref": "other.json"}}},
        "by an id that is none": {"const": {"$id": reference}, "properties": {"a": {"$ref": reference}}},
    }[where]


WHERE = ["$ref", "$schema", "$dynamicRef", "in a list", "by an id", "by an id that is none"]


@pytest.mark.parametrize("where", WHERE)
def test_a_schema_reads_no_file_of_the_workers(renderers: Renderers, outside: Path, where: str) -> None:
    """Helm's library resolves what a schema refers to from the root of the file system."""
    references = [outside.as_uri(), str(outside), str(outside)[1:], "file:///proc/self/environ", f"FILE://{outside}"]
    for reference in references:
        files = chart(files={"app/values.schema.json": json.dumps(schema(reference, where))})
        with pytest.raises(ToolFailedError, match=r"values\.schema\.json: it refers to .* outside of it") as caught:
            render(renderers, files, helm(values={"a": "x"}))
        assert not leaks(told(caught.value))


@pytest.mark.parametrize("where", WHERE)
def test_a_schema_asks_no_server(renderers: Renderers, neighbour: WebServer, where: str) -> None:
    files = chart(files={"app/values.schema.json": json.dumps(schema(f"{neighbour.url}/x", where))})
    with pytest.raises(ToolFailedError, match="outside of it"):
        render(renderers, files, helm(values={"a": "x"}))


def test_schemas_of_charts_within_are_held_to_the_same(renderers: Renderers, outside: Path) -> None:
    text = json.dumps({"$ref": outside.as_uri()})
    inner = packed({**SUB, "sub/values.schema.json": text})
    within: list[dict[str, Content]] = [
        {"app/charts/sub/Chart.yaml": str(SUB["sub/Chart.yaml"]), "app/charts/sub/values.schema.json": text},
        {"app/charts/sub-1.0.0.tgz": inner},
        {"app/charts/sub-1.0.0.tgz": packed({**SUB, "sub\\values.schema.json": text})},
        {"app/charts/sub-1.0.0.tgz": packed({**SUB, "sub/charts/sub-1.0.0.tgz": inner})},
    ]
    for files in within:
        with pytest.raises((ToolFailedError, ArchivePathError)) as caught:
            render(renderers, chart(files=files))
        assert not leaks(told(caught.value))


def test_a_schema_that_cannot_be_read_is_given_to_nobody(renderers: Renderers) -> None:
    """A reading that differs from the library's would let through what the library follows."""
    for text in ('{"$ref": "file:///\xff"}'.encode("latin-1"), b"{", b'{"a":' * 50_000, '{"a": 1}'.encode("utf-16")):
        with pytest.raises(ToolFailedError, match=r"values\.schema\.json: it (cannot be read|is nested too deep)"):
            render(renderers, chart(files={"app/values.schema.json": text}))
    honest(renderers)


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-07/schema#", "http://json-schema.org/schema#"])
def test_a_schema_that_refers_to_itself_is_fine(renderers: Renderers, draft: str) -> None:
    own = {"$schema": draft, "$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    files = chart(files={"app/values.schema.json": json.dumps(own)})
    assert render(renderers, files, helm(values={"a": 1})).manifests


def test_what_is_packed_links_to_nothing(renderers: Renderers, outside: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        entries = [(entry(name), str(text).encode()) for name, text in SUB.items()]
        entries.append((entry("sub/link", kind, link=str(outside)), b""))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for info, text in entries:
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
        with pytest.raises(ArchiveEntryError, match=r"^charts/sub-1\.0\.0\.tgz: .* link"):
            render(renderers, chart(files={"app/charts/sub-1.0.0.tgz": out.getvalue()}))


@pytest.mark.parametrize("name", ["sub/../../marker", "sub\\..\\..\\marker"])
def test_what_is_packed_unpacks_nowhere(renderers: Renderers, marker: Path, name: str) -> None:
    with pytest.raises(ArchivePathError, match="leads out of it"):
        render(renderers, chart(files={"app/charts/sub-1.0.0.tgz": packed({**SUB, name: "x"})}))
    assert not marker.exists()


@pytest.mark.parametrize(
    "expression", ['.Files.Get "%s"', '(.Files.Glob "%s")', '.Files.Lines "%s"', '.Files.GetBytes "%s"']
)
def test_files_of_a_chart_are_those_of_the_chart(renderers: Renderers, outside: Path, expression: str) -> None:
    for path in (str(outside), f"{'../' * 20}{str(outside)[1:]}", "../values/secret.yaml", "/etc/passwd"):
        files = chart(expression % path, {"values/secret.yaml": f"a: {CANARY}\n"})
        done = render(renderers, files)
        assert not leaks(str(done.manifests))
        assert "root:" not in str(done.manifests)


def test_no_option_of_helm_reads_a_file_as_a_value(renderers: Renderers, outside: Path) -> None:
    asked = helm({"sets": [f"a=@{outside}", f"b={outside}", f"c=file://{outside}"]}, values={"d": f"@{outside}"})
    assert not leaks(str(render(renderers, chart(".Values"), asked).manifests))


def jsonnet(text: str, files: dict[str, Content] | None = None) -> dict[str, Content]:
    return {"app/main.jsonnet": text, **(files or {})}


@pytest.mark.parametrize("kind", ["import", "importstr", "importbin"])
def test_a_program_imports_nothing_from_outside(renderers: Renderers, outside: Path, kind: str) -> None:
    paths = [str(outside), f"{'../' * 20}{str(outside)[1:]}", "../../outside.json", f"deep/../../../{outside.name}"]
    for path in paths:
        with pytest.raises((EscapeRefusedError, PluginRefusedError)) as caught:
            render(renderers, jsonnet(f"{{a: {kind} '{path}'}}"))
        assert not leaks(told(caught.value))


@pytest.mark.parametrize("kind", ["import", "importstr"])
def test_a_program_imports_nothing_through_a_link(renderers: Renderers, outside: Path, kind: str) -> None:
    places: list[tuple[str, dict[str, Content]]] = [
        ("link", {"app/link": (SYMLINK, str(outside))}),
        ("link/outside.json", {"app/link": (SYMLINK, str(outside.parent))}),
        ("one", {"app/one": (SYMLINK, "two"), "app/two": (SYMLINK, str(outside))}),
    ]
    for path, files in places:
        with pytest.raises(SymlinkRefusedError):
            render(renderers, jsonnet(f"{{a: {kind} '{path}'}}", files))
        beside = {name.replace("app/", "lib/"): content for name, content in files.items()}
        asked = RenderRequest.at("app", RenderSettings("jsonnet", {"libs": ["lib"]}))
        with pytest.raises(SymlinkRefusedError):
            render(renderers, jsonnet(f"{{a: {kind} '{path}'}}", beside), asked)


@pytest.mark.parametrize("folder", ["..", "../..", "/", "/etc", "a/../../..", "app/../.."])
def test_library_folders_stay_in_the_tree(renderers: Renderers, outside: Path, folder: str) -> None:
    for libs in ([folder], [f"{folder.rstrip('/')}{outside.parent}"]):
        asked = RenderRequest.at("app", RenderSettings("jsonnet", {"libs": libs}))
        with pytest.raises(PermanentError) as caught:
            render(renderers, jsonnet("{a: importstr 'outside.json'}"), asked)
        assert not leaks(told(caught.value))


@pytest.mark.parametrize("glob", ["../**", "/**", "/etc/*", "../../*", "**/../../**", "..", "/"])
def test_a_glob_takes_nothing_but_what_lies_below_its_folder(renderers: Renderers, glob: str) -> None:
    asked = RenderRequest.at("app", RenderSettings("plain", {"include": [glob]}))
    with pytest.raises(EmptyRenderError):
        render(renderers, {"app/a.yaml": OBJECT % "a", "secret.yaml": OBJECT % CANARY}, asked)


@pytest.mark.parametrize("path", ["app/link.yaml", "app/deep/link.yaml"])
def test_a_glob_takes_no_link(renderers: Renderers, outside: Path, path: str) -> None:
    for target in (str(outside), "a.yaml", "../../secret.yaml"):
        asked = RenderRequest.at("app", RenderSettings("plain", {"include": ["**/link.yaml"]}))
        with pytest.raises(SymlinkRefusedError, match=r"link\.yaml is a symbolic link"):
            render(renderers, {"app/a.yaml": OBJECT % "a", path: (SYMLINK, target)}, asked)
