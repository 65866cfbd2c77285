"""Submodules of a repository, read as folders of its tree where an application asks for them.

Nothing is cloned: what ``.gitmodules`` names is mirrored like every other source when a path leads into it. It is asked
without credentials, but for a repository of the very server that the credentials are for.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from common.single_flight import SingleFlight
from common.sources.faults import SubmoduleRefusedError
from common.sources.objects import FOLDER, SUBMODULE, Item
from common.sources.trees import ObjectStore, Tree

Allowed = Callable[[str], bool]
"""Whether a repository may be read, by its URL."""
MODULES = ".gitmodules"
DEEPEST = 5
"""Submodules within submodules."""
MOST = 200
"""Submodules that one repository names."""
PATIENCE = timedelta(minutes=10)
"""Longest that a thread waits for another that opens the same submodule; its fetch has a bound of its own."""
_SECTION, _PATH, _URL = "submodule.", ".path", ".url"


@dataclass(frozen=True, slots=True)
class Module:
    """A submodule: the commit that the tree holds at its path, and where that is to be had."""

    path: str
    url: str
    commit: str


def declared(entries: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the URL by path of each submodule, from the settings of a ``.gitmodules`` file; the last word counts."""
    paths: dict[str, str] = {}
    urls: dict[str, str] = {}
    for key, value in entries:
        for ending, found in ((_PATH, paths), (_URL, urls)):
            if key.startswith(_SECTION) and key.endswith(ending):
                found[key.removeprefix(_SECTION).removesuffix(ending)] = value
    return {posixpath.normpath(paths[name]): urls[name] for name in paths.keys() & urls.keys()}


def absolute(url: str, parent: str) -> str:
    """Return a submodule's URL; one that begins with ``./`` or ``../`` is relative to its parent's, as in Git.

    Raises:
        SubmoduleRefusedError: it leads above the parent's server.
    """
    if not url.startswith(("./", "../")):
        return url
    scp = "://" not in parent
    head, _, path = parent.partition(":") if scp else ("", "", urlsplit(parent).path)
    steps = [step for step in path.split("/") if step]
    for step in url.split("/"):
        if step == ".." and not steps:
            message = f"the submodule {url} leads above {parent}"
            raise SubmoduleRefusedError(message, remedy="Correct its URL in .gitmodules.")
        if step == "..":
            steps.pop()
        elif step not in {"", "."}:
            steps.append(step)
    if scp:
        return f"{head}:{'/'.join(steps)}"
    return urlunsplit(urlsplit(parent)._replace(path="/" + "/".join(steps)))


class WithSubmodules:
    """The objects of a repository in whose folders submodules are folders too. Safe to use from several threads.

    Args:
        base: the repository's own objects.
        modules: by the commit that stands for each in the tree.
        open_tree: opens a submodule; called when a path first leads into it.
    """

    def __init__(self, base: ObjectStore, modules: Mapping[str, Module], open_tree: Callable[[Module], Tree]) -> None:
        self._base = base
        self._modules = modules
        self._open_tree = open_tree
        self._opened: dict[str, Tree] = {}
        self._owners: dict[str, ObjectStore] = {}
        self._lock = threading.Lock()
        self._openings = SingleFlight[str, Tree]("opening a submodule", patience=PATIENCE)

    def tree(self, oid: str) -> dict[str, Item]:
        """Return a folder's entries by name; raises as the store that has it, and as opening a submodule."""
        if oid in self._modules:
            tree = self._tree(self._modules[oid])
            return self._of(tree.store, tree.root)
        owner = self._owners.get(oid)
        if owner is not None:
            return self._of(owner, oid)
        found = self._base.tree(oid)
        links = {name: item for name, item in found.items() if item.mode == SUBMODULE and item.oid in self._modules}
        return found | {name: Item(name, FOLDER, item.oid) for name, item in links.items()} if links else found

    def sizes(self, oids: Sequence[str]) -> list[int]:
        """Return the size of each object in bytes."""
        return [size for store, each in self._by_owner(oids) for size in store.sizes(each)]

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """Return each object."""
        return [content for store, each in self._by_owner(oids) for content in store.contents(each)]

    def _tree(self, module: Module) -> Tree:
        with self._lock:
            known = self._opened.get(module.commit)
        if known is not None:
            return known
        opened = self._openings.run(module.commit, lambda: self._open_tree(module))
        with self._lock:
            return self._opened.setdefault(module.commit, opened)

    def _of(self, store: ObjectStore, oid: str) -> dict[str, Item]:
        """Return the entries of a folder of a submodule, and remember whose they are."""
        found = store.tree(oid)
        with self._lock:
            self._owners.update((item.oid, store) for item in found.values())
        return found

    def _by_owner(self, oids: Sequence[str]) -> list[tuple[ObjectStore, list[str]]]:
        """Return the ids in their order, those that follow each other and have one owner together."""
        runs: list[tuple[ObjectStore, list[str]]] = []
        for oid in oids:
            store = self._owners.get(oid, self._base)
            if runs and runs[-1][0] is store:
                runs[-1][1].append(oid)
            else:
                runs.append((store, [oid]))
        return runs
