"""CVE-2022-24904 and kin: what is rendered sees nothing of the worker: no variable, no home, no network."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import PermanentError
from tests.fakes.trees import Content
from tests.fakes.web_server import WebServer
from tests.security.rendering.attacks import BOUNDS, CANARY, chart, leaks, needs_namespaces, processes_of, render, told
from workers.render import sandbox
from workers.render.cache import RenderCache
from workers.render.faults import ToolFailedError
from workers.render.kustomize.rendering import Tool
from workers.render.renderers import Renderers

VARIABLE = "FLOTILLA_CANARY"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Renderers:
    """Renderers of a worker that holds a secret in its environment and its home."""
    home = tmp_path / "home"
    for name in (".config/helm/canary", ".config/kustomize/canary", ".kube/config", ".gitconfig"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(CANARY)
    for name in (VARIABLE, "AWS_SECRET_ACCESS_KEY", "HELM_PLUGINS", "KUSTOMIZE_PLUGIN_HOME"):
        monkeypatch.setenv(name, str(home) if "PLUGIN" in name else CANARY)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KUBECONFIG", str(home / ".kube/config"))
    return Renderers(RenderCache(tmp_path / "cache"), bounds=BOUNDS)


@pytest.mark.parametrize("expression", [f'env "{VARIABLE}"', f'expandenv "${VARIABLE}"', 'env "HOME"', 'readFile "x"'])
def test_a_template_has_no_function_for_the_environment(fresh: Renderers, expression: str) -> None:
    with pytest.raises(ToolFailedError, match=r"function \"\w+\" not defined") as caught:
        render(fresh, chart(expression))
    fresh.close()
    assert not leaks(told(caught.value))


def test_the_processes_hold_nothing_of_the_worker(fresh: Renderers) -> None:
    """What a library might one day show of itself is not there."""
    render(fresh, chart(".Capabilities"))
    render(fresh, {"app/main.jsonnet": "{apiVersion: 'v1', kind: 'A', metadata: {name: 'a'}}"})
    for processes in (processes_of(fresh, "helm"), processes_of(fresh, "jsonnet")):
        ((_, process),) = processes._idle
        proc = Path(f"/proc/{process._process.pid}")
        environment = (proc / "environ").read_bytes()
        assert not leaks(environment)
        assert b"KUBECONFIG" not in environment
        assert b"HOME=/nonexistent" in environment
        assert not leaks((proc / "cmdline").read_bytes())
        held = {str(path.readlink()) for path in (proc / "fd").iterdir()}
        assert not [name for name in held if name.startswith(("socket:", str(Path.home())))], held
    fresh.close()


@pytest.mark.parametrize(
    "text",
    [f"std.extVar('{VARIABLE}')", "std.extVar('HOME')", "std.native('getenv')('HOME')", "std.thisFile + std.env"],
)
def test_a_program_sees_no_variable_that_it_is_not_given(fresh: Renderers, text: str) -> None:
    with pytest.raises(ToolFailedError) as caught:
        render(fresh, {"app/main.jsonnet": f"{{a: {text}}}"})
    fresh.close()
    assert not leaks(told(caught.value))


@pytest.mark.service("kustomize")
@pytest.mark.usefixtures("tool")
def test_kustomize_fills_in_no_variable_of_the_workers(fresh: Renderers) -> None:
    """In some versions a name without a value, in a file of variables, stands for the tool's own."""
    value: dict[str, Any] = {
        "configMapGenerator": [
            {"name": "a", "envs": ["a.env"], "literals": [f"b=${VARIABLE}", f"c=$({VARIABLE})"], "files": ["f.txt"]}
        ]
    }
    files: dict[str, Content] = {
        "app/kustomization.yaml": json.dumps(value),
        "app/a.env": f"{VARIABLE}\nAWS_SECRET_ACCESS_KEY\nHOME\n",
        "app/f.txt": f"${VARIABLE}",
    }
    (done,) = render(fresh, files).manifests
    assert not leaks(json.dumps(done))
    assert done["data"][VARIABLE] == ""


def test_a_template_asks_no_name_server(renderers: Renderers) -> None:
    for host in ("localhost", "example.com", f"{CANARY}.example.com"):
        assert render(renderers, chart(f'getHostByName "{host}"')).manifests[0]["data"] == {"seen": '""'}


def test_the_processes_have_a_network_of_their_own_where_the_kernel_lets_them(renderers: Renderers) -> None:
    needs_namespaces()
    render(renderers, chart())
    render(renderers, {"app/main.jsonnet": "{apiVersion: 'v1', kind: 'A', metadata: {name: 'a'}}"})
    ours = os.readlink("/proc/self/ns/net")
    for processes in (processes_of(renderers, "helm"), processes_of(renderers, "jsonnet")):
        assert [os.readlink(f"/proc/{each._process.pid}/ns/net") != ours for _, each in processes._idle] == [True]


CONNECTS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"


def test_a_tool_gets_to_no_network(tmp_path: Path, neighbour: WebServer) -> None:
    host, _, port = neighbour.host.partition(":")
    command = [sys.executable, "-I", "-S", "-c", CONNECTS, host, port]
    with pytest.raises(PermanentError, match="Operation not permitted"):
        sandbox.run(command, folder=tmp_path, what="app", bounds=sandbox.Bounds())


def test_a_tool_may_still_read_what_is_its_own(tmp_path: Path, tool: Tool) -> None:
    """To be nobody in a namespace takes no file from it."""
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    for path in tmp_path.iterdir():
        path.chmod(0o400)
    tmp_path.chmod(0o700)
    assert b"name: a" in sandbox.run([*tool.build, str(tmp_path)], folder=tmp_path, what="app", bounds=BOUNDS)
