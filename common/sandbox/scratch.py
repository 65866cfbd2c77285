"""Folders that confined programs write in, and their removal: what is in one was made by a stranger."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from itertools import islice
from types import TracebackType

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_ONCE = 1_024
"""Entries of a folder that are looked at before the next: there may be millions."""


class ScratchFolder:
    """A fresh folder of mode 0700; gone after ``cleanup``, or at the end of the block.

    The standard library removes its temporary folders by a function that calls itself for each level: a program that
    nests folders deep enough would keep what it wrote on the machine, and what was decrypted for it.

    Args:
        prefix: of its name.
        place: where it is made; None for the usual place.

    Attributes:
        name: its path.
    """

    def __init__(self, prefix: str, *, place: str | None = None) -> None:
        self.name = tempfile.mkdtemp(prefix=prefix, dir=place)

    def __enter__(self) -> str:
        """Return its path."""
        return self.name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        self.cleanup()

    def cleanup(self) -> None:
        """Remove it with all that is in it; nothing where it is gone.

        Raises:
            OSError: something in it cannot be removed.
        """
        with suppress(FileNotFoundError):
            _empty(_opened(self.name))
            os.rmdir(self.name)


def _empty(at: int) -> None:
    """Remove what is in a folder, and close it; one folder is open at a time, however deep they are nested.

    Raises:
        OSError: something cannot be removed, or was moved elsewhere meanwhile.
    """
    way: list[tuple[str, tuple[int, int]]] = []
    try:
        while True:
            name = _first_folder(at)
            if name is not None:
                way.append((name, _identity(at)))
                at = _entered(at, name)
            elif not way:
                return
            else:
                name, identity = way.pop()
                at = _entered(at, "..")
                if _identity(at) != identity:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), name)
                os.rmdir(name, dir_fd=at)
    finally:
        os.close(at)


def _first_folder(folder: int) -> str | None:
    """Remove what can be, up to the first folder that holds something; return its name, or None where none does."""
    while True:
        with os.scandir(folder) as entries:
            found = list(islice(entries, _AT_ONCE))
        if not found:
            return None
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=folder)
            elif not _removed(entry.name, folder):
                return entry.name


def _removed(name: str, within: int) -> bool:
    """Remove a folder if it is empty; tell whether it was."""
    try:
        os.rmdir(name, dir_fd=within)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


def _identity(folder: int) -> tuple[int, int]:
    said = os.fstat(folder)
    return said.st_dev, said.st_ino


def _entered(folder: int, name: str) -> int:
    """Return the folder of that name, in place of the one that it is in or that is in it, which is closed."""
    found = _opened(name, folder)
    os.close(folder)
    return found


def _opened(name: str, within: int | None = None) -> int:
    """Return a folder, opened, whatever its mode."""
    with suppress(PermissionError):
        return os.open(name, _FOLDER, dir_fd=within)
    place = os.open(name, _PATH, dir_fd=within)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)
    return os.open(name, _FOLDER, dir_fd=within)
