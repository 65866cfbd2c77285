"""What a Git generator tells of the folders and files of a checkout."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.yaml import MANIFEST_LIMITS, YamlError, load_documents
from console.importing.argocd.templates import UnexpandedError
from console.importing.words import name_of


def folders_of(files: Iterable[str]) -> list[str]:
    """Return the folders in which files are, without hidden ones."""
    found = {folder for name in files for folder in _above(name)}
    return sorted(folder for folder in found if not any(part.startswith(".") for part in folder.split("/")))


def chosen(folders: Sequence[str], rules: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the folders that a rule takes and none leaves out."""

    def hit(folder: str, *, exclude: bool) -> bool:
        return any(matches(folder, path) for path, out in rules if out is exclude)

    return [folder for folder in folders if hit(folder, exclude=False) and not hit(folder, exclude=True)]


def matches(name: str, pattern: str) -> bool:
    """Return whether a pattern, ``*`` for one segment and ``**`` for any, takes a path."""
    parts, wanted = name.split("/"), pattern.strip("/").split("/")
    if "**" in wanted:
        return fnmatch.fnmatchcase(name, pattern.replace("**", "*"))
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def path_of(folder: str, *, go: bool) -> dict[str, Any]:
    """Return what is told of a folder: under ``path`` for Go's templates, by dotted names for the plain ones."""
    segments = folder.split("/")
    base = segments[-1]
    fields = {"path": folder, "basename": base, "basenameNormalized": name_of(base), "segments": segments}
    if go:
        return {"path": fields}
    flat = {f"path.{key}": value for key, value in fields.items()}
    return {"path": folder, **flat, **{f"path[{n}]": segment for n, segment in enumerate(segments)}}


def contents(name: str, text: bytes) -> list[Mapping[str, Any]]:
    """Return the mappings that a file holds: the parameters of one application each.

    Raises:
        UnexpandedError: it is no YAML.
    """
    try:
        documents = load_documents(text, MANIFEST_LIMITS)
    except YamlError as error:
        raise UnexpandedError(what=f"what is in {name} ({error.faults[0].what})") from error
    found = [
        one
        for document in documents
        for one in (document.value if isinstance(document.value, list) else [document.value])
    ]
    return [one for one in found if isinstance(one, dict)]


def _above(name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
