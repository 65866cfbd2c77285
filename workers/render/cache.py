"""Rendered manifests of this machine, on disk, by what they were rendered from.

An entry holds the digest of its own content, checked at each read: what is damaged counts as absent. Entries are files
of mode 0600; the longest unused go first when the bound is reached.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from workers.render.canonical import canonical_bytes
from workers.render.manifests import Output, Sourced

_MEBIBYTE = 1 << 20
_CLEAN_EVERY = 64
_DIGEST = 64
_LARGEST_NEAR = _MEBIBYTE


def cache_key(source_digest: str, renderer: str, inputs: Mapping[str, Any]) -> str:
    """Return what identifies a rendering before substitution: sha256 (hex) over all that shapes it.

    Args:
        source_digest: of the footprint.
        renderer: names and versions.
        inputs: where the sources lie, the renderer's settings, and whatever else it is given.
    """
    parts = {"form": 3, "source": source_digest, "renderer": renderer, "inputs": dict(inputs)}
    return hashlib.sha256(canonical_bytes(parts)).hexdigest()


class RenderCache:
    """Safe to use from several threads and processes of one machine.

    Args:
        root: folder, made when needed, mode 0700.
        max_bytes: of all entries on disk.
        kept: entries, of a mebibyte at most, also kept in memory, for one application on many clusters.
    """

    def __init__(self, root: Path, *, max_bytes: int = 512 * _MEBIBYTE, kept: int = 64) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._kept = kept
        self._near: OrderedDict[str, Output] = OrderedDict()
        self._lock = threading.Lock()
        self._puts = 0

    def get(self, key: str) -> Output | None:
        """Return what was put under ``key``, or None; not to be changed."""
        with self._lock:
            near = self._near.get(key)
            if near is not None:
                self._near.move_to_end(key)
                return near
        content = self._read(key)
        if content is None:
            return None
        warnings, objects = orjson.loads(content)
        found = Output(tuple(Sourced(manifest, origin) for origin, manifest in objects), tuple(warnings))
        self._keep(key, found, len(content))
        return found

    def put(self, key: str, output: Output, *, private: bool = False) -> None:
        """Keep ``output``; a full disk is no error, only a cache that forgets. What is private stays in memory."""
        objects = [[item.origin, item.manifest] for item in output.objects]
        content = canonical_bytes([output.warnings, objects])
        self._keep(key, output, len(content))
        if private:
            return
        path = self._path(key)
        part = path.with_name(f".{key}.{secrets.token_hex(4)}")
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        with self._lock:
            self._puts += 1
            due = self._puts % _CLEAN_EVERY == 0
        if due:
            self.clean()

    def clean(self) -> None:
        """Remove the longest unused entries until the rest is within the bound."""
        entries = []
        for path in self._root.glob("*/*"):
            with suppress(OSError):
                state = path.stat()
                entries.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self._max_bytes:
                return
            with suppress(OSError):
                path.unlink()
            total -= size

    def _keep(self, key: str, output: Output, size: int) -> None:
        if size > _LARGEST_NEAR:
            return
        with self._lock:
            self._near[key] = output
            self._near.move_to_end(key)
            while len(self._near) > self._kept:
                self._near.popitem(last=False)

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / key

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            text = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, content = text[:_DIGEST], text[_DIGEST + 1 :]
        if hashlib.sha256(content).hexdigest().encode() != digest:
            with suppress(OSError):
                path.unlink()
            return None
        return content
