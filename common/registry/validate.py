"""Reads a registry from a folder: what a pull-request check looks at."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from common.domain.errors import PermanentError
from common.registry.faults import Fault, FaultScope
from common.registry.ignore import FILE, is_registry_file, wanted
from common.registry.parse import parse
from common.yaml import REGISTRY_LIMITS

_MOST_FILES = 100_000


class FolderError(PermanentError):
    """The folder to validate cannot be read."""

    code = "registry.folder"


def read_directory(root: Path) -> tuple[dict[str, bytes], tuple[Fault, ...]]:
    """Return the registry files under ``root`` by path, and a fault for each that is no ordinary file.

    Links are not followed, so nothing outside ``root`` is read; hidden files and folders, and what the ignore file
    names, are left out. Of a file over the size limit only so much is read as shows that it is.

    Raises:
        FolderError: ``root`` is not a folder that can be read, or holds too many files.
    """
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    try:
        found = {}
        for count, (path, name) in enumerate(_walk(root)):
            if count >= _MOST_FILES:
                what, remedy = f"{root} holds more than {_MOST_FILES:,} files", "name the registry's own folder"
                raise FolderError(what, remedy=remedy)
            found[name] = path
        for name in wanted(found, _content(found[FILE]) if FILE in found else None):
            content = _content(found[name])
            if content is None:
                faults.append(_not_a_file(name))
            else:
                files[name] = content
    except OSError as error:
        what, remedy = f"{root} cannot be read: {error.strerror}", "name a folder that you may read"
        raise FolderError(what, remedy=remedy) from error
    return files, tuple(faults)


def validate_directory(root: Path) -> tuple[Fault, ...]:
    """Return every fault and notice of the registry in folder ``root``, by file and line; empty when it is in order.

    Raises:
        FolderError: the folder cannot be read.
    """
    files, faults = read_directory(root)
    parsed = parse(files)
    return tuple(sorted({*faults, *parsed.faults, *parsed.notices}))


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    def stop(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, onerror=stop, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            relative = path.relative_to(root).as_posix()
            if is_registry_file(relative) or relative == FILE:
                yield path, relative


def _content(path: Path) -> bytes | None:
    """Return a file's bytes, or None for a link, pipe, socket or device, none of which is opened."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(REGISTRY_LIMITS.max_bytes + 1)


def _not_a_file(name: str) -> Fault:
    return Fault(name, 1, "not an ordinary file", "put the document itself here, not a link", FaultScope.KEEPS)
