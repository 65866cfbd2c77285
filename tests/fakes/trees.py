"""Trees in memory, for tests of renderers and footprints: the same Tree over a dictionary of objects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from common.sources.objects import FILE, FOLDER, Item
from common.sources.trees import Tree, TreeLimits

Content = str | bytes | tuple[str, str]
"""A file's content, or a mode and a content (``("120000", "target")``)."""


class MemoryStore:
    """Objects by id; counts what is read."""

    def __init__(self) -> None:
        self.trees: dict[str, dict[str, Item]] = {}
        self.blobs: dict[str, bytes] = {}
        self.read: list[str] = []

    def tree(self, oid: str) -> dict[str, Item]:
        return self.trees[oid]

    def sizes(self, oids: Sequence[str]) -> list[int]:
        return [len(self.blobs[oid]) for oid in oids]

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        self.read += oids
        return [self.blobs[oid] for oid in oids]

    def add_blob(self, content: bytes) -> str:
        oid = hashlib.sha1(b"blob" + content).hexdigest()  # noqa: S324  # as git names objects
        self.blobs[oid] = content
        return oid

    def add_tree(self, items: Mapping[str, Item]) -> str:
        ordered = dict(sorted(items.items()))
        oid = hashlib.sha1(repr(ordered).encode()).hexdigest()  # noqa: S324  # as git names objects
        self.trees[oid] = ordered
        return oid


def memory_tree(files: Mapping[str, Content], limits: TreeLimits | None = None) -> Tree:
    """Return a tree that holds ``files`` by path."""
    store = MemoryStore()
    return Tree("https://git.example.com/app", "c" * 40, _folder(store, files), store, limits or TreeLimits())


def _folder(store: MemoryStore, files: Mapping[str, Content]) -> str:
    items: dict[str, Item] = {}
    below: dict[str, dict[str, Content]] = {}
    for path, content in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = content
            continue
        mode, text = content if isinstance(content, tuple) else (FILE, content)
        items[name] = Item(name, mode, store.add_blob(text if isinstance(text, bytes) else text.encode()))
    for name, inner in below.items():
        items[name] = Item(name, FOLDER, _folder(store, inner))
    return store.add_tree(items)
