"""Reads the XML in which S3 servers list what is in a bucket. Pure.

No document type is taken, and so no entity of its own; what nests deeper than lists do, or is longer than any list, is
no list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

_DEEPEST = 6
_MOST_NODES = 40_000
"""Of one page: a thousand entries of some twenty elements each."""
_ENTRIES = frozenset({"Contents", "Version", "DeleteMarker"})
_ETAG = re.compile(r'"[!#-~]{1,128}"')
_VERSION = re.compile(r"[\x21-\x7e]{1,1024}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_LONGEST_SIZE = 15
_LONG = re.compile(rb"<[^<]{20000}")
"""A tag, or the text behind one, that is longer than any of a list: the longest holds a key of 1,024 bytes, escaped."""


class ListingError(ValueError):
    """What a server answered is no list of a bucket."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, or one version of it.

    Attributes:
        etag: with its quotes.
        modified: as the server writes it; such texts sort as their instants do.
        version: id of the version; empty in a list of the present.
        deleted: whether this version says that there is no object.
    """

    key: str
    size: int
    etag: str
    modified: str
    version: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        entries: in the server's order.
        more: parameters that ask for the next page; empty on the last.
    """

    entries: tuple[Entry, ...]
    more: Mapping[str, str]


@dataclass(slots=True)
class _Reader:
    """Takes what expat tells, and keeps the texts of the elements that are needed."""

    root: str = ""
    path: list[str] = field(default_factory=list)
    nodes: int = 0
    text: list[str] = field(default_factory=list)
    head: dict[str, str] = field(default_factory=dict)
    entries: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def begin(self, name: str, _: object) -> None:
        self.nodes += 1
        if len(self.path) >= _DEEPEST or self.nodes > _MOST_NODES:
            message = "it is nested or longer than a list"
            raise ListingError(message)
        self.root = self.root or name
        self.path.append(name)
        self.text.clear()
        if len(self.path) == 2 and name in _ENTRIES:
            self.entries.append((name, {}))

    def end(self, name: str) -> None:
        if len(self.path) == 2 and name not in _ENTRIES:
            self.head[name] = "".join(self.text)
        elif len(self.path) == 3 and self.path[1] in _ENTRIES:
            self.entries[-1][1][name] = "".join(self.text)
        self.text.clear()
        self.path.pop()

    def doctype(self, *_: object) -> None:
        message = "it declares a document type"
        raise ListingError(message)


def read_page(content: bytes, roots: Sequence[str]) -> Page:
    """Return a page of ``ListObjectsV2`` or ``ListObjectVersions``, keys as they are.

    Args:
        content: what the server sent.
        roots: names that the document may have.

    Raises:
        ListingError: it is something else.
    """
    if _LONG.search(content):
        message = "a tag or a text in it is longer than a list's"
        raise ListingError(message)
    reader = _Reader()
    parser = expat.ParserCreate("UTF-8")  # what the document says instead may be any codec of Python's
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(content, True)  # noqa: FBT003 - has no keyword
    except expat.ExpatError as error:
        message = f"it is no XML ({expat.errors.messages.get(error.code, 'malformed')})"
        raise ListingError(message) from error
    if reader.root not in roots:
        message = f"it is {reader.root[:80]!r}"
        raise ListingError(message)
    escaped = reader.head.get("EncodingType") == "url"
    entries = tuple(_entry(kind, given, escaped=escaped) for kind, given in reader.entries)
    return Page(entries, _more(reader.head, escaped=escaped))


def _entry(kind: str, given: Mapping[str, str], *, escaped: bool) -> Entry:
    key, modified = _key(given.get("Key", ""), escaped=escaped), given.get("LastModified", "")
    version = given.get("VersionId", "")
    if not key or _INSTANT.fullmatch(modified) is None or (version and _VERSION.fullmatch(version) is None):
        message = "an entry has no key, no instant or no plain version"
        raise ListingError(message)
    if kind == "DeleteMarker":
        return Entry(key, 0, "", modified, version, deleted=True)
    size, etag = given.get("Size", ""), given.get("ETag", "")
    etag = etag if etag.startswith('"') else f'"{etag}"'
    if not (size.isascii() and size.isdigit() and len(size) <= _LONGEST_SIZE) or _ETAG.fullmatch(etag) is None:
        message = "an entry has no size or no plain ETag"
        raise ListingError(message)
    return Entry(key, int(size), etag, modified, version)


def _more(head: Mapping[str, str], *, escaped: bool) -> dict[str, str]:
    if head.get("IsTruncated") != "true":
        return {}
    if head.get("NextContinuationToken"):
        return {"continuation-token": head["NextContinuationToken"]}
    if head.get("NextKeyMarker"):
        after = {"key-marker": _key(head["NextKeyMarker"], escaped=escaped)}
        version = head.get("NextVersionIdMarker", "")
        return {**after, **({"version-id-marker": version} if version else {})}
    message = "it goes on, and does not say where"
    raise ListingError(message)


def _key(text: str, *, escaped: bool) -> str:
    if not escaped:
        return text
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        message = "a key is no UTF-8"
        raise ListingError(message) from error
