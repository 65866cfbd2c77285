"""Manifests as they are: YAML and JSON files of a folder, in order of path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from common.sources.trees import Entry, Tree, refuse_link
from workers.render.faults import RenderError
from workers.render.manifests import Output, checked, joined, reading

NAME = "plain"
VERSION = "2"
"""Counts up whenever equal files would render to other manifests."""
_SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


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
