"""CVE-2023-40029 and kin: a canary in what is rendered shows in no error, log, or file of the cache."""

from __future__ import annotations

import json
import logging
import os
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog

from common.domain.errors import FlotillaError
from common.domain.fleet import RenderSettings
from common.domain.reasons import sentence
from tests.fakes.trees import Content, memory_tree
from tests.security.rendering.attacks import CANARY, chart, helm, honest, leaks, processes_of, render, told
from workers.render import sandbox
from workers.render.cache import RenderCache
from workers.render.faults import DecryptError
from workers.render.files import memory
from workers.render.kustomize.rendering import Tool, footprint
from workers.render.kustomize.rendering import render as kustomized
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sops import DecryptedTree, Decryptor

DATA = Path(__file__).parents[2] / "data" / "sops"
KEYS = Decryptor.of("sops/team", {"age.agekey": (DATA / "age.agekey").read_bytes()})
SEALED = (DATA / "regex.yaml").read_bytes()
OPENED = "CANARY-correct-horse"
"""What the sealed file holds as the password."""
PATTERN = json.dumps(
    {
        "properties": {
            "password": {"pattern": "^[a-z]$"},
            "stringData": {"additionalProperties": {"pattern": "^[0-9]*$"}},
        }
    }
)


def refused(renderers: Renderers, files: Mapping[str, Content], request: RenderRequest) -> str:
    """Return all that is told of a rendering that fails, in the error and in the logs."""
    with structlog.testing.capture_logs() as logs, pytest.raises(FlotillaError) as caught:
        render(renderers, files, request)
    return f"{told(caught.value)} {logs}"


QUOTED: dict[str, tuple[str, dict[str, Content]]] = {
    "a schema": ("1", {"app/values.schema.json": PATTERN}),
    "fail": ("fail .Values.password", {}),
    "required of another": ("required (printf `need %s` .Values.password) .Values.none", {}),
    "a date": ("mustToDate `2006` .Values.password", {}),
    "tpl": ("tpl (printf `{{%s x}}` .Values.password) .", {}),
    "base64": ("fail (.Values.password | b64enc)", {}),
    "an alias in what comes out": ("1", {"app/templates/b.yaml": "a: *{{ .Values.password }}\n"}),
    "a tag in what comes out": ("1", {"app/templates/b.yaml": "a: !{{ .Values.password }} b\n"}),
}


