"""The API's Unix socket for commands on the same machine: made, watched, and made again where its file vanishes."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from common.domain.foreign import said
from common.telemetry.logs import logger
from console.processes.home import LONGEST_SOCKET

log = logger(__name__)
_BACKLOG = 128


class LocalSocket:
    """The socket file that this user's commands connect to.

    Commands do without it where there is none: they run the application themselves, at the cost of its imports. A
    socket at which another process answers is left to that process.

    Args:
        path: of the file. Its folder is made where it is missing, and is its owner's alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: tuple[int, int, int] | None = None
        self._told = ""

    def missing(self) -> bool:
        """Return whether the file is not there, or is another one than was made here last."""
        return self._file is None or _file_at(self._path) != self._file

    def made(self) -> socket.socket | None:
        """Return a listening socket at the path; None where there can be none, which is logged once for each reason."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if self._bound(made):
                return made
        except OSError as error:
            self._tell("api.no_socket", said(error))
        made.close()
        return None

    def close(self) -> None:
        """Remove the file, if it is the one that was made here."""
        if not self.missing():
            with suppress(OSError):
                self._path.unlink()
        self._file = None

    def _bound(self, made: socket.socket) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Who may pass the folder may connect; the token is asked for all the same.
        self._path.parent.chmod(0o700)
        if answers(self._path):
            self._tell("api.socket_taken", "another process answers there")
            return False
        with suppress(FileNotFoundError):
            self._path.unlink()
        made.bind(str(self._path))
        os.chmod(self._path, 0o600)
        made.listen(_BACKLOG)
        again = self._file is not None
        self._file, self._told = _file_at(self._path), ""
        if again:
            log.warning("api.socket_made_again", path=str(self._path))
        return True

    def _tell(self, event: str, why: str) -> None:
        if self._told != why:
            log.warning(event, path=str(self._path), why=why)
        self._told = why


def why_none(path: Path) -> tuple[str, str]:
    """Return what keeps an API of this user from listening at ``path``, and what to do; both empty if nothing does."""
    over = len(os.fsencode(path)) - LONGEST_SOCKET
    if over > 0:
        return f"{path} is {over} bytes too long for a Unix socket", "Give FLOTILLA_HOME a shorter path."
    folder = path.parent
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        return said(error), f"See that {folder} is a folder of your own."
    if not folder.is_dir():
        return f"{folder} is no folder", "Remove it; the API makes the folder."
    if owner != os.geteuid():
        return f"{folder} belongs to another user", "Give it to the user that runs the hub (chown), or remove it."
    return "", ""


def answers(path: Path) -> bool:
    """Return whether a process listens at ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _file_at(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    # the number of a removed file is soon another's, which was not made at the same time
    return found.st_dev, found.st_ino, found.st_mtime_ns
