"""`flotilla demo` as a new user has it: an empty home, a terminal of 80 columns, and commands to copy."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.ports import free_port

FLOTILLA = Path(sys.executable).with_name("flotilla")
COLUMNS = 80
PATIENCE = 240


class Terminal:
    """A command in a terminal of its own.

    Args:
        argv: the command.
        env: its environment.
    """

    def __init__(self, argv: tuple[str, ...], env: dict[str, str]) -> None:
        self._end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            argv, env=env, cwd="/", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._seen = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # A terminal whose other side is closed ends with an error instead of an empty read.
        try:
            while chunk := os.read(self._end, 4096):
                self._seen += chunk
        except OSError:
            pass

    @property
    def text(self) -> str:
        """What was printed, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._seen.decode()).replace("\r\n", "\n")

    def await_text(self, text: str) -> None:
        eventually(f"{text!r} in\n{self.text}", lambda: text in self.text or self.process.poll() is not None)
        assert text in self.text, self.text

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        self._reader.join(5)
        os.close(self._end)


def eventually(what: str, check: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A new user's: an empty home folder, no Git identity, and settings of another hub that must not matter."""
    return {
        "HOME": str(tmp_path_factory.mktemp("h")),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "FLOTILLA_API_PORT": str(free_port()),
        "FLOTILLA_BROKER_URL": "redis://127.0.0.1:1/0",
        "FLOTILLA_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
    }


@pytest.fixture(scope="module")
def demo(env: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal((str(FLOTILLA), "demo"), env)
    terminal.await_text("Ctrl-C ends everything.")
    yield terminal
    terminal.end()


def home(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".flotilla" / "demo"


def shell(command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as in another terminal, of a person who stands anywhere and has set nothing."""
    return subprocess.run(
        ("bash", "-c", command),
        env={name: env[name] for name in ("HOME", "PATH", "LANG")},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def printed_commands(text: str) -> list[str]:
    """Return the commands of the guide, each as one text that a shell takes."""
    guide = text.split("Its token")[1]
    token = guide.splitlines()[0].strip()
    return [token, *re.findall(r"^ {7}(\S(?:.*\\\n)*.*)$", guide, re.MULTILINE)]


def commits(env: dict[str, str]) -> set[str]:
    """Return the commits that the application `web` runs at."""
    done = shell(f"{home(env)}/flotilla status --all -o json", env)
    placements = json.loads(done.stdout)["placements"]
    return {each["commit"] for each in placements if each["application"] == "web" and each["sync"] == "synced"}


def head(env: dict[str, str]) -> str:
    return shell(f"git -C {home(env)}/git/fleet rev-parse HEAD", env).stdout.strip()


def test_all_that_it_prints_fits_80_columns(demo: Terminal) -> None:
    assert [line for line in demo.text.splitlines() if len(line) > COLUMNS] == []


def test_the_port_that_was_asked_for_is_the_api_s(demo: Terminal, env: dict[str, str]) -> None:
    assert f"  Status page   http://127.0.0.1:{env['FLOTILLA_API_PORT']}/\n" in demo.text


def test_the_commands_work_as_they_are_printed(demo: Terminal, env: dict[str, str]) -> None:
    printed = printed_commands(demo.text)
    assert len(printed) == 11
    before = commits(env)
    for command in printed:
        done = shell(command, env)
        # The guide's own fault, and the cluster that it breaks, make `status` answer no.
        expected = {0, 1} if " status" in command else {0}
        assert done.returncode in expected, f"{command}\n{done.stdout}{done.stderr}"
    assert head(env) not in before
    eventually("the commit on all clusters", lambda: commits(env) == {head(env)})


@pytest.mark.parametrize("arguments", [("demo",), ("up",)])
def test_a_second_hub_in_its_home_ends_at_once(demo: Terminal, env: dict[str, str], arguments: tuple[str, ...]) -> None:
    socket = home(env) / "run" / "broker.sock"
    before = socket.stat().st_ino
    second = {name: value for name, value in env.items() if not name.startswith("FLOTILLA_")}
    second |= {"FLOTILLA_HOME": str(home(env)), "FLOTILLA_API_PORT": str(free_port())}
    done = subprocess.run(
        (FLOTILLA, *arguments), env=second, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"error: a hub runs in {home(env)} (process {demo.process.pid})\n" in done.stderr
    assert done.stdout == ""
    assert socket.stat().st_ino == before
    assert demo.process.poll() is None


def test_a_broker_s_socket_that_vanished_comes_back_and_work_goes_on(demo: Terminal, env: dict[str, str]) -> None:
    (home(env) / "run" / "broker.sock").unlink()
    demo.await_text("broker can no longer be reached; starting it again")
    fleet = home(env) / "git" / "fleet"
    done = shell(
        f"sed -i 's/replicas: .*/replicas: 4/' {fleet}/apps/web/web.yaml; git -C {fleet} commit -qam Four", env
    )
    assert done.returncode == 0, done.stderr
    eventually("the commit on all clusters", lambda: commits(env) == {head(env)})


def test_one_that_was_killed_keeps_nobody_out(demo: Terminal, env: dict[str, str]) -> None:
    demo.process.kill()
    demo.process.wait()
    again = Terminal((str(FLOTILLA), "demo"), env)
    again.await_text("Starting 12 simulated clusters")
    again.end()
    assert again.process.returncode == 0, again.text
