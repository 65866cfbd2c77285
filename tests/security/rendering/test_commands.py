"""A command that the operator allows works on what a tenant wrote: neither of the two may make it do anything else."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.domain.errors import FlotillaError
from common.domain.fleet import RenderSettings
from common.registry import DocumentError, application_alone
from common.sandbox import layers
from common.sandbox.faults import SandboxMissingError
from common.sandbox.launch import Strictness
from common.sandbox.layers import Held
from common.sources.faults import SymlinkRefusedError
from common.yaml import MANIFEST_LIMITS
from tests.factories import rendered_by
from tests.fakes.commands import ECHO, commands_file, python
from tests.fakes.trees import Content, memory_tree
from tests.security.rendering.attacks import BOUNDS, CANARY, OBJECT, leaks, told
from workers.render.cache import RenderCache
from workers.render.command.faults import CommandRefusedError
from workers.render.faults import ManifestTooLargeError, RenderError, ToolBoundsError, ToolFailedError, ToolLateError
from workers.render.rendered import Rendered
from workers.render.renderers import Renderers
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds

FILES: dict[str, Content] = {"app/a.yaml": OBJECT % "a"}
HOSTILE = (Path(__file__).parent / "hostile.py").read_text().replace("from __future__ import annotations", "")
APPLICATION = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {{name: app}}
spec:
  source: {{repo: "https://git.example.com/a.git", ref: {{branch: main}}}}
  render: {{command: {command}}}
  namespace: app
  targets: [{{name: all, select: {{all: true}}}}]
"""


def run(
    folder: Path,
    code: str,
    *arguments: str,
    files: Mapping[str, Content] = FILES,
    more: Any = None,
    bounds: Bounds = BOUNDS,
    **given: Any,
) -> Rendered:
    """Render ``app`` by a command that runs ``code``; ``more`` stands in its entry."""
    entry = {"seconds": 3, "memoryMebibytes": 256, "outputMebibytes": 4} | (more or {})
    file = commands_file(folder, mine=python(code, *arguments, **entry))
    renderers = Renderers(RenderCache(folder / "cache"), commands=file, bounds=bounds)
    request = RenderRequest.at("app", RenderSettings("command", {"name": "mine"}), **given)
    tree = memory_tree(files)
    return renderers.render(lambda _: tree, request, renderers.resolve(tree, request))


@pytest.mark.parametrize(
    "command",
    [
        '"/bin/sh"', '"../../bin/sh"', '"sh -c id"', '"mine;id"', '"$(id)"', '"-c"', '"a\\nb"', '"a\\0b"', '""',
        "{name: mine, path: /bin/sh}", "{name: mine, arguments: [x]}", "[mine, x]", "1", "null",
    ],
)  # fmt: skip
def test_the_registry_gives_a_name_and_nothing_else(command: str) -> None:
    with pytest.raises(DocumentError, match=r"spec\.render"):
        application_alone(APPLICATION.format(command=command).encode(), "a.yaml")


@pytest.mark.parametrize("name", ["other", "/bin/sh", "../mine", "mine/../mine", "MINE", "", "mine\0", "mine\n"])
def test_what_the_operator_does_not_name_is_never_run(tmp_path: Path, marker: Path, name: str) -> None:
    """Whatever got past the format."""
    file = commands_file(tmp_path, mine=python(f"open({str(marker)!r}, 'w')"))
    renderers = Renderers(RenderCache(tmp_path / "cache"), commands=file)
    request = RenderRequest.at("app", RenderSettings("command", {"name": name}))
    with pytest.raises(CommandRefusedError, match="is not allowed on this worker"):
        renderers.resolve(memory_tree(FILES), request)


def test_a_folder_never_chooses_a_command(tmp_path: Path, marker: Path) -> None:
    file = commands_file(tmp_path, mine=python(f"open({str(marker)!r}, 'w')"))
    renderers = Renderers(RenderCache(tmp_path / "cache"), commands=file)
    files = {**FILES, "app/mine": "", "app/commands.yaml": OBJECT % "b", "app/.flotilla": "mine"}
    assert renderers.resolve(memory_tree(files), RenderRequest.at("app")).renderers == rendered_by("plain 2")


def test_values_are_data_whatever_they_are_called(tmp_path: Path, marker: Path) -> None:
    """Neither a variable, nor an argument, nor a word of a shell."""
    shell = f"'; touch {marker}; $(touch {marker}) `touch {marker}`\n"
    values = {
        "LD_PRELOAD": "/x.so", "PATH": "/x", "PYTHONPATH": "/x", "a\0b": "c\0d", "a\nb=c": "\nLD_PRELOAD=x",
        "--flag": "-rf", "=": "", "{values}": "{values}", "shell": shell, "é\u2028": "\U0001f6a2",
    }  # fmt: skip
    done = run(tmp_path, ECHO, "{values}", values=values, cluster={"name": "eu", "LD_PRELOAD": "x"})
    shown = json.loads(done.manifests[0]["data"]["shown"])
    assert shown["given"]["values"] == values
    assert set(shown["variables"]) == {"FLOTILLA_APPLICATION", "FLOTILLA_NAMESPACE", "FLOTILLA_VALUES"}


