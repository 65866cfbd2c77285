"""A home folder belongs to the one hub that runs in it, and to nobody once that is gone, however it went."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.processes import home as homes
from console.processes.home import HomeInUseError, HomePathError, hold_home

HOLDER = """\
import subprocess, sys
from pathlib import Path
from console.processes.home import hold_home
with hold_home(Path(sys.argv[1])) as held:
    if sys.argv[2:]:
        subprocess.Popen(sys.argv[2:], pass_fds=(held,), stdin=subprocess.PIPE)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(home: Path, *child: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds ``home``, and a child of it that inherits that."""
    argv = (sys.executable, "-c", HOLDER, str(home), *child)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_one_is_told_which_process_runs(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "hub") as other:
        with pytest.raises(HomeInUseError) as raised, hold_home(tmp_path / "hub"):
            pass
        assert raised.value.message == f"a hub runs in {tmp_path / 'hub'} (process {other.pid})"
        assert other.poll() is None


def test_homes_are_held_apart(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "hub"), hold_home(tmp_path / "another"):
        pass


def test_it_is_free_once_the_first_has_ended(tmp_path: Path) -> None:
    with hold_home(tmp_path / "hub"):
        pass
    with hold_home(tmp_path / "hub"):
        pass


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "hub") as other:
        other.kill()
        other.wait()
        with hold_home(tmp_path / "hub"):
            pass


def test_what_a_killed_one_left_behind_is_waited_for(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "hub", "sleep", "0.5") as other:
        other.kill()
        other.wait()
        with hold_home(tmp_path / "hub"):
            pass


def test_what_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "LEFT_BEHIND", 0.2)
    with held_elsewhere(tmp_path / "hub", "sleep", "2") as other:
        other.kill()
        other.wait()
        with (
            pytest.raises(HomeInUseError, match="processes of a hub that was killed still run in"),
            hold_home(tmp_path / "hub"),
        ):
            pass


def test_a_path_too_long_for_sockets_is_told_before_anything_is_made(tmp_path: Path) -> None:
    longest = tmp_path / ("x" * (107 - len(f"{tmp_path}//run/broker.sock")))
    with hold_home(longest):
        pass
    with pytest.raises(HomePathError, match="1 bytes too long"), hold_home(Path(f"{longest}x")):
        pass
    assert not Path(f"{longest}x").exists()
