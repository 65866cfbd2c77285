"""Rendered manifests of this machine, on disk, by what they were rendered from.

An entry is named by an HMAC over its key, and holds one over its key and its content, checked at each read: what is
damaged, has another key, or was written by somebody without the secret, as a renderer is, counts as absent. So
does what somebody else could have written: entries are files of mode 0600 in folders of mode 0700, both this user's
own, and no link is followed. The longest unused go first when the bound is reached.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from common.domain.reasons import nested
from common.domain.revisions import RendererVersion, digested
from common.domain.status import Reason
from workers.render.canonical import canonical_bytes
from workers.render.manifests import Output, Sourced

_MEBIBYTE = 1 << 20
_CLEAN_EVERY = 64
_DIGEST = 64
_LARGEST_NEAR = _MEBIBYTE


def cache_key(source_digest: str, renderers: Iterable[RendererVersion], inputs: Mapping[str, Any]) -> str:
    """Return what identifies a rendering before substitution: sha256 (hex) over all that shapes it.

    Args:
        source_digest: of the footprint.
        renderers: with their versions.
        inputs: where the sources are, the renderer's settings, and whatever else it is given.
    """
    parts = {"form": 5, "source": source_digest, "renderer": digested(renderers), "inputs": dict(inputs)}
    return hashlib.sha256(canonical_bytes(parts)).hexdigest()


class RenderCache:
    """Rendered manifests by key. Safe to use from several threads and processes of one machine.

    Args:
        root: folder, made when needed, mode 0700.
        max_bytes: of all entries on disk.
        kept: entries, of a mebibyte at most, also kept in memory, for one application on many clusters.
        secret: key of the HMACs, the same for all that share ``root``; without one, only this cache reads what it put.
    """

    def __init__(
        self, root: Path, *, secret: bytes | None = None, max_bytes: int = 512 * _MEBIBYTE, kept: int = 64
    ) -> None:
        self._root = root
        self._secret = secret or secrets.token_bytes(32)
        self._max_bytes = max_bytes
        self._kept = kept
        self._near: OrderedDict[str, Output] = OrderedDict()
        self._lock = threading.Lock()
        self._puts = 0
        self._answers: Counter[str] = Counter()

    @property
    def answers(self) -> dict[str, int]:
        """How often it was asked since it was made, by where the answer lay: ``memory``, ``disk``, or ``none``."""
        with self._lock:
            return dict(self._answers)

    def get(self, key: str) -> Output | None:
        """Return what was put under ``key``, or None; not to be changed."""
        with self._lock:
            near = self._near.get(key)
            if near is not None:
                self._near.move_to_end(key)
                self._answers["memory"] += 1
                return near
        content = self._read(key)
        with self._lock:
            self._answers["none" if content is None else "disk"] += 1
        if content is None:
            return None
        warnings, objects = orjson.loads(content)
        sourced = tuple(Sourced(manifest, origin) for origin, manifest in objects)
        found = Output(sourced, tuple(Reason(each["code"], each["params"]) for each in warnings))
        self._keep(key, found, len(content))
        return found

    def put(self, key: str, output: Output, *, private: bool = False) -> None:
        """Keep ``output``; a full disk is no error, only a cache that forgets. What is private stays in memory."""
        objects = [[item.origin, item.manifest] for item in output.objects]
        content = canonical_bytes([[*map(nested, output.warnings)], objects])
        self._keep(key, output, len(content))
        if private:
            return
        name, entry = self._name(key), self._digest(key, content) + b"\n" + content
        with suppress(OSError):
            try:
                self._write(name, entry)
            except FileNotFoundError:  # of 256 folders; made when there is something for it
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._folder(name).mkdir(mode=0o700, exist_ok=True)
                self._write(name, entry)
        with self._lock:
            self._puts += 1
            due = self._puts % _CLEAN_EVERY == 0
        if due:
            self.clean()

    def clean(self) -> None:
        """Remove the longest unused entries until the rest is within the bound."""
        entries = []
        for path in _files(self._root):
            with suppress(OSError):
                state = path.lstat()
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

    def _name(self, key: str) -> str:
        """Return the name of a file that nobody without the secret can tell."""
        return hmac.digest(self._secret, b"name\n" + key.encode(), "sha256").hex()

    def _digest(self, key: str, content: bytes) -> bytes:
        """Return what an entry begins with; over its key too, so that no entry passes for another."""
        return hmac.digest(self._secret, b"entry\n" + key.encode() + b"\n" + content, "sha256").hex().encode()

    def _folder(self, name: str) -> Path:
        return self._root / name[:2]

    def _write(self, name: str, entry: bytes) -> None:
        with _opened(self._folder(name), repair=True) as folder:
            _write(folder, name, entry)

    def _read(self, key: str) -> bytes | None:
        name = self._name(key)
        with suppress(OSError), _opened(self._folder(name)) as folder:
            text = _text(folder, name, self._max_bytes)
            digest, content = text[:_DIGEST], text[_DIGEST + 1 :]
            if hmac.compare_digest(self._digest(key, content), digest):
                return content
            os.unlink(name, dir_fd=folder)
        return None


@contextmanager
def _opened(path: Path, *, repair: bool = False) -> Iterator[int]:
    """Open a folder of entries that is this user's alone; ``repair`` takes from others what they may do in it.

    Raises:
        OSError: there is none, it is a link, or somebody else could write to it.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if repair and os.fstat(folder).st_uid == os.geteuid():
            os.fchmod(folder, 0o700)
        _refuse_foreign(os.fstat(folder), path)
        yield folder
    finally:
        os.close(folder)


def _refuse_foreign(state: os.stat_result, what: object) -> None:
    if state.st_uid != os.geteuid() or state.st_mode & 0o077:
        message = f"{what} is not this user's alone"
        raise PermissionError(message)


def _text(folder: int, name: str, most: int) -> bytes:
    """Return the content of an entry, and note that it was used; nothing else is ever waited for or followed."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        _refuse_foreign(state, name)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1 or state.st_size > most:
            message = f"{name} is no entry"
            raise PermissionError(message)
        os.utime(descriptor)
        return file.read()


def _write(folder: int, name: str, text: bytes) -> None:
    part = f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        raise


def _files(root: Path) -> Iterator[Path]:
    """Yield what is in the folders of ``root``; through no link."""
    with suppress(OSError):
        for folder in root.iterdir():
            if not folder.is_symlink() and folder.is_dir():
                yield from folder.iterdir()
