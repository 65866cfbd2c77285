"""Native code that took over a renderer reaches nothing beyond its scratch folder, whichever renderer it is in."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.sandbox import launch as launching
from common.sandbox import layers
from common.sandbox.faults import SandboxMissingError
from common.sandbox.launch import Limits, Streams, Strictness, launch
from common.sandbox.layers import Held, Layer
from tests.fakes.trees import memory_tree
from tests.fixtures.services import unavailable
from tests.security.rendering.attacks import BOUNDS, CANARY, chart, render
from workers.render import process, sandbox
from workers.render.cache import RenderCache
from workers.render.faults import RendererMissingError
from workers.render.helm import rendering
from workers.render.jsonnet import rendering as evaluation
from workers.render.kustomize import rendering as kustomize
from workers.render.process import Library, RenderProcess
from workers.render.renderers import Renderers
from workers.render.rules import evaluation as expressions

HOSTILE = (Path(__file__).with_name("hostile.py")).read_text()
HARMLESS = [
    "read /etc/passwd",
    "listed /etc",
    "changed a mode",
    "changed a time",
    "truncated",
    "linked in",
    "made a link",
    "made a pipe",
    "watched a folder",
    "connected by TCP",
    "sent by UDP",
    "connected to a path",
    "connected to a name",
    "made a pair of sockets",
    "signalled the worker",
    "signalled by a descriptor",
    "had the worker signalled",
    "had a thread signalled",
    "chose the signal",
    "watched its folder",
    "asked for locks of others",
    "limited the worker",
    "slowed the worker",
    "pinned the worker",
    "saw the worker's program",
    "made a file in memory",
    "forked",
    "spawned",
]
"""What the program does when nothing confines it: else its failures would tell nothing."""


def needs(*wanted: Layer) -> None:
    """Skip the test on a laptop without these layers; in CI they are there."""
    missing = [layer for layer in wanted if layer not in layers.held().layers]
    if missing:
        unavailable(f"sandbox ({', '.join(missing)})", layers.REMEDY)


@pytest.fixture
def targets(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What a hub has on a worker's machine: files of its own, listeners, and a process."""
    secrets = [
        tmp_path / "home" / name for name in ("flotilla.db", "hub.key", "credentials/clusters/eu", "cache/ab/cd")
    ]
    for file in (*secrets, tmp_path / "home" / "outside"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CANARY)
    outside = tmp_path / "home" / "outside"
    Path(f"{outside}.kept").touch()
    abstract = f"flotilla-{os.getpid()}"
    with ExitStack() as opened:
        worker = opened.enter_context(subprocess.Popen(["/bin/sleep", "600"], env={"CANARY": CANARY}))
        opened.callback(worker.kill)
        tcp = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in (path := str(tmp_path / "socket"), f"\0{abstract}"):
            listener = opened.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        yield {
            "worker": worker.pid,
            "secrets": list(map(str, secrets)),
            "outside": str(outside),
            "port": tcp.getsockname()[1],
            "socket": path,
            "abstract": abstract,
            "only": [],
            "programs": ["/bin/sh", "/usr/bin/env", "/usr/bin/git", "/bin/true"],
        }
        assert worker.poll() is None, "the worker was ended"
    assert {path.read_text() for path in (*secrets, outside)} == {CANARY}
    assert outside.stat().st_mode & 0o777 == 0o644


def taken_over_tool(targets: dict[str, Any], folder: Path) -> list[str]:
    """Run it as Kustomize is run, on a copy of a tree."""
    tree = memory_tree({"app/kustomization.yaml": "resources: [a.yaml]", "app/a.yaml": "a: 1"})
    with kustomize.materialised(tree, kustomize.footprint(tree, "app", {})) as place:
        command = [sys.executable, "-I", "-S", "-c", HOSTILE, json.dumps(targets)]
        said = sandbox.run(command, folder=place, what="app", bounds=BOUNDS)
        assert (place / "mine").exists()
        assert list(folder.iterdir()) == []
    found: list[str] = json.loads(said)["version"]
    return found