def test_its_environment_holds_nothing_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOTILLA_DATABASE_URL", "KUBECONFIG", "AWS_SECRET_ACCESS_KEY", "LD_LIBRARY_PATH", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, CANARY)
    code = (
        "import json, os\n"
        "print(json.dumps({'apiVersion': 'v1', 'kind': 'A', 'metadata': {'name': 'a'}, 'seen': sorted(os.environ)}))"
    )
    (done,) = run(tmp_path, code).manifests
    assert done["seen"] == sorted(
        {
            "ALL_PROXY", "FLOTILLA_APPLICATION", "FLOTILLA_NAMESPACE", "FLOTILLA_VALUES", "GOMAXPROCS", "HOME",
            "HTTPS_PROXY", "HTTP_PROXY", "LC_ALL", "PATH", "TMPDIR",
        }
    )  # fmt: skip


@pytest.mark.parametrize("link", ["/etc/passwd", "../../outside", "a.yaml", "."])
def test_a_link_in_the_folder_is_refused(tmp_path: Path, marker: Path, link: str) -> None:
    with pytest.raises(SymlinkRefusedError):
        run(tmp_path, f"open({str(marker)!r}, 'w')", files={**FILES, "app/link": ("120000", link)})


WRITES = """
import os
for attempt in (
    lambda: open("a.yaml", "a"), lambda: open("new", "w"), lambda: os.remove("a.yaml"), lambda: os.mkdir("new"),
    lambda: os.rename("a.yaml", os.environ["TMPDIR"] + "/a"), lambda: os.chmod("a.yaml", 0o777),
    lambda: os.symlink("/etc/passwd", "link"), lambda: os.link("a.yaml", os.environ["TMPDIR"] + "/b"),
    lambda: os.truncate("a.yaml", 0), lambda: open("../new", "w"), lambda: os.chown(".", os.getuid(), os.getuid()),
):
    try:
        attempt()
    except OSError:
        continue
    raise SystemExit("it wrote")
open(os.environ["TMPDIR"] + "/own", "w").write("x")
print(open("a.yaml").read())
"""


def test_it_writes_to_its_scratch_folder_and_never_to_the_tree(tmp_path: Path) -> None:
    assert run(tmp_path, WRITES).manifests[0]["metadata"]["name"] == "a"


def test_nothing_of_one_run_is_there_in_the_next(tmp_path: Path) -> None:
    code = "import os, sys; os.path.exists('/tmp/kept') and sys.exit('kept'); d = os.environ['TMPDIR']\n"
    code += f"len(os.listdir(d)) > 1 and sys.exit('kept'); open(d + '/kept', 'w'); print({OBJECT % 'a'!r})"
    before = set(Path("/tmp").glob("flotilla-*"))  # noqa: S108 - where scratch folders are made
    for values in ({"a": 1}, {"a": 2}):
        assert run(tmp_path, code, values=values).manifests
    assert set(Path("/tmp").glob("flotilla-command-*")) <= before  # noqa: S108
    assert set(Path("/tmp").glob("flotilla-tree-*")) <= before  # noqa: S108


def test_it_reads_no_file_of_the_worker(tmp_path: Path) -> None:
    """Neither the hub's key, nor credentials, nor other scratch folders; whatever it is that runs."""
    key, credentials = tmp_path / "hub.key", tmp_path / "credentials"
    credentials.mkdir()
    for path in (key, credentials / "eu-1"):
        path.write_text(CANARY)
        path.chmod(0o644)
    tried = [str(key), str(credentials / "eu-1"), str(tmp_path / "commands.yaml"), f"/proc/{os.getpid()}/environ"]
    tried += ["/proc/self/environ", "/etc/passwd", f"../../../../..{key}"]
    code = (
        f"for path in {tried}:\n    try:\n        print('read', open(path).read())\n    except OSError:\n        pass\n"
    )
    assert run(tmp_path, f"{code}print({OBJECT % 'a'!r})").manifests[0]["metadata"]["name"] == "a"


def test_a_command_that_was_taken_over_can_do_nothing_beyond_its_scratch_folder(tmp_path: Path) -> None:
    if layers.held().missing:
        pytest.skip("this machine has not every layer")
    outside = tmp_path / "outside"
    outside.write_text(CANARY)
    targets = {
        "worker": os.getpid(), "secrets": [str(outside)], "outside": str(outside), "port": 1, "socket": "/nowhere",
        "abstract": "nowhere", "only": [], "programs": ["/bin/sh", "/bin/true"],
    }  # fmt: skip
    code = f"import os, sys; os.chdir(os.environ['TMPDIR']); sys.argv = ['x', {json.dumps(json.dumps(targets))}]\n"
    told_by_exit = "sys.exit(f'could {could or None}') or ("
    with pytest.raises(ToolFailedError, match="could None"):
        run(tmp_path, code + HOSTILE.replace("sys.stdout.write(", told_by_exit))
    assert outside.read_text() == CANARY


