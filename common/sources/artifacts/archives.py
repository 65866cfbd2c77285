"""From a downloaded archive to the files it holds: all in memory, by strict rules. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass

from common.sources.artifacts.faults import ArchiveBombError, ArchiveBrokenError, ArchivePathError
from common.sources.artifacts.tar import Member, members

_MEBIBYTE = 1 << 20
_GZIP = 31
"""What zlib calls a stream with gzip's own head and checksum."""
_STEP = 1 << 16
_RATIO_FROM = _MEBIBYTE
_LONGEST_NAME = 255
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")
_GITS_OWN = re.compile(r"\.git|git~\d+", re.IGNORECASE)
_IGNORED_BY_FILESYSTEMS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_PACK_AGAIN = "Build the archive again from a folder of plain files."


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of one archive; each breach is a fault.

    Attributes:
        max_packed: bytes as downloaded.
        max_unpacked: bytes of the tar, its headers included.
        max_ratio: unpacked over packed bytes, where more than a mebibyte comes out.
        max_file: bytes of one file.
        max_files: files and folders.
        max_depth: folders within folders.
    """

    max_packed: int = 32 * _MEBIBYTE
    max_unpacked: int = 64 * _MEBIBYTE
    max_ratio: int = 200
    max_file: int = 8 * _MEBIBYTE
    max_files: int = 20_000
    max_depth: int = 40


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds paths, for messages.

    Attributes:
        what: it is: ``the archive``.
        remedy: what to do about a path that is not taken.
    """

    what: str
    remedy: str

    @property
    def words(self) -> str:
        """Whose the path is."""
        return f"{self.what}'s"


ARCHIVE = Holder("the archive", _PACK_AGAIN)
Files = dict[str, memoryview]
"""Contents by path."""


def unpack(packed: bytes, limits: ArchiveLimits | None = None) -> Files:
    """Return the files of a gzip-compressed tar by path; folders are those that files are in.

    Raises:
        ArchiveBrokenError: it is no such archive, or damaged.
        ArchiveBombError: it exceeds a bound.
        ArchivePathError: a path is absolute, holds ``..`` or what Git cannot keep, or stands twice.
        ArchiveEntryError: it holds a link, a device or the like.
    """
    limits = limits or ArchiveLimits()
    found: Files = {}
    folders: set[str] = set()
    for count, member in enumerate(members(_unzipped(packed, limits)), start=1):
        if count > limits.max_files:
            message = f"the archive holds more than {limits.max_files:,} files and folders"
            raise ArchiveBombError(message, remedy="Put less into one artifact.")
        path = _checked_path(member, limits)
        parents = parents_of(path)
        folders.update(parents if member.is_file else [*parents, path])
        if member.is_file:
            if path in found:
                message = f"{path} is in the archive twice"
                raise ArchivePathError(message, remedy=_PACK_AGAIN)
            found[path] = member.content
    refuse_both(found, folders, ARCHIVE)
    return found


def without_top_folder(files: Files) -> Files:
    """Return a chart's files from its own folder on: the single one at the top of its archive.

    Raises:
        ArchivePathError: there is not exactly one.
    """
    tops = sorted({path.partition("/")[0] for path in files})
    if len(tops) != 1 or tops[0] in files:
        message = f"a chart's archive holds one folder; this one holds {', '.join(tops)[:200] or 'nothing'}"
        raise ArchivePathError(message, remedy="Build it with helm package.")
    return {path.partition("/")[2]: content for path, content in files.items()}


def _unzipped(packed: bytes, limits: ArchiveLimits) -> bytearray:
    """Return what a gzip file of one or several members holds."""
    ceiling = min(limits.max_unpacked, max(limits.max_ratio * len(packed), _RATIO_FROM))
    out = bytearray()
    at = count = 0
    while at < len(packed):
        count += 1
        if count > limits.max_files:
            message = f"the archive is made of more than {limits.max_files:,} gzip members"
            raise ArchiveBombError(message, remedy=_PACK_AGAIN)
        reader = zlib.decompressobj(_GZIP)
        while not reader.eof:
            piece = packed[at : at + _STEP]
            if not piece:
                message = "the archive ends too early"
                raise ArchiveBrokenError(message, remedy="Upload it again.")
            at += len(piece)
            for part in _inflated(reader, piece):
                out += part
                if len(out) > ceiling:
                    raise _too_much(ceiling, limits)
        at -= len(reader.unused_data)
    return out


def _inflated(reader: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """Yield what a piece of a member gives, a bounded part at a time."""
    try:
        part = reader.decompress(piece, _STEP)
        while part:
            yield part
            # not flush: after the end of a member that gives what follows it twice
            part = b"" if reader.eof else reader.decompress(reader.unconsumed_tail, _STEP)
    except zlib.error as error:
        message = "the archive is not compressed by gzip, or is damaged"
        raise ArchiveBrokenError(message, remedy=_PACK_AGAIN) from error


def _too_much(ceiling: int, limits: ArchiveLimits) -> ArchiveBombError:
    if ceiling < limits.max_unpacked:
        message = f"the archive grows to more than {limits.max_ratio} times its size"
    else:
        message = f"the archive unpacks to more than {limits.max_unpacked:,} bytes"
    return ArchiveBombError(message, remedy="Put less into one artifact.")


def _checked_path(member: Member, limits: ArchiveLimits) -> str:
    """Return a member's path without ``./`` before it and slashes after it; empty for the root folder."""
    name = member.name
    parts = [part for part in name.split("/") if part != "."]
    while not member.is_file and parts and not parts[-1]:
        parts.pop()
    if name.startswith("/") or (member.is_file and not parts):
        raise _unfit(name, ARCHIVE)
    check_steps(parts, ARCHIVE, limits)
    if len(member.content) > limits.max_file:
        message = f"{name[:200]!r} has {len(member.content):,} bytes; the limit is {limits.max_file:,}"
        raise ArchiveBombError(message, remedy="Split the file.")
    return "/".join(parts)


def check_steps(parts: Sequence[str], holder: Holder, limits: ArchiveLimits) -> None:
    """Return if the steps of a path may be kept: none leads out, and Git takes all of them.

    Raises:
        ArchivePathError: they may not.
        ArchiveBombError: there are too many.
    """
    path = "/".join(parts)
    if _UNFIT.search(path) or ".." in parts or "." in parts or "" in parts:
        raise _unfit(path, holder)
    for part in parts:
        if _GITS_OWN.fullmatch(_IGNORED_BY_FILESYSTEMS.sub("", part).rstrip(". ")) or len(part) > _LONGEST_NAME:
            message = f"{holder.words} path {path[:200]!r} cannot be kept in Git"
            raise ArchivePathError(message, remedy="Leave Git's own folders out, and use shorter names.")
    if len(parts) > limits.max_depth:
        message = f"{holder.words} path {path[:200]!r} is nested deeper than {limits.max_depth} folders"
        raise ArchiveBombError(message, remedy="Flatten it.")


def parents_of(path: str) -> list[str]:
    """Return the folders that a path is in."""
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


def refuse_both(files: Collection[str], folders: Set[str], holder: Holder) -> None:
    """Return if nothing is a file and a folder.

    Raises:
        ArchivePathError: something is.
    """
    both = sorted(folders & set(files))
    if both:
        message = f"{both[0]} is a file and a folder of {holder.what}"
        raise ArchivePathError(message, remedy=holder.remedy)


def _unfit(name: str, holder: Holder) -> ArchivePathError:
    message = f"{holder.words} path {name[:200]!r} is absolute, leads out of it, or is not plain"
    return ArchivePathError(message, remedy=holder.remedy)
