"""Which build of a command is on this machine: a version for people, and a digest of all that it consists of."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import orjson

from common.sandbox.launch import Strictness, View
from common.sandbox.scratch import ScratchFolder
from workers.render import sandbox
from workers.render.command.allowed import Command, refuse_writable
from workers.render.faults import RendererMissingError, ToolFailedError

_NUMBERS = re.compile(rb"\d{1,6}(?:\.\d{1,6}){0,2}")
_MOST_FILES = 10_000
_CHUNK = 1 << 20
_SHOWN = 32
"""Hex digits of the digest: with the version it fits where identities are stored."""
_State = tuple[str, int, int, int]


def identity(command: Command) -> str:
    """Return ``VERSION+DIGEST``: what the operator or the program says, and 32 hex digits of a sha256.

    The digest covers the program, what it may read besides, its arguments and variables, and what it says its version
    is. It is computed again where a file was changed; a file's place counts, and its times do not.

    Raises:
        RendererMissingError: the program, or what it reads, is missing, or others could write to it.
        ToolFailedError, ToolBoundsError: it does not tell its version.
        SandboxMissingError, NotStartedError: as ``common.sandbox.launch``.
    """
    try:
        files = tuple(_files(command))
        said = b""
        if command.version_arguments:
            said = _said(command.path, command.version_arguments, _hash(files[0]))
        parts = {
            "program": [[state[0], _hash(state)] for state in files],
            "arguments": command.arguments,
            "environment": dict(command.environment),
            "said": hashlib.sha256(said).hexdigest(),
        }
    except OSError as error:
        message = f"the command {command.name} cannot be used on this worker: {error.strerror or error}"
        raise RendererMissingError(message, remedy="Its operator installs it, or corrects its entry.") from error
    numbers = _NUMBERS.search(said)
    if command.version_arguments and numbers is None and not command.version:
        message = f"the command {command.name} does not tell its version"
        raise ToolFailedError(message, remedy="Its operator gives `version` in its entry.")
    version = command.version or (numbers[0].decode() if numbers else "0")
    digest = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{version}+{digest[:_SHOWN]}"


def _files(command: Command) -> Iterator[_State]:
    """Yield the program, and every file that it may read besides, each with what tells whether it was changed.

    Raises:
        OSError: one is missing, others could write to it, or there are too many.
    """
    count = 0
    for place in (Path(command.path), *command.reads):
        refuse_writable(place)
        for path in _below(place):
            refuse_writable(path)
            state = path.stat()
            count += 1
            if count > _MOST_FILES:
                message = f"it reads more than {_MOST_FILES:,} files"
                raise OSError(0, message)
            yield str(path), state.st_ino, state.st_size, state.st_mtime_ns


def _below(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names))


@lru_cache(maxsize=2 * _MOST_FILES)
def _hash(state: _State) -> str:
    """Return the sha256 (hex) of a file that is as ``state`` says."""
    found = hashlib.sha256()
    with open(state[0], "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


@lru_cache(maxsize=256)
def _said(path: str, arguments: tuple[str, ...], _digest: str) -> bytes:
    """Return what a program says of its version, asked once for each build of it."""
    bounds = sandbox.Bounds(output=_CHUNK, strictness=Strictness.STRICT)
    with ScratchFolder("flotilla-version-") as folder:
        return sandbox.run([path, *arguments], folder=Path(folder), what="its version", bounds=bounds, view=View())
