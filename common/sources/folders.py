"""A folder on disk read as a Tree, so that an operator sees what a worker would see once it is committed.

Nothing is followed and nothing outside is read, as in Git. Files are there as they are, committed or not.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from common.domain.errors import PermanentError
from common.sources.objects import EXECUTABLE, FILE, FOLDER, SUBMODULE, SYMLINK, Item
from common.sources.trees import Tree

_GIT = ".git"
_COMMIT = "working tree"


class FolderUnreadableError(PermanentError):
    """A folder or file of the working tree cannot be read."""

    code = "source.folder"


class FolderObjects:
    """Files and folders below ``root``. An object's id is its path: it names nothing beyond this one look.

    Args:
        root: an absolute path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def tree(self, oid: str) -> dict[str, Item]:
        """Return the entries of the folder at path ``oid`` by name; what Git does not keep is left out.

        Raises:
            FolderUnreadableError: it cannot be listed.
        """
        found: dict[str, Item] = {}
        try:
            with os.scandir(self._root / oid) as entries:
                for entry in entries:
                    mode = _mode(Path(entry.path), entry.stat(follow_symlinks=False).st_mode)
                    if mode and entry.name != _GIT:
                        path = entry.name if oid == "." else f"{oid}/{entry.name}"
                        found[entry.name] = Item(entry.name, mode, path)
        except OSError as error:
            raise _unreadable(self._root / oid, error) from error
        return dict(sorted(found.items()))

    def sizes(self, oids: Sequence[str]) -> list[int]:
        """Return the size in bytes of each file.

        Raises:
            FolderUnreadableError: one cannot be read.
        """
        return [self._size(oid) for oid in oids]

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """Return each file; the caller has checked the sizes.

        Raises:
            FolderUnreadableError: one cannot be read.
        """
        return [self._content(oid) for oid in oids]

    def _size(self, oid: str) -> int:
        try:
            return (self._root / oid).lstat().st_size
        except OSError as error:
            raise _unreadable(self._root / oid, error) from error

    def _content(self, oid: str) -> bytes:
        try:
            if (self._root / oid).is_symlink():
                return os.fsencode(os.readlink(self._root / oid))  # what Git keeps of a link
            descriptor = os.open(self._root / oid, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                return file.read()
        except OSError as error:
            raise _unreadable(self._root / oid, error) from error


def folder_tree(folder: Path) -> tuple[Tree, str]:
    """Return the working tree that ``folder`` is in, and the folder's path in it (``.`` for its root).

    Inside a Git repository the tree is the whole repository, so that a file may name others beside the folder;
    elsewhere it is the folder alone.

    Raises:
        FolderUnreadableError: there is no such folder.
    """
    # Not resolved: a link within the repository is refused when the tree is read, as a worker would refuse it.
    path = Path(os.path.abspath(folder))
    if not path.is_dir():
        message = f"{folder} is not a folder"
        raise FolderUnreadableError(message, remedy="Name the folder that the application's source would name.")
    root = next((above for above in (path, *path.parents) if (above / _GIT).exists()), path)
    return Tree(str(root), _COMMIT, ".", FolderObjects(root)), path.relative_to(root).as_posix()


def _mode(path: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return SYMLINK
    if stat.S_ISDIR(mode):
        return SUBMODULE if (path / _GIT).exists() else FOLDER
    if not stat.S_ISREG(mode):
        return ""
    return EXECUTABLE if mode & stat.S_IXUSR else FILE


def _unreadable(path: Path, error: OSError) -> FolderUnreadableError:
    return FolderUnreadableError(f"{path} cannot be read: {error.strerror}", remedy="See that you may read it.")
