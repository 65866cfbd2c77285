"""A short value that changes when somebody changes an object, and not when its status moves.

Where the generation counts (it is non-zero), it says that the spec changed; elsewhere the managedFields entries other
than those of ``status`` do. The labels and annotations that we apply are added, since a generation does not count them.
"""

from __future__ import annotations

import hashlib

import msgspec

from workers.sync.errors import GarbageError
from workers.sync.live import LiveMeta, ManagedFields


class _OurMetadata(msgspec.Struct, frozen=True):
    labels: dict[str, msgspec.Raw] = msgspec.field(name="f:labels", default_factory=dict)
    annotations: dict[str, msgspec.Raw] = msgspec.field(name="f:annotations", default_factory=dict)


class _OurFields(msgspec.Struct, frozen=True):
    metadata: _OurMetadata = msgspec.field(name="f:metadata", default=_OurMetadata())


_DECODER: msgspec.json.Decoder[_OurFields] = msgspec.json.Decoder(_OurFields)


def fingerprint(meta: LiveMeta) -> str:
    """Return 64 hex digits over what identifies the state of an object that others might have changed.

    Raises:
        GarbageError: its managedFields are none.
    """
    parts: list[bytes] = [meta.uid.encode()]
    if meta.generation:
        parts.append(str(meta.generation).encode())
    else:
        parts += sorted(_entry(entry) for entry in meta.managed_fields or () if entry.subresource != "status")
    ours = meta.our_fields
    if ours is not None:
        keys = _decoded(ours).metadata
        parts += _values("label", keys.labels, meta.labels or {})
        parts += _values("annotation", keys.annotations, meta.annotations or {})
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _decoded(ours: ManagedFields) -> _OurFields:
    try:
        return _DECODER.decode(ours.fields)
    except (msgspec.DecodeError, RecursionError) as error:
        message = "the cluster sent managedFields that are none"
        raise GarbageError(message) from error


def _entry(entry: ManagedFields) -> bytes:
    return b"|".join((entry.manager.encode(), entry.operation.encode(), entry.time.encode(), bytes(entry.fields)))


def _values(what: str, keys: dict[str, msgspec.Raw], values: dict[str, str]) -> list[bytes]:
    names = sorted(key[2:] for key in keys if key.startswith("f:"))
    return [f"{what}:{name}={values.get(name)!r}".encode() for name in names]
