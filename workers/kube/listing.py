"""Pages of LISTs: metadata decoded into structs, whole objects into mappings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from workers.sync.objects.depth import shallow, trimmed
from workers.sync.objects.live import LiveMeta

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some objects, and the token that continues; empty at the end."""

    items: tuple[T, ...]
    token: str


class _ListMeta(msgspec.Struct, frozen=True):
    token: str | None = msgspec.field(name="continue", default="")


class _Item(msgspec.Struct, frozen=True):
    metadata: LiveMeta


class _MetadataList(msgspec.Struct, frozen=True):
    kind: str
    metadata: _ListMeta
    items: list[_Item] | None


class _ObjectList(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None


_METADATA: msgspec.json.Decoder[_MetadataList] = msgspec.json.Decoder(_MetadataList)
_OBJECTS: msgspec.json.Decoder[_ObjectList] = msgspec.json.Decoder(_ObjectList)
_ITEM: msgspec.json.Decoder[_Item] = msgspec.json.Decoder(_Item)


def decode_metadata(body: bytes) -> Page[LiveMeta]:
    """Return a page of a metadata LIST; what nests too deep in it is empty.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    found = _read(_METADATA, body)
    if found.kind != "PartialObjectMetadataList":
        message = f"a {found.kind} where metadata was asked for"
        raise msgspec.ValidationError(message)
    return Page(tuple(each.metadata for each in found.items or ()), found.metadata.token or "")


def decode_objects(body: bytes) -> Page[dict[str, Any]]:
    """Return a page of a LIST; objects are decoded one by one, so that other threads come in between.

    What nests too deep in one of them is empty: one tenant wrote it, and all tenants share the page.

    Raises:
        msgspec.DecodeError: it is no list, or one of its items has no metadata as objects have it.
        GarbageError: one of its items is no object.
    """
    found = _read(_OBJECTS, body)
    return Page(tuple(_object(bytes(each)) for each in found.items or ()), found.metadata.token or "")


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except RecursionError:
        return decoder.decode(trimmed(body))


def _object(raw: bytes) -> dict[str, Any]:
    """Return one item whose metadata is sound: by it objects are told apart."""
    body = shallow(raw)
    if not _ITEM.decode(raw).metadata.name:
        message = "an object without a name"
        raise msgspec.ValidationError(message)
    return body
