"""Manifests with where they came from, and the checks that every renderer's output passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.domain.errors import sentences
from common.yaml import MANIFEST_LIMITS, YamlError, YamlLimits, load_documents
from workers.render.canonical import canonical_bytes
from workers.render.faults import EmptyRenderError, ManifestTooLargeError, RenderError

_MEBIBYTE = 1 << 20
FILE_LIMITS: YamlLimits = replace(MANIFEST_LIMITS, max_bytes=8 * _MEBIBYTE)
"""Bounds of one file in Git."""
LARGEST_MANIFEST = 3 * _MEBIBYTE
"""What an API server takes in one request."""
MOST_MANIFESTS = 10_000


@dataclass(frozen=True, slots=True)
class Sourced:
    """One manifest, and where it came from.

    Attributes:
        manifest: a Kubernetes object as plain JSON values; parts may be shared, so it is never changed in place.
        origin: ``file:line`` in the repository, or what was built.
    """

    manifest: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a renderer gave.

    Attributes:
        objects: with where each came from.
        warnings: in words, for who reads the run; empty where all is well.
    """

    objects: tuple[Sourced, ...]
    warnings: tuple[str, ...] = ()


def sourced(text: bytes, file: str, limits: YamlLimits = FILE_LIMITS) -> tuple[list[Sourced], list[str]]:
    """Return the objects of a YAML or JSON text, and its faults as ``file:line: what. Remedy.``."""
    try:
        documents = load_documents(text, limits)
    except YamlError as error:
        return [], [f"{file}:{fault.line}: {sentences(fault.what, fault.remedy)}" for fault in error.faults]
    found: list[Sourced] = []
    faults: list[str] = []
    for document in documents:
        fault = shape_fault(document.value)
        origin = f"{file}:{document.line}"
        if fault:
            faults.append(f"{origin}: {fault}")
        else:
            found.append(Sourced(document.value, origin))
    return found, faults


def shape_fault(value: Any) -> str:
    """Return why ``value`` is not a Kubernetes object, or an empty text."""
    if not isinstance(value, Mapping):
        return "the document is not a mapping; a manifest has apiVersion, kind and metadata"
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str) or not value[key]:
            return f"the object has no {key}; add it, or exclude the file"
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        return ""
    metadata = value.get("metadata")
    name = metadata.get("name") or metadata.get("generateName") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        return f"the {value['kind']} has no metadata.name; add it"
    return ""


def checked(found: Sequence[Sourced], faults: Sequence[str], *, path: str) -> tuple[Sourced, ...]:
    """Return ``found`` if it is fit to be synced.

    Raises:
        RenderError: there are faults.
        EmptyRenderError: there is nothing.
        ManifestTooLargeError: a manifest is larger than an API server takes, or there are too many.
    """
    if faults:
        raise RenderError(faults)
    if not found:
        message = f"{path} renders to nothing"
        raise EmptyRenderError(message, remedy="To remove the application, retire it; otherwise correct its path.")
    if len(found) > MOST_MANIFESTS:
        message = f"{path} renders to {len(found):,} objects; the limit is {MOST_MANIFESTS:,}"
        raise ManifestTooLargeError(message, remedy="Split the application.")
    for item in found:
        size = len(canonical_bytes(item.manifest))
        if size > LARGEST_MANIFEST:
            message = f"{item.origin}: the object has {size:,} bytes; the limit is {LARGEST_MANIFEST:,}"
            raise ManifestTooLargeError(message, remedy="Make it smaller: an API server would refuse it.")
    return tuple(found)


def faults_of(files: Iterable[tuple[str, bytes]]) -> tuple[list[Sourced], list[str]]:
    """Return the objects and faults of several files, in their order."""
    found: list[Sourced] = []
    faults: list[str] = []
    for file, text in files:
        objects, wrong = sourced(text, file)
        found += objects
        faults += wrong
    return found, faults
