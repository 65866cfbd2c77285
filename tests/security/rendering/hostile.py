"""A program that has taken over a renderer: tries everything, and prints what it could do as a line of JSON.

It is not one of ours: it stands for code that a tenant got to run inside Kustomize, Helm's library, or an evaluation.
Started by the tests with a JSON of targets in its arguments.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

TARGETS: dict[str, Any] = json.loads(sys.argv[1])
WORKER: int = TARGETS["worker"]
libc = ctypes.CDLL(None, use_errno=True)
IS_X86 = os.uname().machine == "x86_64"


def called(name: str, *arguments: Any) -> int:
    answer: int = getattr(libc, name)(*arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    return answer


def syscall(x86: int, arm: int, *arguments: Any) -> int:
    return called("syscall", x86 if IS_X86 else arm, *arguments)


def write(path: str) -> None:
    with Path(path).open("a") as file:
        file.write("x")


def read(path: str) -> None:
    Path(path).read_bytes()


def connected(family: int, kind: int, address: Any) -> None:
    with socket.socket(family, kind) as client:
        client.settimeout(2)
        client.connect(address)
        client.send(b"x")


def forked() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def executed_in_memory() -> None:
    file = syscall(319, 279, b"x", 0)
    os.write(file, Path(sys.executable).read_bytes())
    os.execve(file, ["x", "-c", "print('executed from memory')"], {})  # noqa: S606 - that is what is tried


def executed_own() -> None:
    """Run a program of its own making; ``main`` tries this last."""
    path = Path("made")
    path.write_bytes(Path(sys.executable).read_bytes())
    path.chmod(0o755)
    os.execv(path, ["made", "-c", "print('executed what it made')"])  # noqa: S606 - that is what is tried


def inherited() -> None:
    """Find an open file that is no stream and was not opened since."""
    found = [number for number in range(3, 256) if _is_open(number)]
    if not found:
        raise OSError(0, "none")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def tries() -> list[tuple[str, Callable[[], Any]]]:
    """Return what is tried, by name."""
    outside, host = TARGETS["outside"], ("127.0.0.1", TARGETS["port"])
    found: list[tuple[str, Callable[[], Any]]] = [("inherited a file", inherited)]
    for path in [
        *TARGETS["secrets"],
        "/etc/passwd",
        "/etc/hostname",
        f"/proc/{WORKER}/environ",
        f"/proc/{WORKER}/maps",
    ]:
        found.append((f"read {path}", partial(read, path)))
    for path in ["/", "/proc", "/etc", "/home", "/tmp", "/dev/shm", os.path.dirname(outside)]:  # noqa: S108
        found.append((f"listed {path}", partial(os.listdir, path)))
    for path in [outside, f"{outside}.new", "/tmp/flotilla-hostile", "/dev/shm/flotilla-hostile", "/var/tmp/x"]:  # noqa: S108
        found.append((f"wrote {path}", partial(write, path)))
    found += [
        ("changed a mode", lambda: os.chmod(outside, 0o777)),  # noqa: S103
        ("changed an owner", lambda: os.chown(outside, os.getuid(), -1)),
        ("changed a time", lambda: os.utime(outside)),
        ("set an attribute", lambda: os.setxattr(outside, "user.x", b"x")),
        ("truncated", lambda: os.truncate(outside, 0)),
        ("removed", lambda: os.unlink(f"{outside}.kept")),
        ("moved out", lambda: os.rename("mine", f"{outside}.moved")),
        ("linked in", lambda: os.link(outside, "linked")),
        ("made a link", lambda: os.symlink(outside, "link")),
        ("made a pipe", lambda: os.mkfifo("pipe")),
        ("watched a folder", lambda: syscall(294, 26, 0)),
        ("took a handle", lambda: syscall(303, 264, -100, outside.encode(), b"\0" * 256, b"\0" * 8, 0)),
        ("connected by TCP", lambda: connected(socket.AF_INET, socket.SOCK_STREAM, host)),
        ("sent by UDP", lambda: connected(socket.AF_INET, socket.SOCK_DGRAM, host)),
        ("connected to a path", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, TARGETS["socket"])),
        ("connected to a name", lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + TARGETS["abstract"])),
        ("made a pair of sockets", socket.socketpair),
        ("asked the kernel's sockets", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        ("set up a ring", lambda: syscall(425, 425, 8, b"\0" * 120)),
        ("signalled the worker", lambda: os.kill(WORKER, 0)),
        ("signalled all", lambda: os.kill(-1, 0)),
        ("signalled by a descriptor", lambda: syscall(434, 434, WORKER, 0)),
        ("queued a signal", lambda: syscall(129, 138, WORKER, 0, b"\0" * 128)),
        ("had the worker signalled", lambda: fcntl.fcntl(1, fcntl.F_SETOWN, WORKER)),
        ("had a thread signalled", lambda: fcntl.fcntl(1, 15, struct.pack("ii", 0, WORKER))),
        ("chose the signal", lambda: fcntl.fcntl(1, 10, signal.SIGKILL)),
        ("held up readers", lambda: fcntl.fcntl(os.open("mine", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK)),
        ("watched its folder", lambda: fcntl.fcntl(os.open(".", os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)),
        ("read the kernel's log", lambda: syscall(103, 116, 10, 0, 0)),
        ("asked for locks of others", lambda: syscall(274, 100, WORKER, b"\0" * 8, b"\0" * 8)),
        ("limited the worker", lambda: resource.prlimit(WORKER, resource.RLIMIT_NOFILE, (3, 3))),
        ("slowed the worker", lambda: os.setpriority(os.PRIO_PROCESS, WORKER, 19)),
        ("pinned the worker", lambda: os.sched_setaffinity(WORKER, {0})),
        ("traced the worker", lambda: called("ptrace", 0x4206, WORKER, None, None)),
        ("read the worker's memory", lambda: syscall(310, 270, WORKER, b"\0" * 16, 1, b"\0" * 16, 1, 0)),
        ("saw the worker's program", lambda: os.readlink(f"/proc/{WORKER}/exe")),
        ("made users of its own", lambda: called("unshare", 0x10000000)),
        ("entered a namespace", lambda: called("setns", 0, 0)),
        ("mounted", lambda: called("mount", b"x", b"/tmp", b"tmpfs", 0, None)),
        ("changed its root", lambda: os.chroot(".")),
        ("became root", lambda: os.setuid(0) if os.getuid() else os.setuid(1)),
        ("shared memory", lambda: syscall(29, 194, 7, 4096, 0o1600)),
        ("used a key ring", lambda: syscall(250, 219, 0, -3, 1)),
        ("loaded a filter", lambda: syscall(321, 280, 0, b"\0" * 128, 128)),
        ("counted events", lambda: syscall(298, 241, b"\0" * 128, 0, -1, -1, 0)),
        ("made a file in memory", lambda: syscall(319, 279, b"x", 0)),
        ("called by other numbers", lambda: called("syscall", 0x40000000 + 39) if IS_X86 else called("syscall", 9999)),
        ("called what is new", lambda: called("syscall", 463, 0, 0, 0, 0, 0, 0)),
        ("forked", forked),
        ("spawned", lambda: os.posix_spawn("/bin/true", ["true"], {})),
        ("raised its limits", lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 50, 1 << 50))),
    ]
    return found


def main() -> None:
    """Try everything, programs last: who becomes another one gives no answer."""
    write("mine")
    could = []
    for name, attempt in tries():
        if TARGETS["only"] and name not in TARGETS["only"]:
            continue
        try:
            attempt()
        except (OSError, ValueError):
            continue
        could.append(name)
    made = (executed_in_memory, executed_own) if TARGETS["programs"] else ()
    for last in (*made, *TARGETS["programs"]):
        try:
            last() if callable(last) else os.execv(last, [last])  # noqa: S606 - that is what is tried
        except OSError:
            continue
    sys.stdout.write(json.dumps({"version": could}) + "\n")


main()
