"""Reads and writes the keys of one cluster in etcd, behind its API server."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

BATCH = 100
"""Operations in one transaction; etcd's own bound is 128."""


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


class Keys:
    """The keys of one cluster; API servers see changes here as they see any others.

    Args:
        url: of etcd, whose JSON gateway is used.
        prefix: the cluster's.
    """

    def __init__(self, url: str, prefix: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)
        first = prefix.encode()
        self._range = {"key": _encoded(first), "range_end": _encoded(first[:-1] + bytes([first[-1] + 1]))}

    def revisions(self) -> dict[bytes, int]:
        """Return when each key was last written, in etcd's count of writes."""
        found = self._post("range", {**self._range, "keys_only": True}).get("kvs", [])
        return {base64.b64decode(entry["key"]): int(entry["mod_revision"]) for entry in found}

    def values(self) -> dict[bytes, bytes]:
        """Return every key with its value."""
        found = self._post("range", self._range).get("kvs", [])
        return {base64.b64decode(entry["key"]): base64.b64decode(entry["value"]) for entry in found}

    def delete(self, keys: Iterable[bytes]) -> None:
        """Delete keys."""
        self._write({key: {"requestDeleteRange": {"key": _encoded(key)}} for key in keys})

    def put(self, values: Mapping[bytes, bytes]) -> dict[bytes, int]:
        """Write keys, whether they are there or not, and return when each was written."""
        return self._write(
            {k: {"requestPut": {"key": _encoded(k), "value": _encoded(value)}} for k, value in values.items()}
        )

    def _write(self, operations: Mapping[bytes, dict[str, Any]]) -> dict[bytes, int]:
        keys = tuple(operations)
        written: dict[bytes, int] = {}
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            answer = self._post("txn", {"success": [operations[key] for key in batch]})
            written.update(dict.fromkeys(batch, int(answer["header"]["revision"])))
        return written

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/v3/kv/{what}", json=body)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