def taken_over_library(
    targets: dict[str, Any], folder: Path, *, library: Library, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Run it in place of the process of a library, started as that is."""

    def instead(_command: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
        return launch([sys.executable, "-I", "-c", HOSTILE, json.dumps(targets)], **more)

    monkeypatch.setattr(process, "launch", instead)
    found: Any = RenderProcess(library, BOUNDS, place=str(folder)).version
    return list(found)


RENDERERS: dict[str, Callable[..., list[str]]] = {
    "kustomize": lambda targets, folder, _: taken_over_tool(targets, folder),
    "helm": lambda targets, folder, patch: taken_over_library(
        targets, folder, library=rendering.LIBRARY, monkeypatch=patch
    ),
    "jsonnet": lambda targets, folder, patch: taken_over_library(
        targets, folder, library=evaluation.LIBRARY, monkeypatch=patch
    ),
    "cel": lambda targets, folder, patch: taken_over_library(
        targets, folder, library=expressions.LIBRARY, monkeypatch=patch
    ),
    "lua": lambda targets, folder, patch: taken_over_library(
        targets, folder, library=expressions.LUA, monkeypatch=patch
    ),
}


@pytest.mark.parametrize("renderer", RENDERERS)
def test_code_that_took_over_a_renderer_can_do_nothing_beyond_its_scratch_folder(
    renderer: str, targets: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(*Layer)
    (folder := tmp_path / "place").mkdir()
    assert RENDERERS[renderer](targets, folder, monkeypatch) == []


def test_the_hostile_program_does_all_that_when_nothing_confines_it(targets: dict[str, Any], tmp_path: Path) -> None:
    targets |= {"only": HARMLESS, "programs": []}
    command = [sys.executable, "-I", "-S", "-c", HOSTILE, json.dumps(targets)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    could = json.loads(done.stdout)["version"]
    Path(targets["outside"]).write_text(CANARY)
    Path(targets["outside"]).chmod(0o644)
    assert [name for name in HARMLESS if name not in could] == []


@pytest.mark.parametrize("made", ["memory", "file"])
def test_code_runs_no_program_of_its_own_making(tmp_path: Path, made: str) -> None:
    needs(*Layer)
    code = {
        "memory": "import os; f = os.memfd_create('x')",
        "file": "import os, shutil, sys; shutil.copyfile(sys.executable, 'x'); os.execv('x', ['x'])",
    }[made]
    with pytest.raises(FlotillaError, match="PermissionError"):
        sandbox.run([sys.executable, "-I", "-S", "-c", code], folder=tmp_path, what="app", bounds=BOUNDS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_where_the_worker_is_root_a_tool_is_a_user_of_its_own_with_a_bound_of_threads() -> None:
    python = shutil.which("python3", path="/usr/bin")
    if python is None:
        pytest.skip("no Python that all users may run")
    code = (
        "import os, threading, time\n"
        "print(os.stat('a').st_size, os.stat('.').st_uid == os.stat('/proc/self').st_uid, flush=True)\n"
        "open('b', 'w').close()\n"
        "n = 0\n"
        "threading.stack_size(32768)\n"
        "try:\n"
        "    while n < 1000:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); n += 1\n"
        "except RuntimeError:\n"
        "    print('bounded', flush=True)\n"
        "os._exit(0)\n"
    )
    command = [python, "-I", "-S", "-c", code]
    with tempfile.TemporaryDirectory() as place:  # where other users may go, unlike the tests' own
        (folder := Path(place)).joinpath("a").write_text("a")
        said = sandbox.run(command, folder=folder, what="app", bounds=BOUNDS)
        assert said.split() == [b"1", b"True", b"bounded"]
        assert (folder / "b").stat().st_uid == folder.stat().st_uid >= 2_000_000_000


def test_a_process_that_stays_reads_no_folder_of_the_workers(renderers: Renderers, tmp_path: Path) -> None:
    """Files reach it as data: a path in a request leads nowhere."""
    needs(Layer.FILES)
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: secret\nversion: 1.0.0\n")
    found = RenderProcess(rendering.LIBRARY, BOUNDS)
    request = {"chart": str(tmp_path / "chart"), "unpacked": "unpacked", "files": {}, "sets": [], "values": {}}
    answer = found.ask(request | {"cluster": {}, "clusterAt": [], "release": {"name": "a"}}, what="app")
    assert answer == {"error": "Chart.yaml file is missing", "kind": answer["kind"]}
    found.close()
    assert render(renderers, chart()).manifests


def cannot(monkeypatch: pytest.MonkeyPatch, *missing: Layer) -> None:
    """Have a machine found to lack layers."""
    monkeypatch.setattr(layers, "_found", [Held(frozenset(Layer) - set(missing))])


@pytest.mark.parametrize("missing", [(Layer.FILES,), (Layer.SOCKETS,), tuple(Layer)])
def test_a_strict_worker_renders_nothing_that_it_cannot_confine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[Layer, ...]
) -> None:
    cannot(monkeypatch, *missing)
    strict = Renderers(RenderCache(tmp_path / "strict"))
    for files in (chart(), {"app/main.jsonnet": "{apiVersion: 'v1', kind: 'A', metadata: {name: 'a'}}"}):
        with pytest.raises(SandboxMissingError, match="cannot confine a renderer: it could"):
            render(strict, files)
    with pytest.raises(SandboxMissingError):
        sandbox.run(["/bin/true"], folder=tmp_path, what="app", bounds=sandbox.Bounds())


def test_a_worker_that_warns_renders_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cannot(monkeypatch, *Layer)
    lenient = Renderers(RenderCache(tmp_path), bounds=sandbox.Bounds(strictness=Strictness.WARN))
    assert render(lenient, chart()).manifests
    lenient.close()


def test_plain_files_need_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cannot(monkeypatch, *Layer)
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    assert render(Renderers(RenderCache(tmp_path)), {"app/a.yaml": text}).manifests


def test_a_launcher_that_cannot_confine_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the trial at the start found: a filter that is not known for a machine is no filter."""
    monkeypatch.setattr(launching, "program_for", lambda _: b"")
    with pytest.raises(SandboxMissingError, match="no filter of system calls"):
        sandbox.run([sys.executable, "-c", "print(1)"], folder=tmp_path, what="app", bounds=BOUNDS)


def test_a_script_in_place_of_the_tool_is_told_to_be_one(tmp_path: Path) -> None:
    needs(Layer.EXECUTION)
    (script := tmp_path / "kustomize").write_text("#!/bin/sh\necho v5.0.0\n")
    script.chmod(0o755)
    with pytest.raises(RendererMissingError, match="Name the program itself"):
        kustomize.tool(str(script))


@pytest.mark.parametrize("layer", Layer)
def test_the_trial_sees_each_layer_that_is_not_there(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial is run without any confinement: it must find every way out."""

    def unconfined(command: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
        streams: Streams = more["streams"]
        return subprocess.Popen(command, cwd=more["folder"], stdout=streams.stdout)

    monkeypatch.setattr(layers, "start", unconfined)
    assert layer in layers.tried().missing


def test_limits_of_the_worker_are_never_raised(tmp_path: Path) -> None:
    """A worker that may write little starts programs that may write no more."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    code += "import sys; from pathlib import Path; from common.sandbox.launch import *\n"
    code += "p = launch([sys.executable, '-I', '-c', 'import resource as r; print(r.getrlimit(r.RLIMIT_FSIZE))'],"
    code += f"folder=Path({str(tmp_path)!r}), limits=Limits(1 << 30), streams=Streams(stdout=-1))\n"
    code += "print(p.communicate()[0].decode())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "(4096, 4096)"
    assert Limits(1).strictness is Strictness.STRICT
