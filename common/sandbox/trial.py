"""Tries to get out of where it was started, and prints what it could do, a word a line, ``end`` last.

Run confined by ``layers``, with what to try in its arguments. Imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import socket
import sys
from collections.abc import Callable

_SEIZE = 0x4206
"""Traces a process without stopping it: where it can be done, it is the worker that asked."""
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Try everything; what is refused raises."""
    outside, parent, port, listener, abstract, network = sys.argv[1:7]
    worker = int(parent)
    tries: list[tuple[str, Callable[[], object]]] = [
        ("read", lambda: _read(outside)),
        ("read", lambda: _read(f"/proc/{worker}/environ")),
        ("read", lambda: os.listdir(os.path.dirname(outside))),
        ("write", lambda: os.close(os.open(outside, os.O_WRONLY | os.O_APPEND))),
        ("write", lambda: os.close(os.open(f"{outside}.new", os.O_WRONLY | os.O_CREAT))),
        ("write", lambda: os.chmod(outside, 0o600)),
        ("socket", lambda: _connect(socket.AF_INET, ("127.0.0.1", int(port)))),
        ("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        ("socket", lambda: _connect(socket.AF_UNIX, listener)),
        ("socket", lambda: _connect(socket.AF_UNIX, f"\0{abstract}")),
        ("signal", lambda: os.kill(worker, 0)),
        ("signal", lambda: resource.prlimit(worker, resource.RLIMIT_CORE)),
        ("signal", lambda: fcntl.fcntl(0, fcntl.F_SETOWN, worker)),
        ("trace", lambda: _called("ptrace", _SEIZE, worker, None, None)),
        ("network", lambda: _same(os.readlink("/proc/self/ns/net"), network)),
        ("process", _fork),
    ]
    for name, attempt in tries:
        try:
            attempt()
        except OSError:
            continue
        _say(name)
    try:
        os.execv("/bin/true", ["true"])  # noqa: S606 - that is what is tried
    except OSError:
        _say("end")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _connect(family: int, address: object) -> None:
    """Count the socket itself as a way out, wherever it leads today."""
    with socket.socket(family) as client:
        client.settimeout(2)
        try:
            client.connect(address)  # type: ignore[arg-type]  # as the family has it
        except OSError:
            return


def _called(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _same(one: str, other: str) -> None:
    if one != other:
        raise OSError(0, "another one")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


if __name__ == "__main__":
    main()
