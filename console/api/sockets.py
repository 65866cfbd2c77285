"""Where the API listens: its address, and a Unix socket for commands on the same machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.domain.foreign import said
from common.telemetry.logs import logger

log = logger(__name__)
_BACKLOG = 128


@contextmanager
def local_socket(path: Path) -> Iterator[socket.socket | None]:
    """Give a socket that this user's commands may connect to; None where there can be none, which is logged.

    Commands then do without: they run the application themselves, at the cost of its imports. A socket at which
    another process answers is left to it.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mine = False
    try:
        mine = _bound(made, path)
        yield made if mine else None
    finally:
        made.close()
        if mine:
            with suppress(OSError):
                path.unlink()


def _bound(made: socket.socket, path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Who may pass the folder may connect; the token is asked for all the same.
        path.parent.chmod(0o700)
        if _answers(path):
            log.warning("api.socket_taken", path=str(path))
            return False
        with suppress(FileNotFoundError):
            path.unlink()
        made.bind(str(path))
        os.chmod(path, 0o600)
        made.listen(_BACKLOG)
    except OSError as error:
        log.warning("api.no_socket", path=str(path), why=said(error))
        return False
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
