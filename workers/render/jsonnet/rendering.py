"""Jsonnet to manifests: evaluated by a library in another process, on what the program imports and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from common.domain.foreign import further
from common.sources.trees import Tree
from common.yaml import MANIFEST_LIMITS
from workers.render.faults import ManifestTooLargeError, RenderError, ToolFailedError
from workers.render.files import in_memory
from workers.render.jsonnet.imports import JsonnetFootprint
from workers.render.manifests import MOST_MANIFESTS, Output, Reading, Sourced, checked, shape_fault
from workers.render.pool import Owner, RenderProcesses
from workers.render.process import Library
from workers.sync.objects.depth import depth, structure, values

NAME = "jsonnet"
VERSION = version("rjsonnet")
LIBRARY = Library(NAME, Path(__file__).with_name("child.py"), "rjsonnet")
_DEEPEST = 20
_MOST_FAULTS = 20


def render(
    tree: Tree,
    options: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    reads: JsonnetFootprint,
    processes: RenderProcesses,
    project: str,
) -> Output:
    """Return the objects that a program gives, as an object, a list, or either of these by name, however deep.

    Args:
        tree: the repository at a commit.
        options: ``libs``, and ``topLevelArguments`` for a program that is a function.
        values: the placement's: each is an external variable.
        reads: its footprint.
        processes: that hold Jsonnet's library.
        project: whose it is.

    Raises:
        ToolFailedError: the program is wrong, or ends with an error.
        ToolBoundsError: it took too long, too much memory, or gave too much.
        RenderError, EmptyRenderError, ManifestTooLargeError: what came out is not fit to be synced.
        PermanentError: a file cannot be read (``common.sources.faults``).
    """
    texts = tree.read_many(reads.files)
    request = {
        "entry": reads.entry,
        "files": {path: text.decode() for path, text in texts.items()},
        "libs": list(options.get("libs", ())),
        "variables": dict(values),
        "arguments": dict(options.get("topLevelArguments", {})),
    }
    answer = processes.ask(request, what=reads.entry, owner=Owner(project, in_memory(tree)))
    if "error" in answer:
        message, said = f"{reads.entry} cannot be rendered", " ".join(answer["error"].split())[:800]
        raise ToolFailedError(message, said=said, remedy="Correct the files and commit.")
    found: list[Sourced] = []
    faults: list[str] = []
    for place, manifest in _objects(_decoded(answer["value"], reads.entry), ""):
        fault = shape_fault(manifest)
        if fault:
            faults.append(f"{reads.entry}: {place or 'the result'}: {fault}")
        else:
            found.append(Sourced(manifest, f"{reads.entry}{place and ':'}{place}"))
        if len(faults) >= _MOST_FAULTS or len(found) > MOST_MANIFESTS:
            break
    return checked(Reading(tuple(found), tuple(faults)), path=reads.entry)


def _decoded(value: Any, entry: str) -> Any:
    """Return what a program gave, within the bounds that YAML has too.

    Raises:
        ToolFailedError: it is no JSON.
        ManifestTooLargeError: it holds too many values, or nests too deep.
    """
    text = value.encode() if isinstance(value, str) else b""
    bones = structure(text)
    remedy = "Have the program give less, or flatter objects."
    if values(bones) > MANIFEST_LIMITS.max_nodes:
        message = f"{entry} gives more than {MANIFEST_LIMITS.max_nodes:,} values"
        raise ManifestTooLargeError(message, remedy=remedy)
    if depth(text) > MANIFEST_LIMITS.max_depth:
        message = f"{entry} gives something that nests deeper than {MANIFEST_LIMITS.max_depth} levels"
        raise ManifestTooLargeError(message, remedy=remedy)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"{entry} cannot be rendered: what its library gave is no JSON"
        raise ToolFailedError(message, remedy="Correct the files and commit.") from error


def _objects(value: Any, place: str, level: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield each object with the way to it: ``.front[0]``."""
    if level > _DEEPEST:
        raise RenderError([f"{place[:200]}: no object within {_DEEPEST} levels"])
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, further(place, f"[{index}]"), level + 1)
    elif isinstance(value, dict) and "apiVersion" not in value and "kind" not in value:
        for name, item in sorted(value.items()):
            yield from _objects(item, further(place, f".{name}"), level + 1)
    elif value is not None:
        yield place, value
