"""The one door by which programs start that work on foreign data: renderers, libraries, evaluations."""

from __future__ import annotations

import os
import platform
import stat
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from common.sandbox.calls import program_for
from common.sandbox.faults import NotStartedError

_LAUNCHER = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import launcher; launcher.main()"
"""Imported, not run by path: what is compiled already starts sooner, and this is done for each rendering."""
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/etc/ld.so.cache")
_TIME_ZONES = ("/etc/localtime", "/usr/share/zoneinfo")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_USERS_FROM = 2_000_000_000
"""Each process gets the user of this number and its own: no other process has it, and no two share one."""
_MEBIBYTE = 1 << 20
_PROGRAM_HEADERS = (("=Q", 32), ("=H", 54), ("=H", 56))
"""Where an ELF file of 64 bits says where its program headers begin, how large each is, and how many there are."""
_NAMES_LOADER = 3


class Strictness(StrEnum):
    """What is done where this machine cannot confine a program."""

    STRICT = "strict"
    """It is not run."""
    WARN = "warn"
    """It is run with what there is; ``doctor``, the log and the metrics say what is missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use, and what must not be missing.

    Attributes:
        memory: bytes of data; Go's runtime takes some 100 MB before it begins.
        cpu: seconds of processor time; 0 for a process that stays, whose requests are timed from outside.
        written: bytes of each file that it writes, output included.
        strictness: see there.
    """

    memory: int
    cpu: int = 0
    written: int = 8 * _MEBIBYTE
    strictness: Strictness = Strictness.STRICT


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a program reads and writes; as ``subprocess.Popen`` takes them."""

    stdin: int | IO[Any] = subprocess.DEVNULL
    stdout: int | IO[Any] = subprocess.DEVNULL
    stderr: int | IO[Any] = subprocess.DEVNULL


@dataclass(frozen=True, slots=True)
class View:
    """What a program works on that it may not write to.

    Attributes:
        reads: files and folders that it may read besides its own, whoever's they are.
        lent: a folder, made for it, that it may read; None for none. Where the program runs as a user of its own, the
            folder becomes that user's, so that it needs to be open to nobody else.
        start: its working directory; None for its own folder.
        variables: of its environment, besides or in place of those that every program gets.
    """

    reads: tuple[Path, ...] = ()
    lent: Path | None = None
    start: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


NOTHING = View()


def launch(
    command: Sequence[str], *, folder: Path, limits: Limits, streams: Streams, view: View = NOTHING
) -> subprocess.Popen[bytes]:
    """Start a program confined, in a session of its own (``os.killpg`` ends it with all that it started).

    It may read ``folder``, what ``view`` shows it, and what programs need to start (libraries, time zones; for Python
    its modules), write to ``folder`` alone, execute itself alone, start threads but no process, open no socket, and
    reach no other process. It inherits no file but the three streams, and ``environment(folder)``. Where this worker is
    root and others may reach the program and what it reads, ``folder`` becomes another user's.

    Args:
        command: absolute path of the program, and its arguments.
        folder: its working directory.
        limits: of the program.
        streams: of the program.
        view: what it works on besides.

    Raises:
        SandboxMissingError: strict, and this machine cannot confine it.
        NotStartedError: it cannot be started.
    """
    if limits.strictness is Strictness.STRICT:
        from common.sandbox.layers import require  # it starts its trial by this module

        require()
    return start(command, folder=folder, limits=limits, streams=streams, view=view)


def start(
    command: Sequence[str], *, folder: Path, limits: Limits, streams: Streams, view: View = NOTHING
) -> subprocess.Popen[bytes]:
    """As ``launch``, whatever this machine was found to be able to; the launcher still refuses where it must."""
    rules = _rules(command[0], folder, view)
    strict = int(limits.strictness is Strictness.STRICT)
    users = _users((command[0], *map(str, view.reads))) if _reachable(folder) else 0
    numbers = f"{limits.memory},{limits.cpu},{limits.written},{users},{strict}"
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, numbers, program_for(platform.machine()).hex()]
    try:
        return subprocess.Popen(
            [*launcher, *rules, "--", *command],
            cwd=view.start or folder,
            env={**environment(folder), **view.variables},
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            start_new_session=True,
        )
    except OSError as error:
        message = f"{command[0]} cannot be started: {error.strerror}"
        raise NotStartedError(message, remedy="See that this worker may start processes.") from error


def environment(folder: Path) -> dict[str, str]:
    """Return the whole environment of a program that works in ``folder``.

    An empty PATH leaves it nothing to start, and proxies that do not exist catch what would still go out.
    """
    nowhere = "http://127.0.0.1:1"
    return {
        "PATH": "/nonexistent",
        "HOME": "/nonexistent",
        "TMPDIR": str(folder),
        "LC_ALL": "C",
        "GOMAXPROCS": "2",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "ALL_PROXY": nowhere,
    }


def _rules(program: str, folder: Path, view: View) -> list[str]:
    """Return what may be used, as the launcher reads it; of two rules for a path both hold."""
    modules = _modules_of(program)
    return [
        f"w{folder}",
        *(f"o{lent}" for lent in (view.lent,) if lent is not None),
        f"x{program}",
        *(f"x{loader}" for loader in _loader(program)),
        *(f"r{path}" for path in (*_LIBRARIES, *_TIME_ZONES, *modules, *view.reads)),
        *(f"d{device}" for device in _DEVICES),
    ]


@lru_cache(maxsize=32)
def _loader(program: str) -> tuple[str, ...]:
    """Return what the kernel executes besides a program to load it: nothing for one that is linked statically."""
    try:
        with open(program, "rb") as file:
            header = file.read(64)
            if header[:5] != b"\x7fELF\x02":
                return ()
            start, size, count = (struct.unpack_from(form, header, at)[0] for form, at in _PROGRAM_HEADERS)
            for number in range(min(count, 64)):
                file.seek(start + number * size)
                kind, _, offset, _, _, length = struct.unpack("=IIQQQQ", file.read(40))
                if kind == _NAMES_LOADER:
                    file.seek(offset)
                    return (file.read(min(length, 4096)).rstrip(b"\0").decode(),)
    except (OSError, struct.error, UnicodeDecodeError):
        pass  # whatever is wrong with it, the kernel says when it is executed
    return ()


@lru_cache(maxsize=32)
def _modules_of(program: str) -> tuple[str, ...]:
    """Return where this Python and what is installed for it are, if ``program`` is this Python."""
    if os.path.realpath(program) != os.path.realpath(sys.executable):
        return ()
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {str(sysconfig.get_config_var("LIBDIR")), f"{sys.prefix}/pyvenv.cfg"}
    return tuple(sorted(found))


@lru_cache(maxsize=32)
def _users(used: tuple[str, ...]) -> int:
    """Return from which number on users are free for programs; 0 where it must run as this process's user."""
    if os.geteuid() != 0:
        return 0
    program = used[0]
    needed = (*used, os.path.realpath(program), *_modules_of(program))
    return _USERS_FROM if all(map(_open_to_all, needed)) else 0


def _open_to_all(path: str) -> bool:
    """Return whether any user may reach and read ``path``."""
    place = Path(os.path.realpath(path))
    if not place.exists():
        return True
    wanted = stat.S_IROTH | (stat.S_IXOTH if place.is_dir() else 0)
    return _reachable(place) and place.stat().st_mode & wanted == wanted


def _reachable(place: Path) -> bool:
    """Return whether any user may go where ``place`` is."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in place.absolute().parents)
