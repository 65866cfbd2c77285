"""Writes files of a tree where a tool can read them, and nothing but plain files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from common.sources.trees import Tree
from workers.render.faults import DecryptError, EscapeRefusedError
from workers.render.sops import DecryptedTree

_MEMORY = Path("/dev/shm")  # noqa: S108 - no file survives there, and each folder is its owner's alone


def scratch(tree: Tree) -> str | None:
    """Return where temporary folders for files of ``tree`` are made; None for the usual place.

    What was decrypted is written to memory only.

    Raises:
        DecryptError: this machine has no such place.
    """
    if not isinstance(tree, DecryptedTree):
        return None
    place = memory()
    if place is None:
        message = f"decrypted files may be in memory only, and this worker has no {_MEMORY}"
        raise DecryptError(message, remedy="Mount a tmpfs there.")
    return place


def in_memory(tree: Tree) -> bool:
    """Return whether files of ``tree`` may be in memory only.

    Raises:
        DecryptError: as ``scratch``.
    """
    return scratch(tree) is not None


def memory() -> str | None:
    """Return a folder that is in memory; None where this machine has none."""
    return str(_MEMORY) if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None


def parts_of(path: str) -> list[str]:
    """Return the names that a path in a tree consists of.

    Raises:
        EscapeRefusedError: it is not plain.
    """
    parts = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        message = f"{path[:200]!r} is not a path inside the tree"
        raise EscapeRefusedError(message, remedy="Rename the file.")
    return parts


def write_files(root: Path, files: Iterable[tuple[str, bytes | memoryview]]) -> None:
    """Write files below ``root``, read-only.

    Raises:
        EscapeRefusedError: a path is not plain.
    """
    for path, content in files:
        target = root.joinpath(*parts_of(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, stat.S_IRUSR)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
