"""Manifests as they are: YAML and JSON files of a folder, in order of path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, ClassVar

from common.sources.trees import Entry, Tree, refuse_link
from workers.render.faults import RenderError
from workers.render.manifests import Output, checked, joined, reading
from workers.render.protocol import Age, Loans, Machine, Need, Place, numbers
from workers.render.request import RenderRequest

NAME = "plain"
VERSION = "2"
"""Counts up whenever equal files would render to other manifests."""
_SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Files:
    """A footprint.

    Attributes:
        path: the folder, or one file.
        files: to be read below it.
    """

    path: str
    files: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """All of it. An empty footprint would be equal for all that is empty: the folder stands for it."""
        return self.files or (self.path,)


class PlainRenderer:
    """See ``workers.render.protocol.Renderer``."""

    name: ClassVar[str] = NAME
    needs: ClassVar[frozenset[Need]] = frozenset()
    detected: ClassVar[bool] = True

    def __init__(self, machine: Machine) -> None:
        """Take nothing: it needs no tool."""

    @classmethod
    def detects(cls, _place: Place) -> bool:
        """Return True: whatever no other renderer is for."""
        return True

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> Files:
        """Return the files that are taken; raises as the function of that name."""
        return Files(path, footprint(tree, path, options))

    def version(self, _options: Mapping[str, Any]) -> str:
        """Return ours."""
        return VERSION

    def render(self, tree: Tree, reads: Files, _request: RenderRequest, _loans: Loans) -> Output:
        """Return the objects of the files; raises as the function of that name."""
        return render(tree, reads.path, reads.files)

    def supersedes(self, version: str, _age: Age, _options: Mapping[str, Any]) -> bool:
        """Return whether this is newer."""
        return numbers(VERSION) > numbers(version)

    def cures(self, _error_code: str, _options: Mapping[str, Any]) -> bool:
        """Return False: nothing can be missing."""
        return False

    def close(self) -> None:
        """Hold nothing."""


def footprint(tree: Tree, path: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files to read below ``path``, in order.

    Args:
        tree: the repository at a commit.
        path: a folder, or one file.
        options: ``include`` and ``exclude``, patterns from ``path``; ``*`` matches within one name, ``**`` over
            folders; exclude wins. Without include: every YAML and JSON file.

    Raises:
        SymlinkRefusedError, SubmoduleRefusedError: ``path`` holds such a thing that would be a manifest or a folder of
            them, and exclude does not name it: leaving it out in silence would remove what it holds from the cluster.
        RenderError: a folder below has a kustomization of its own.
        PathMissingError: there is no such path.
    """
    include, exclude = options.get("include", ()), options.get("exclude", ())
    found = []
    for entry in tree.list(path):
        name = _below(entry, path)
        if any(_matches(name, glob) for glob in exclude):
            continue
        if not (any(_matches(name, glob) for glob in include) if include else name.endswith(_SUFFIXES)):
            if tree.leads_to_folder(entry):
                refuse_link(entry)
            continue
        refuse_link(entry)
        if name.rpartition("/")[2] in KUSTOMIZATION_NAMES:
            fault = f"{entry.path}:1: a kustomization among plain manifests"
            raise RenderError([fault], remedy="Point the source's path at its folder, or exclude it.")
        found.append(entry.path)
    return tuple(found)


def render(tree: Tree, path: str, files: Sequence[str]) -> Output:
    """Return the objects of ``files``, a footprint, as kubectl reads them.

    Raises:
        RenderError: with every fault of every file.
        EmptyRenderError: there is no object.
        ManifestTooLargeError, FileTooLargeError: a bound is exceeded.
        LfsPointerError: a file's content is not in the repository.
    """
    contents = tree.read_many(files)
    return checked(joined(reading(contents[file], file) for file in files), path=path)


def _below(entry: Entry, path: str) -> str:
    if entry.path == path:
        return path.rpartition("/")[2]
    return entry.path if path == "." else entry.path[len(path) + 1 :]


def _matches(name: str, glob: str) -> bool:
    """Tell whether a pattern takes a path; by segments, so that no pattern takes long on any path."""
    names, globs = name.split("/"), glob.split("/")

    @cache
    def rest(at: int, pattern: int) -> bool:
        if pattern == len(globs):
            return at == len(names)
        if globs[pattern] == "**":
            return rest(at, pattern + 1) or (at < len(names) and rest(at + 1, pattern))
        return at < len(names) and fnmatchcase(names[at], _plain(globs[pattern])) and rest(at + 1, pattern + 1)

    return rest(0, 0)


def _plain(segment: str) -> str:
    return segment.replace("[", "[[]").replace("?", "[?]")
