"""One text for equal manifests: sorted keys, no spaces; so equal inputs have equal digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson


def canonical_bytes(value: Any) -> bytes:
    """Return ``value`` (JSON values only) as canonical JSON.

    Raises:
        TypeError: it holds something that JSON does not, such as an integer of more than 64 bits.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def manifest_digest(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Return the sha256 (hex) over the manifests in their order."""
    return hashlib.sha256(canonical_bytes(list(manifests))).hexdigest()