@pytest.mark.parametrize("name", QUOTED)
def test_a_value_under_the_name_of_a_secret_is_not_quoted(
    renderers: Renderers, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    expression, files = QUOTED[name]
    said = refused(renderers, chart(expression, files), helm(values={"password": CANARY}))
    assert not leaks(said + caplog.text)
    assert "[redacted]" in said, "the test is of something that is quoted"
    honest(renderers)


def test_neither_is_one_in_a_warning(renderers: Renderers) -> None:
    twice = "x: {{ .Values.password }}\n{{ .Values.password }}: 1\n{{ .Values.password }}: 2\n"
    files = {"app/templates/b.yaml": "apiVersion: v1\nkind: A\nmetadata: {name: a}\n" + twice}
    (told,) = render(renderers, chart("1", files), helm(values={"password": CANARY})).warnings
    said = sentence(told)
    assert not leaks(f"{said} {told}")
    assert "key '[redacted]' is given twice" in said


def test_neither_is_one_that_is_set_or_lies_deeper(renderers: Renderers) -> None:
    asked = helm({"sets": [f"db.apiKey={CANARY}"]})
    assert not leaks(refused(renderers, chart("fail .Values.db.apiKey"), asked))
    asked = helm(values={"credentials": {"list": [{"of": CANARY}]}})
    assert not leaks(refused(renderers, chart("fail (index .Values.credentials.list 0).of"), asked))


@pytest.mark.parametrize("room", range(700, 800, 7))
def test_a_secret_that_is_cut_off_leaves_no_part_of_itself(renderers: Renderers, room: int) -> None:
    said = refused(
        renderers, chart(f'fail (print (repeat {room} "-") .Values.password)'), helm(values={"password": CANARY})
    )
    assert CANARY[:5] not in said


def test_what_is_no_secret_stays_readable(renderers: Renderers) -> None:
    said = refused(
        renderers, chart("fail (toString .Values)"), helm(values={"token": True, "secretName": "db", "a": "readable"})
    )
    assert "readable" in said
    assert "name:db" in said.lower() or "secretName:db" in said


SEALED_QUOTED: dict[str, tuple[dict[str, Content], RenderSettings]] = {
    "a value of a chart, by its schema": (
        chart(files={"app/values.schema.json": PATTERN, "s.yaml": SEALED}),
        RenderSettings("helm", {"valuesFiles": ["../s.yaml"]}),
    ),
    "a value of a chart, by a template": (
        chart("fail .Values.stringData.password", {"s.yaml": SEALED}),
        RenderSettings("helm", {"valuesFiles": ["../s.yaml"]}),
    ),
    "a file of a chart": (
        chart("fail (.Files.Get `s.yaml`)", {"app/s.yaml": SEALED}),
        RenderSettings("helm", {}),
    ),
    "a file of a program": (
        {"app/main.jsonnet": "error importstr 's.yaml'", "app/s.yaml": SEALED},
        RenderSettings("jsonnet", {}),
    ),
    "a manifest": (
        {"app/a.yaml": SEALED, "app/b.yaml": "a: *b\n"},
        RenderSettings("plain", {}),
    ),
}


@pytest.mark.parametrize("name", SEALED_QUOTED)
def test_what_was_decrypted_is_not_quoted(tmp_path: Path, name: str) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    files, settings = SEALED_QUOTED[name]
    said = refused(renderers, files, RenderRequest.at("app", settings, decryptor=KEYS))
    renderers.close()
    assert OPENED not in said
    assert b64encode(OPENED.encode()).decode() not in said
    assert OPENED.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_file_without_its_key_says_which_file_and_which_keys(renderers: Renderers) -> None:
    other = Decryptor.of("sops/other", {"age.agekey": (DATA / "other.agekey").read_bytes()})
    with pytest.raises(
        DecryptError, match=r"^app/s\.yaml: none of the keys in credentials 'sops/other' opens the file"
    ):
        render(renderers, {"app/s.yaml": SEALED}, RenderRequest.at("app", decryptor=other))
    asked = RenderRequest.at("app", RenderSettings("helm", {"valuesFiles": ["../s.yaml"]}), decryptor=other)
    with pytest.raises(DecryptError, match=r"^s\.yaml: none of the keys"):
        render(renderers, chart(files={"s.yaml": SEALED}), asked)


@pytest.mark.service("kustomize")
@pytest.mark.parametrize("of", ["metadata", "patch", "syntax"])
def test_a_secret_that_kustomize_refuses_is_not_quoted(tmp_path: Path, tool: Tool, of: str) -> None:
    renderers = Renderers(RenderCache(tmp_path), kustomize=tool.build[0])
    patch = {
        "metadata": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: []}\n",
        "patch": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: [1]\n",
        "syntax": "kind: [\n",
    }[of]
    kustomization = "resources: [s.yaml]\npatches: [{path: p.yaml}]\nreplacements: [{source: {kind: Secret, name: db, "
    kustomization += "fieldPath: stringData.password.x}, targets: [{select: {kind: Secret}, fieldPaths: [a.b]}]}]\n"
    files: dict[str, Content] = {"app/kustomization.yaml": kustomization, "app/s.yaml": SEALED, "app/p.yaml": patch}
    assert OPENED not in refused(renderers, files, RenderRequest.at("app", decryptor=KEYS))


PRINTS_ITS_FILES = """import os
import sys
print("apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}")
print("data: {out:", os.readlink("/proc/self/fd/1") + ", err:", os.readlink("/proc/self/fd/2") + "}")
"""


@pytest.mark.skipif(memory() is None, reason="no folder in memory on this host")
def test_what_a_tool_gives_of_decrypted_files_lies_in_memory_only() -> None:
    tool = Tool((sys.executable, "-I", "-S", "-c", PRINTS_ITS_FILES), "5")
    tree = DecryptedTree.over(
        memory_tree({"app/kustomization.yaml": "resources: [s.yaml]", "app/s.yaml": SEALED}), KEYS
    )
    reads = footprint(tree, "app", {})
    (done,) = kustomized(tree, "app", {}, reads=reads, tool=tool, bounds=sandbox.Bounds()).objects
    assert all(str(where).startswith(f"{memory()}/") for where in done.manifest["data"].values()), done.manifest


def test_what_a_library_says_of_one_application_is_not_told_to_the_next(tmp_path: Path) -> None:
    """Its last words are quoted when it dies: under another application then."""
    renderers = Renderers(RenderCache(tmp_path))
    render(renderers, chart(), helm(values={"a": 1}))
    ((_, process),) = processes_of(renderers, "helm")._idle
    os.write(process._words.fileno(), f"said of the one before: {CANARY}\n".encode())
    with pytest.raises(FlotillaError, match="KeyError") as caught:
        process.ask({}, what="app")
    renderers.close()
    assert not leaks(told(caught.value))


def test_a_malformed_variable_in_a_secret_is_not_quoted(tmp_path: Path) -> None:
    renderers = Renderers(RenderCache(tmp_path))
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: 'a${%s!}b'}\n"
    asked = RenderRequest.at("app", variables={})
    said = refused(renderers, {"app/a.yaml": text % CANARY}, asked)
    assert "Secret db: stringData.password" in said
    assert not leaks(said)
