"""Live objects as the engine reads them: metadata decoded at once, the rest only when asked for.

Most answers of a cluster are looked at for their metadata alone; decoding only that is what keeps a first sync of
thousands of objects cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from common.domain.refs import ObjectId
from workers.sync.objects.depth import mapping
from workers.sync.objects.fieldset import FieldSet, checked

MANAGER = "flotilla"
"""Our field manager."""
_FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as one cluster serves it.

    Attributes:
        resource: its plural name in URLs; empty while only a definition of the same run promises the kind.
        namespaced: whether its objects are in namespaces.
    """

    group: str
    version: str
    kind: str
    resource: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class ManagedFields(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of ``metadata.managedFields``; ``fields`` is FieldsV1 as the API server sent it."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: str = ""
    subresource: str = ""
    fields_type: str = ""
    fields: msgspec.Raw = msgspec.field(name="fieldsV1", default=msgspec.Raw(b"{}"))

    @property
    def ours(self) -> bool:
        """Whether our applies made it."""
        return self.manager == MANAGER and self.operation == "Apply" and not self.subresource

    def decoded(self) -> FieldSet:
        """The field set as nested mappings; errors as ``depth.mapping``, and where a step of it is none."""
        return checked(mapping(bytes(self.fields)))


class LiveMeta(msgspec.Struct, frozen=True, rename="camel"):
    """``metadata`` of a live object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    managed_fields: tuple[ManagedFields, ...] | None = None
    finalizers: tuple[str, ...] | None = None

    @property
    def our_fields(self) -> ManagedFields | None:
        """What our applies own; None when that is nothing."""
        return next((entry for entry in self.managed_fields or () if entry.ours), None)

    @property
    def last_writer(self) -> str:
        """Who wrote to it last besides us, its status included; empty where nobody is named."""
        others = [entry for entry in self.managed_fields or () if not entry.ours]
        return max(others, key=lambda entry: entry.time).manager if others else ""

    @property
    def held_by(self) -> tuple[str, ...]:
        """The finalizers that its deletion waits for; that of a deletion in the foreground is every object's."""
        return tuple(each for each in self.finalizers or () if each != _FOREGROUND)

    @property
    def waits(self) -> str:
        """What a deletion that is under way waits for, as the end of a sentence; empty where nobody holds it."""
        return f", and waits for its finalizers: {', '.join(self.held_by)}" if self.held_by else ""


class _Envelope(msgspec.Struct, frozen=True):
    metadata: LiveMeta


_ENVELOPE: msgspec.json.Decoder[_Envelope] = msgspec.json.Decoder(_Envelope)


class Live:
    """One live object, from the JSON that the API server sent.

    Raises:
        ValueError: it is no JSON object with metadata (msgspec's errors derive from it).
    """

    __slots__ = ("meta", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.meta = _ENVELOPE.decode(raw).metadata

    def body(self) -> dict[str, Any]:
        """Return the whole object, decoded again, so that the caller may change it; errors as ``depth.mapping``."""
        return mapping(self.raw)


def by_id(kind: Kind, objects: Iterable[Mapping[str, Any]]) -> dict[ObjectId, Mapping[str, Any]]:
    """Return the objects of one LIST by their id. Items of a LIST do not say their kind; it is added."""
    own = {"apiVersion": kind.api_version, "kind": kind.kind}
    named = ((each["metadata"].get("namespace", ""), each["metadata"]["name"], each) for each in objects)
    return {ObjectId(kind.group, kind.kind, namespace, name): {**each, **own} for namespace, name, each in named}
