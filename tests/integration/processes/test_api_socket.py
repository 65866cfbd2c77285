"""A running API's socket for commands: there again after somebody cleaned the folder, and no other process's."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from console.client.transports import over_socket
from console.processes.sockets import answers
from tests.harness.api import TOKEN, serving
from tests.harness.processes import eventually

_HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def _asked(path: Path) -> int:
    send = over_socket(path)
    assert send is not None
    return send("GET", "/api/v1/status", _HEADERS, b"").status


def test_the_socket_is_made_again_where_its_file_or_folder_vanished(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as api:
        path = api.home / "run" / "api.sock"
        assert _asked(path) == 200
        path.unlink()
        eventually("the socket again", lambda: answers(path))
        assert _asked(path) == 200
        shutil.rmtree(path.parent)
        eventually("the folder and the socket again", lambda: answers(path))
        assert _asked(path) == 200
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert not path.exists()


def test_another_process_in_its_place_is_left_alone_and_replaced_once_it_ended(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as api:
        path = api.home / "run" / "api.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(tmp_path / "other.sock"))
            other.listen()
            os.replace(tmp_path / "other.sock", path)
            theirs = path.stat().st_mtime_ns
            log = api.home / "api.log"
            eventually("the log to say so", lambda: "api.socket_taken" in log.read_text())
            assert path.stat().st_mtime_ns == theirs
        eventually("the API's own again", lambda: "api.socket_made_again" in log.read_text())
        assert _asked(path) == 200
