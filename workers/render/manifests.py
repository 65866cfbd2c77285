"""Manifests with where they came from, and the checks that every renderer's output passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.domain.errors import sentences
from common.domain.manifest_warnings import ManifestWarning
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import Reason
from common.yaml import MANIFEST_LIMITS, Document, Repeated, RepeatedKey, YamlError, YamlLimits, load_documents
from workers.render.canonical import canonical_bytes
from workers.render.faults import EmptyRenderError, ManifestTooLargeError, RenderError

_MEBIBYTE = 1 << 20
FILE_LIMITS: YamlLimits = replace(MANIFEST_LIMITS, max_bytes=8 * _MEBIBYTE)
"""Bounds of one file in Git."""
LARGEST_MANIFEST = 3 * _MEBIBYTE
"""What an API server takes in one request."""
MOST_MANIFESTS = 10_000
_MOST_REPEATED = 10
_MOST_WARNINGS = 20


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
        warnings: for those who read the run; empty where all is well.
        secrets: what was decrypted for it; never written anywhere.
    """

    objects: tuple[Sourced, ...]
    warnings: tuple[Reason, ...] = ()
    secrets: Secrets = NO_SECRETS


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text holds.

    Attributes:
        objects: in their order.
        faults: each as ``file:line: what. Remedy.``.
        warnings: of what is not done as the text says.
    """

    objects: tuple[Sourced, ...] = ()
    faults: tuple[str, ...] = ()
    warnings: tuple[Reason, ...] = ()


def joined(readings: Iterable[Reading]) -> Reading:
    """Return several as one, in their order."""
    found = tuple(readings)
    return Reading(
        tuple(item for each in found for item in each.objects),
        tuple(fault for each in found for fault in each.faults),
        tuple(warning for each in found for warning in each.warnings),
    )


def reading(text: bytes, file: str, limits: YamlLimits = FILE_LIMITS, *, above: int = 0) -> Reading:
    """Return what a YAML or JSON text holds, as kubectl reads it.

    A last line without its end has one for kubectl, which shows in a block of text. Of a key that is given twice the
    last one counts.

    Args:
        text: a stream of documents.
        file: where it comes from, for messages.
        limits: of the text.
        above: lines before it in ``file``.
    """
    ended = text if text.endswith(b"\n") else text + b"\n"
    try:
        documents = load_documents(ended, limits, repeated=Repeated.LAST)
    except YamlError as error:
        last = text.count(b"\n") + 1
        lines = (f"{file}:{above + min(each.line, last)}: {sentences(each.what, each.remedy)}" for each in error.faults)
        return Reading(faults=tuple(lines))
    found: list[Sourced] = []
    faults: list[str] = []
    for document in documents:
        fault = shape_fault(document.value)
        origin = f"{file}:{above + document.line}"
        if fault:
            faults.append(f"{origin}: {fault}")
        else:
            found.append(Sourced(document.value, origin))
    return Reading(tuple(found), tuple(faults), repeated_in(documents, file, above=above))


def repeated_in(documents: Iterable[Document], file: str, *, above: int = 0) -> tuple[Reason, ...]:
    """Return a warning for each key that is given twice, up to a bound for each document."""

    def warning(of: RepeatedKey) -> Reason:
        params = {"origin": f"{file}:{above + of.line}", "key": of.key, "first": of.first}
        return Reason(ManifestWarning.REPEATED_KEY, params)

    return tuple(warning(each) for document in documents for each in document.repeated[:_MOST_REPEATED])


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


def checked(found: Reading, *, path: str) -> Output:
    """Return what ``found`` holds if it is fit to be synced.

    Raises:
        RenderError: there are faults.
        EmptyRenderError: there is nothing.
        ManifestTooLargeError: a manifest is larger than an API server takes, or there are too many.
    """
    if found.faults:
        raise RenderError(found.faults)
    if not found.objects:
        message = f"{path} renders to nothing"
        raise EmptyRenderError(message, remedy="To remove the application, retire it; otherwise correct its path.")
    if len(found.objects) > MOST_MANIFESTS:
        message = f"{path} renders to {len(found.objects):,} objects; the limit is {MOST_MANIFESTS:,}"
        raise ManifestTooLargeError(message, remedy="Split the application.")
    for item in found.objects:
        size = len(canonical_bytes(item.manifest))
        if size > LARGEST_MANIFEST:
            message = f"{item.origin}: the object has {size:,} bytes; the limit is {LARGEST_MANIFEST:,}"
            raise ManifestTooLargeError(message, remedy="Make it smaller: an API server would refuse it.")
    return Output(found.objects, bounded(found.warnings))


def bounded(warnings: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return at most so many warnings as somebody reads, and how many are left out."""
    left = len(warnings) - _MOST_WARNINGS
    if left <= 0:
        return tuple(warnings)
    return (*warnings[:_MOST_WARNINGS], Reason(ManifestWarning.MORE, {"count": left}))
