"""The api says whether it serves, and on what; whoever else answers on its port proves nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from common.settings import Settings
from common.store.engine.session import open_database
from common.store.engine.upgrade import upgrade
from console.listening import AddressError, PortInUseError, listen
from tests.fixtures.ports import free_port


def api(home: Path, port: int) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOTILLA_")}
    env |= {"FLOTILLA_HOME": str(home), "FLOTILLA_API_PORT": str(port)}
    argv = (sys.executable, "-m", "console.api", "--ready-file", str(home / "ready"))
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    database = open_database(Settings(home=tmp_path))
    upgrade(database)
    database.dispose()
    return tmp_path


@pytest.mark.parametrize("port", [0, None])
def test_the_address_is_told_once_it_is_served(home: Path, port: int | None) -> None:
    wanted = free_port() if port is None else port
    with api(home, wanted) as process:
        try:
            until = time.monotonic() + 60
            while not (home / "ready").exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            address = (home / "ready").read_text()
            assert httpx.get(f"{address}/healthz").is_success
            assert address.startswith("http://127.0.0.1:")
            assert not wanted or address.endswith(f":{wanted}")
        finally:
            process.terminate()


def test_a_port_that_somebody_else_answers_on_is_an_error(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with api(home, port) as process:
            printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert printed.splitlines()[-2:] == [
        f"error: port {port} on 127.0.0.1 is in use by another program",
        "End that program, or set FLOTILLA_API_PORT to a port that is free.",
    ]
    assert not (home / "ready").exists()


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_hub_whose_port_is_taken_starts_nothing(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        home = tmp_path / ".flotilla" / "demo"
        env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        env |= {"FLOTILLA_HOME": str(home), "FLOTILLA_API_PORT": str(port)}
        argv = (sys.executable, "-m", "console.cli.main", command)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: port {port} on 127.0.0.1 is in use by another program\n" in done.stderr
    assert list((home / "log").iterdir()) == []


def test_a_name_is_listened_on_at_all_its_addresses() -> None:
    sockets = listen("localhost", 0)
    assert len({each.getsockname()[1] for each in sockets}) == 1
    assert {each.getsockname()[0] for each in sockets} <= {"127.0.0.1", "::1"}
    with pytest.raises(PortInUseError):
        listen("127.0.0.1", sockets[0].getsockname()[1])
    for each in sockets:
        each.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_here_is_told(host: str) -> None:
    with pytest.raises(AddressError, match=f"cannot listen on {host}, port 7780: "):
        listen(host, 7780)