THREADS = """
import hashlib, threading
data = bytes(1 << 24)
def work():
    while True:
        hashlib.sha256(data).digest()
for _ in range(3):
    threading.Thread(target=work).start()
"""
"""All of them count: on two processors and more, they use up the bound in less than its time."""


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("while True: pass", ToolBoundsError),
        ("import time; time.sleep(60)", ToolLateError),
        ("import signal, time\nsignal.signal(15, signal.SIG_IGN)\nsignal.signal(24, signal.SIG_IGN)\ntime.sleep(60)",
         ToolLateError),
        (THREADS, ToolBoundsError),
        ("import sys\nwhile True: sys.stdout.write('a: 1\\n' * 1000)", ToolBoundsError),
        ("import sys\nwhile True: sys.stderr.write('a: 1\\n' * 1000)", FlotillaError),
        ("x = bytearray(1 << 30)", FlotillaError),
        ("import os\nwhile True: os.fork()", ToolFailedError),
        ("import os\nos.posix_spawn('/bin/sh', ['sh'], {})", ToolFailedError),
        ("import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", FlotillaError),
    ],
    ids=["loop", "hang", "deaf", "threads", "output", "words", "memory", "fork bomb", "child", "stack"],
)  # fmt: skip
def test_a_command_without_end_ends_within_its_bounds(tmp_path: Path, code: str, error: type[FlotillaError]) -> None:
    began = time.monotonic()
    bounds = replace(BOUNDS, wall=timedelta(seconds=1)) if error is ToolLateError else BOUNDS
    with pytest.raises(error) as caught:
        run(tmp_path, code, bounds=bounds)
    assert time.monotonic() - began < 15
    assert len(str(caught.value)) < 2_000
    assert code not in processes(), "a process outlived it"


def processes() -> list[str]:
    """Return the last argument of every process: of the commands here, their code."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().rstrip(b"\0").rpartition(b"\0")[2].decode(errors="replace"))
    return found


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join(['*' + chr(ord(name) - 1)] * 9)}]" for name in "bcdefghij"
)


@pytest.mark.parametrize(
    "code",
    [
        f"print({BOMB!r})",
        "print('[' * 100_000 + ']' * 100_000)",
        "print('{' + '\"a\":{' * 5000 + '}' * 5001)",
        "import sys; sys.stdout.buffer.write(bytes(range(256)) * 10)",
        "print('!!python/object/apply:os.system [\"id\"]')",
        "print('a' * 3_900_000)",
        f"print({OBJECT % 'a'!r} + 'data: {{a: ' + 'x' * 3_500_000 + '}}')",
    ],
    ids=["aliases", "depth", "json depth", "bytes", "tag", "long", "object"],
)
def test_what_it_prints_is_foreign_text(tmp_path: Path, code: str) -> None:
    began = time.monotonic()
    with pytest.raises((RenderError, ManifestTooLargeError, ToolBoundsError)) as caught:
        run(tmp_path, code)
    assert time.monotonic() - began < 20
    assert len(str(caught.value)) < 4_000
    assert MANIFEST_LIMITS.max_depth == 100


def test_its_words_are_cut_and_hold_no_secret(tmp_path: Path) -> None:
    code = "import json, sys; sys.exit('x' * 100_000 + json.load(sys.stdin)['values']['password'])"
    with pytest.raises(ToolFailedError) as caught:
        run(tmp_path, code, values={"password": CANARY})
    assert not leaks(told(caught.value))
    assert len(caught.value.message) < 1_000


@pytest.mark.parametrize("strictness", list(Strictness))
def test_it_is_not_run_where_it_cannot_be_confined(
    tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch, strictness: Strictness
) -> None:
    """Not even where the operator renders everything else without a sandbox."""
    monkeypatch.setattr(layers, "held", lambda: Held(frozenset()))
    file = commands_file(tmp_path, mine=python(f"open({str(marker)!r}, 'w')"))
    bounds: Bounds = replace(BOUNDS, strictness=strictness)
    renderers = Renderers(RenderCache(tmp_path / "cache"), commands=file, bounds=bounds)
    request = RenderRequest.at("app", RenderSettings("command", {"name": "mine"}))
    tree = memory_tree(FILES)
    with pytest.raises(SandboxMissingError):
        renderers.render(lambda _: tree, request, renderers.resolve(tree, request))


def test_it_is_this_python(tmp_path: Path) -> None:
    """What these attacks run is really run, and by what the file says."""
    done = run(tmp_path, f"import sys; print({OBJECT!r} % 'a' + 'data: {{p: ' + sys.executable + '}}')")
    assert done.manifests[0]["data"] == {"p": sys.executable}
