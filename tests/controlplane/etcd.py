"""Takes clusters back to how they were after their start, by their keys in etcd."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import httpx

BATCH = 100
"""Deletes in one transaction; etcd's own bound is 128."""


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


class Keys:
    """The keys of one cluster.

    Args:
        url: of etcd, whose JSON gateway is used.
        prefix: the cluster's.
    """

    def __init__(self, url: str, prefix: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)
        self._first = prefix.encode()
        self._last = self._first[:-1] + bytes([self._first[-1] + 1])

    def all(self) -> frozenset[bytes]:
        """Return every key there is."""
        wanted = {"key": _encoded(self._first), "range_end": _encoded(self._last), "keys_only": True}
        found: list[dict[str, str]] = self._post("range", wanted).get("kvs", [])
        return frozenset(base64.b64decode(entry["key"]) for entry in found)

    def delete(self, keys: Iterable[bytes]) -> None:
        """Delete keys; API servers see it as they see any other delete."""
        doomed = [{"requestDeleteRange": {"key": _encoded(key)}} for key in keys]
        for start in range(0, len(doomed), BATCH):
            self._post("txn", {"success": doomed[start : start + BATCH]})

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/v3/kv/{what}", json=body)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
