"""What a repository holds at one commit, read without a work tree.

Nothing is followed: a path that leads through a symbolic link or into a submodule is refused, because what it would
show is elsewhere.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from common.sources.faults import (
    FileTooLargeError,
    LfsPointerError,
    PathMissingError,
    SubmoduleRefusedError,
    SymlinkRefusedError,
)
from common.sources.objects import FOLDER, SUBMODULE, SYMLINK, Item

_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = 1024
_MEBIBYTE = 1 << 20
_LONGEST_LINK = 4096
_POINT_ELSEWHERE = "Correct the source's path, or commit what is missing."


class ObjectStore(Protocol):
    """Where objects are read from; ``common.sources.objects.Objects`` is one."""

    def tree(self, oid: str) -> dict[str, Item]:
        """Return a folder's entries by name."""
        ...

    def sizes(self, oids: Sequence[str]) -> list[int]:
        """Return the size of each object in bytes."""
        ...

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """Return each object."""
        ...


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """Bounds of what is read from one tree at once; each breach is a fault.

    Attributes:
        max_file: bytes of one file.
        max_total: bytes of all files read together.
        max_files: files and folders below one path.
        max_depth: folders within folders.
    """

    max_file: int = 8 * _MEBIBYTE
    max_total: int = 64 * _MEBIBYTE
    max_files: int = 100_000
    max_depth: int = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree; ``path`` starts at the repository's root."""

    path: str
    mode: str
    oid: str

    @property
    def is_folder(self) -> bool:
        """Whether it holds other entries."""
        return self.mode == FOLDER

    @property
    def is_link(self) -> bool:
        """Whether what it shows is elsewhere: a symbolic link or a submodule."""
        return self.mode in {SYMLINK, SUBMODULE}


