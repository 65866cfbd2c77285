"""The home folder of a hub: made, and held by the one hub that runs in it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.domain.errors import PermanentError

LOCK = "hub.lock"
"""Locked while a hub runs, by it and the processes it started; holds the process id of the hub."""
LEFT_BEHIND = 15.0
"""Seconds that processes of a hub that was killed may take to end."""
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path, on Linux."""


class HomeInUseError(PermanentError):
    """Another hub runs in this home folder."""

    code = "home.in-use"


class HomePathError(PermanentError):
    """The home folder's path is too long for the sockets in it."""

    code = "home.path"


def prepare_home(home: Path) -> None:
    """Make the hub's folders, readable by their owner alone, also where they existed before.

    Raises:
        HomePathError: no socket could be made in it.
    """
    length = len(os.fsencode(home / "run" / "broker.sock"))
    if length > LONGEST_SOCKET:
        message = f"the path of {home} is {length - LONGEST_SOCKET} bytes too long for the Unix sockets in it"
        raise HomePathError(message, remedy="Choose a home folder with a shorter path (FLOTILLA_HOME, or --home).")
    for folder in (home, home / "run", home / "log", home / "credentials"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)


@contextmanager
def hold_home(home: Path) -> Iterator[int]:
    """Prepare the home folder and keep every other hub out of it.

    Yields:
        The descriptor that holds it. Processes that work in the home folder inherit it: where the hub is killed, the
        folder is free once they have ended too.

    Raises:
        HomeInUseError: a hub runs in it.
        HomePathError: see ``prepare_home``.
    """
    prepare_home(home)
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, home: Path) -> None:
    until = time.monotonic() + LEFT_BEHIND
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if holder and _lives(holder):
                message = f"a hub runs in {home} (process {holder})"
                raise HomeInUseError(
                    message, remedy="Stop that one, or give this one a home folder of its own (FLOTILLA_HOME, --home)."
                ) from None
            if time.monotonic() > until:
                message = f"processes of a hub that was killed still run in {home}"
                raise HomeInUseError(message, remedy=f"`fuser {home / LOCK}` names them; end them.") from None
            time.sleep(0.1)
        else:
            return


def _holder(descriptor: int) -> int:
    text = os.pread(descriptor, 20, 0)
    return int(text) if text.isdigit() else 0


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
