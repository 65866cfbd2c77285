"""One document of a file without its registry, for an author who tries it before it is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.domain import fleet
from common.domain.errors import PermanentError, sentences
from common.registry import build
from common.registry.carried_out import not_yet
from common.registry.documents import Documents, Source, read_files
from common.registry.faults import Fault, Suggestions
from common.registry.schema import AnyDocument, ApplicationDocument, ClusterDocument
from common.registry.schema.core import FleetDefaults
from common.registry.translate import dotted, validated

_AS_YAML = "file.yaml"


class DocumentError(PermanentError):
    """A file does not hold the one document that is asked for, or it has faults; the message names all of them."""

    code = "registry.document"


@dataclass(frozen=True, slots=True)
class _Read:
    source: Source
    document: AnyDocument


def application_alone(text: bytes, file: str) -> fleet.Application:
    """Return the one Application of a registry file, with the defaults of a Fleet that sets none.

    Args:
        text: of the file; documents of other kinds in it are left aside.
        file: its name, for messages.

    Raises:
        DocumentError: it holds none or several, or the document has faults.
    """
    read = _only(text, file, "Application")
    assert isinstance(read.document, ApplicationDocument)  # noqa: S101 - of the kind that was asked for
    return build.application(read.source, read.document, FleetDefaults())


def cluster_alone(text: bytes, file: str) -> fleet.Cluster:
    """Return the one Cluster of a registry file; else as ``application_alone``."""
    read = _only(text, file, "Cluster")
    assert isinstance(read.document, ClusterDocument)  # noqa: S101 - of the kind that was asked for
    return build.cluster(read.source, read.document)


def _only(text: bytes, file: str, kind: str) -> _Read:
    suggestions = Suggestions()
    # A registry leaves out hidden folders and other suffixes; a person means this very file, wherever it is.
    reading = read_files({_AS_YAML: text}, Documents(), suggestions)
    if reading.faults:
        raise _faulty(reading.faults, file)
    found = [source for source in reading.sources if source.kind == kind]
    if len(found) != 1:
        message = f"{file} holds {len(found)} {kind} documents" if found else f"{file} holds no {kind}"
        raise DocumentError(message, remedy=f"Name a file with the one {kind} that is meant.")
    (source,) = found
    document, faults = validated(source, suggestions)
    faults += [
        source.fault(path, f"{dotted(path)} is not yet carried out", "remove it until a later version does it")
        for path in not_yet(kind, source.value)
    ]
    if document is None or faults:
        raise _faulty(faults, file)
    return _Read(source, document)


def _faulty(faults: Sequence[Fault], file: str) -> DocumentError:
    return DocumentError(
        "\n".join(f"{file}:{fault.line}: {sentences(fault.what, fault.remedy)}" for fault in sorted(faults))
    )