@dataclass(frozen=True, slots=True)
class Tree:
    """A repository at one commit. A value: what it reads never changes.

    Attributes:
        repo: URL, for messages.
        commit: full id.
        root: id of the root tree.
    """

    repo: str
    commit: str
    root: str
    store: ObjectStore = field(repr=False, compare=False)
    limits: TreeLimits = TreeLimits()

    def entry(self, path: str) -> Entry | None:
        """Return what is at ``path``, or None; a link at its very end is returned, not followed.

        Raises:
            SymlinkRefusedError: the path leads through a symbolic link.
            SubmoduleRefusedError: the path leads into a submodule.
        """
        found = Entry(".", FOLDER, self.root)
        for name in [] if path == "." else path.split("/"):
            self._refuse_link(found)
            if not found.is_folder:
                return None
            item = self.store.tree(found.oid).get(name)
            if item is None:
                return None
            found = Entry(name if found.path == "." else f"{found.path}/{name}", item.mode, item.oid)
        return found

    def existing(self, path: str) -> Entry:
        """Return the file or folder at ``path``.

        Raises:
            PathMissingError: there is none.
            SymlinkRefusedError: it is a symbolic link, or reached through one.
            SubmoduleRefusedError: it is a submodule, or is in one.
        """
        found = self.entry(path)
        if found is None:
            message = f"{path} does not exist in {self.repo} at {self.commit[:12]}"
            raise PathMissingError(message, remedy=_POINT_ELSEWHERE)
        self._refuse_link(found)
        return found

    def leads_to_folder(self, entry: Entry) -> bool:
        """Tell whether ``entry`` is a submodule, or a symbolic link to a folder of this tree; no link is followed."""
        if entry.mode != SYMLINK:
            return entry.mode == SUBMODULE
        if self.store.sizes([entry.oid])[0] > _LONGEST_LINK:
            return False
        target = joined(posixpath.dirname(entry.path), self.store.contents([entry.oid])[0].decode(errors="replace"))
        if target.startswith(("..", "/")) or "\0" in target:
            return False
        try:
            found = self.entry(target)
        except (SymlinkRefusedError, SubmoduleRefusedError):
            return True  # through another link: what is there is not looked at
        return found is not None and (found.is_folder or found.is_link)

    def tree_id(self, path: str) -> str:
        """Return the id of the file or folder at ``path``; equal ids mean equal content. Errors as ``existing``."""
        return self.existing(path).oid

    def children(self, path: str) -> tuple[Entry, ...]:
        """Return what is directly in the folder ``path``, by name. Errors as ``existing``."""
        found = self.existing(path)
        prefix = "" if path == "." else f"{path}/"
        items = self.store.tree(found.oid) if found.is_folder else {}
        return tuple(Entry(prefix + item.name, item.mode, item.oid) for _, item in sorted(items.items()))

    def list(self, path: str) -> tuple[Entry, ...]:
        """Return everything below ``path`` but folders, by path; links are listed, not followed.

        Raises:
            PathMissingError: there is no such path.
            FileTooLargeError: it holds too many entries or too many levels.
            SymlinkRefusedError: the path leads through a symbolic link.
            SubmoduleRefusedError: the path leads into a submodule.
        """
        start = self.existing(path)
        found: list[Entry] = []
        for entry in self._below(start, 0) if start.is_folder else iter([start]):
            found.append(entry)
            if len(found) > self.limits.max_files:
                message = f"{path} holds more than {self.limits.max_files:,} files and folders"
                raise FileTooLargeError(message, remedy="Point the source's path at a smaller folder.")
        return tuple(sorted((entry for entry in found if not entry.is_folder), key=lambda entry: entry.path))

    def read(self, path: str) -> bytes:
        """Return the content of one file. Errors as ``read_many``."""
        return self.read_many([path])[path]

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of files by path.

        Raises:
            PathMissingError: a path is missing, or a folder.
            SymlinkRefusedError: a path is a symbolic link, or reached through one.
            SubmoduleRefusedError: a path is in a submodule.
            FileTooLargeError: a file, or all of them together, exceeds the bounds; nothing was read then.
            LfsPointerError: a file's content is in Git LFS.
        """
        entries = [self._file(path) for path in dict.fromkeys(paths)]
        total = 0
        for entry, size in zip(entries, self.store.sizes([entry.oid for entry in entries]), strict=True):
            total += size
            self._check_size(entry, size, total)
        contents = self.store.contents([entry.oid for entry in entries])
        for entry, content in zip(entries, contents, strict=True):
            if len(content) < _LFS_SIZE and content.startswith(_LFS):
                message = f"{entry.path} is a Git LFS pointer; its content is not in the repository"
                raise LfsPointerError(message, remedy="Commit manifests as plain files.")
        return {entry.path: content for entry, content in zip(entries, contents, strict=True)}

    def _file(self, path: str) -> Entry:
        found = self.existing(path)
        if found.is_folder:
            message = f"{path} is a folder in {self.repo}, not a file"
            raise PathMissingError(message, remedy=_POINT_ELSEWHERE)
        return found

    def _check_size(self, entry: Entry, size: int, total: int) -> None:
        if size > self.limits.max_file:
            message = f"{entry.path} has {size:,} bytes; the limit is {self.limits.max_file:,}"
            raise FileTooLargeError(message, remedy="Split the file.")
        if total > self.limits.max_total:
            message = f"the files read together exceed {self.limits.max_total:,} bytes, at {entry.path}"
            raise FileTooLargeError(message, remedy="Split the application.")

    def _below(self, folder: Entry, depth: int) -> Iterator[Entry]:
        if depth > self.limits.max_depth:
            message = f"{folder.path} is nested deeper than {self.limits.max_depth} folders"
            raise FileTooLargeError(message, remedy="Flatten it.")
        prefix = "" if folder.path == "." else f"{folder.path}/"
        for item in self.store.tree(folder.oid).values():
            entry = Entry(prefix + item.name, item.mode, item.oid)
            yield entry  # folders too: a few objects can spell out a billion of them
            if entry.is_folder:
                yield from self._below(entry, depth + 1)

    def _refuse_link(self, entry: Entry) -> None:
        refuse_link(entry)


def refuse_link(entry: Entry) -> None:
    """Return if ``entry`` is a file or folder of this very repository.

    Raises:
        SymlinkRefusedError: it is a symbolic link.
        SubmoduleRefusedError: it is a submodule.
    """
    if entry.mode == SYMLINK:
        message = f"{entry.path} is a symbolic link; links are not followed"
        raise SymlinkRefusedError(message, remedy="Commit the file or folder itself in its place.")
    if entry.mode == SUBMODULE:
        message = f"{entry.path} is a submodule, which is not read"
        remedy = "Set submodules: true on the source, and see that .gitmodules names it; or copy its files."
        raise SubmoduleRefusedError(message, remedy=remedy)


def joined(folder: str, path: str) -> str:
    """Return ``path``, as written in a file of ``folder``, from the root; it may begin with ``..`` when it leaves."""
    return posixpath.normpath(posixpath.join(folder, path))


def source_digest(tree: Tree, footprint: Iterable[str]) -> str:
    """Return the sha256 (hex) over the paths of ``footprint`` and the ids of what is there, in order of path.

    Raises:
        PathMissingError: a path is gone.
        SymlinkRefusedError: a path is a symbolic link, or reached through one.
        SubmoduleRefusedError: a path is in a submodule.
    """
    digest = hashlib.sha256()
    for path in sorted(set(footprint)):
        digest.update(f"{path}\0{tree.tree_id(path)}\n".encode())
    return digest.hexdigest()
