"""Reads and writes the part of the tar format that manifests and charts need, and refuses the rest by name. Pure.

Format: POSIX.1-2017 ``pax`` with its ``ustar`` blocks, and GNU's long names. The standard library's reader is not used:
it takes sparse files, whose few bytes stand for gigabytes, and reads extended headers by patterns that an archive can
make slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from common.sources.artifacts.faults import ArchiveBrokenError, ArchiveEntryError

_BLOCK = 512
_LONGEST_EXTENSION = 1 << 16
_LONGEST_NAME = 100
_BEFORE_POSIX = b"\0"
"""A file, or a folder where the name ends with a slash: there was no type of its own for folders."""
_FILES = frozenset({b"0", _BEFORE_POSIX})
_FOLDER = b"5"
_EXTENDED, _GLOBAL, _LONG_NAME = b"x", b"g", b"L"
_NAMES = {
    # one reader takes it for a folder, the other for a file
    b"0": "a file whose name ends as a folder's does",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"K": "a link with a long target",
    b"S": "a sparse file",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One file or folder of a tar; ``name`` is as the archive spells it."""

    name: str
    is_file: bool
    content: memoryview


@dataclass(frozen=True, slots=True)
class _Header:
    kind: bytes
    name: bytes
    size: int


def members(content: bytes | bytearray) -> Iterator[Member]:
    """Yield the files and folders of a tar in order, without judging their names.

    Raises:
        ArchiveBrokenError: it is no tar, or damaged.
        ArchiveEntryError: it holds a link, a device, a sparse file or the like.
    """
    view = memoryview(content)
    at, told = 0, _Told()
    while True:
        header = _header(view[at : at + _BLOCK])
        if header is None:
            return
        at += _BLOCK
        size = header.size
        if told.size is not None and header.kind not in {_EXTENDED, _GLOBAL, _LONG_NAME}:
            size = told.size
        body = view[at : at + size]
        if len(body) != size:
            _refuse("it ends within a file")
        at += -(-size // _BLOCK) * _BLOCK
        if header.kind in {_EXTENDED, _GLOBAL, _LONG_NAME}:
            told = _extended(told, header.kind, body)
            continue
        name = _text(told.name if told.name is not None else header.name)
        told = _Told()
        ends_as_folder = name.endswith("/")
        if header.kind == _FOLDER or (header.kind == _BEFORE_POSIX and ends_as_folder):
            yield Member(name, is_file=False, content=view[:0])
        elif header.kind in _FILES and not ends_as_folder:
            yield Member(name, is_file=True, content=body)
        else:
            what = _NAMES.get(header.kind, f"an entry of type {header.kind!r}")
            message = f"the archive's {name[:200]!r} is {what}"
            raise ArchiveEntryError(message, remedy="Build the archive from plain files and folders.")


def written(files: Mapping[str, bytes | memoryview]) -> bytes:
    """Return a tar of plain files in their order, which ``members`` reads as just these; the same for the same files.

    Args:
        files: contents by path; a path holds no NUL.
    """
    parts: list[bytes | memoryview] = []
    for name, content in files.items():
        raw = name.encode()
        if len(raw) > _LONGEST_NAME or not raw.isascii():
            record = _record(b"path", raw)
            parts += (_block(b"pax", _EXTENDED, len(record)), record, _padding(len(record)))
        parts += (_block(raw[:_LONGEST_NAME], b"0", len(content)), content, _padding(len(content)))
    return b"".join([*parts, bytes(2 * _BLOCK)])


def _block(name: bytes, kind: bytes, size: int) -> bytes:
    """Return a header of POSIX's form, of a file without an owner and a date."""
    before = name.ljust(_LONGEST_NAME, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
    after = (kind + bytes(100) + b"ustar\x0000").ljust(_BLOCK - 156, b"\0")
    return before + b"%06o\0 " % (sum(before) + 8 * ord(" ") + sum(after)) + after


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """Return a line of an extended header; it begins with its own length."""
    line = b" %s=%s\n" % (key, value)
    length = len(line) + len(str(len(line)))
    length = len(line) + len(str(length))  # its own digits may make it longer by one
    return b"%d%s" % (length, line)


@dataclass(frozen=True, slots=True)
class _Told:
    """What extension blocks say of the entry after them."""

    name: bytes | None = None
    size: int | None = None


def _header(block: memoryview) -> _Header | None:
    """Return what a block says; None for the zeros that end an archive, or where it just ends."""
    raw = bytes(block)
    if not raw.strip(b"\0"):
        return None
    if len(raw) != _BLOCK:
        _refuse("it ends within a header")
    if _octal(raw[148:156]) != sum(raw[:148]) + 8 * ord(" ") + sum(raw[156:]):
        _refuse("a header's checksum is wrong")
    name = raw[:100].partition(b"\0")[0]
    prefix = raw[345:500].partition(b"\0")[0] if raw[257:263] == b"ustar\0" else b""
    return _Header(raw[156:157], b"/".join(filter(None, (prefix, name))), _octal(raw[124:136]))


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    if len(text) > len(field) or not text.isdigit() or b"8" in text or b"9" in text:
        _refuse("a header holds no octal number where one belongs")
    return int(text, 8)


def _extended(told: _Told, kind: bytes, body: memoryview) -> _Told:
    if len(body) > _LONGEST_EXTENSION:
        _refuse(f"a header is extended by more than {_LONGEST_EXTENSION:,} bytes")
    raw = bytes(body)
    if kind == _LONG_NAME:
        return _Told(raw.rstrip(b"\0"), told.size)
    records = _records(raw)
    unfit = [key for key in records if key.startswith(b"GNU.sparse") or key == b"linkpath"]
    if unfit or (kind == _GLOBAL and records.keys() & {b"path", b"size"}):
        message = "the archive holds a sparse file, a link, or a name for all its files"
        raise ArchiveEntryError(message, remedy="Build the archive from plain files and folders.")
    if kind == _GLOBAL:
        return told
    size = records.get(b"size")
    if size is not None and (not size.isdigit() or len(size) > 15):
        _refuse("an extended header holds no number where one belongs")
    return _Told(records.get(b"path", told.name), told.size if size is None else int(size))


def _records(raw: bytes) -> dict[bytes, bytes]:
    """Return the ``LENGTH KEY=VALUE`` lines of an extended header; the length counts all of its line."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(raw):
        length, space, _ = raw[at : at + 8].partition(b" ")
        end = at + int(length) if length.isdigit() else 0
        line = raw[at + len(length) + 1 : end]
        key, equals, value = line[:-1].partition(b"=")
        if not (space and equals and line.endswith(b"\n") and end <= len(raw)):
            _refuse("an extended header is malformed")
        found[key] = value
        at = end
    return found


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        _refuse("a name is not UTF-8")


def _refuse(why: str) -> NoReturn:
    message = f"the archive is no tar, or damaged: {why}"
    raise ArchiveBrokenError(message, remedy="Build it again and upload it again.")
