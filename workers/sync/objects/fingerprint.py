"""A short value that changes when somebody changes an object, and not when its status moves.

Where the generation counts (it is non-zero), it says that the spec changed; elsewhere the managedFields entries other
than those of ``status`` do. The labels and annotations that we apply are added, since a generation does not count them.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from workers.sync.errors import GarbageError
from workers.sync.objects.live import LiveMeta, ManagedFields


class _OurMetadata(msgspec.Struct, frozen=True):
    labels: dict[str, msgspec.Raw] = msgspec.field(name="f:labels", default_factory=dict)
    annotations: dict[str, msgspec.Raw] = msgspec.field(name="f:annotations", default_factory=dict)


class _OurFields(msgspec.Struct, frozen=True):
    metadata: _OurMetadata = msgspec.field(name="f:metadata", default=_OurMetadata())


_DECODER: msgspec.json.Decoder[_OurFields] = msgspec.json.Decoder(_OurFields)


_KEYED = "k"
"""What a fingerprint under a key begins with; no hex digit."""


def fingerprint(meta: LiveMeta, key: bytes = b"") -> str:
    """Return 64 characters over what identifies the state of an object that others might have changed.

    Args:
        meta: of the object.
        key: of an HMAC, where labels or annotations may hold a secret; empty for a plain digest.

    Raises:
        GarbageError: its managedFields are none.
    """
    parts = b"\0".join(_parts(meta))
    if key:
        return f"{_KEYED}{hmac.new(key, parts, 'sha256').hexdigest()[1:]}"
    return hashlib.sha256(parts).hexdigest()


def fingerprint_like(known: str, meta: LiveMeta, key: bytes) -> str:
    """Return the fingerprint of an object in the form of the one that is known of it."""
    return fingerprint(meta, key if known.startswith(_KEYED) else b"")


def _parts(meta: LiveMeta) -> list[bytes]:
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
    return parts


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
