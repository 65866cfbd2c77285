"""The API's socket for commands on the same machine: for its own user, taken from no living one, gone at the end."""

from __future__ import annotations

import socket
from pathlib import Path

from console.api.sockets import local_socket


def test_the_socket_is_for_its_owner_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    with local_socket(path) as made:
        assert made is not None
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(path))
    assert not path.exists()


def test_what_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with local_socket(path) as made:
        assert made is not None


def test_one_that_answers_is_left_to_its_process(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    with local_socket(path) as first, local_socket(path) as second:
        assert (first is None, second is None) == (False, True)
        assert path.is_socket()


def test_where_there_can_be_none_the_api_goes_on_without(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with local_socket(tmp_path / "run" / "api.sock") as made:
        assert made is None
    with local_socket(tmp_path / ("x" * 120) / "api.sock") as made:
        assert made is None
