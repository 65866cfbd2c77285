"""The API's socket for commands on the same machine: for its own user, taken from no living one, gone at the end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from common.settings import Settings
from console.cli.doctor import socket_finding
from console.processes.sockets import LocalSocket, answers, why_none


def test_the_socket_is_for_its_owner_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    local = LocalSocket(path)
    made = local.made()
    assert made is not None
    with made:
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
        assert answers(path)
        local.close()
    assert not path.exists()


def test_what_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    made = LocalSocket(path).made()
    assert made is not None
    made.close()


def test_one_that_answers_is_left_to_its_process(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    first, second = LocalSocket(path), LocalSocket(path)
    made = first.made()
    assert made is not None
    with made:
        assert second.made() is None
        second.close()
        assert path.is_socket()


def test_one_that_took_its_place_meanwhile_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    first, second = LocalSocket(path), LocalSocket(path)
    made = first.made()
    assert made is not None
    path.rename(tmp_path / "moved")
    with made, second.made() or made:
        assert first.missing()
        first.close()
        assert path.is_socket()


def test_where_there_can_be_none_the_api_goes_on_without(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    assert LocalSocket(tmp_path / "run" / "api.sock").made() is None
    assert LocalSocket(tmp_path / ("x" * 120) / "api.sock").made() is None


@pytest.mark.parametrize("lost", ["file", "folder"])
def test_what_was_cleaned_away_is_made_again_with_the_same_modes(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "run" / "api.sock"
    local = LocalSocket(path)
    first = local.made()
    assert first is not None
    assert not local.missing()
    path.unlink()
    if lost == "folder":
        path.parent.rmdir()
    assert local.missing()
    second = local.made()
    assert second is not None
    with first, second:
        assert not local.missing()
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
        assert answers(path)


def test_what_keeps_the_socket_away_is_told_with_what_to_do(tmp_path: Path) -> None:
    assert why_none(tmp_path / "run" / "api.sock") == ("", "")
    long, remedy = why_none(tmp_path / ("x" * 120) / "api.sock")
    assert "too long" in long
    assert "FLOTILLA_HOME" in remedy
    (tmp_path / "run").write_text("in the way")
    in_the_way, remedy = why_none(tmp_path / "run" / "api.sock")
    assert "is no folder" in in_the_way
    assert "Remove it" in remedy
    if os.geteuid() != 0:
        assert "another user" in why_none(Path("/etc/api.sock"))[0]


def test_doctor_says_where_commands_ask(tmp_path: Path) -> None:
    config = Settings(home=tmp_path)
    assert "no API answers" in socket_finding(config).detail
    made = LocalSocket(config.api_socket).made()
    assert made is not None
    with made:
        assert socket_finding(config).detail == f"an API answers commands at {config.api_socket}"
    config.api_socket.unlink()
    config.api_socket.parent.rmdir()
    config.api_socket.parent.write_text("in the way")
    found = socket_finding(config)
    assert (found.state, found.remedy) == ("warning", "Remove it; the API makes the folder.")
