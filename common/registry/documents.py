"""Documents as text: what is in files, and what is in force and stored until the next commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from common.domain.fleet import Where
from common.domain.redact import cut, redacted
from common.registry.faults import Fault, FaultScope, Suggestions, printable
from common.registry.ignore import FILE as IGNORE_FILE
from common.registry.ignore import REMEDY, Ignored, ignored_by, is_registry_file
from common.registry.schema import MODELS
from common.yaml import REGISTRY_LIMITS, Dialect, Document, Path, YamlError, load_documents

CORE_KINDS = frozenset({"Fleet", "Cluster", "ClusterGroup", "Project", "HealthRule"})
API_VERSION = "flotilla.dev/v1"
_FORMAT = 1

Key = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Source:
    """One document by its text.

    Attributes:
        line: line of the file on which it starts, from 1.
        removed: it has left the registry but is still honoured (a Cluster, treated as frozen).
    """

    kind: str
    name: str
    file: str
    line: int
    text: str
    removed: bool = False

    @classmethod
    def read(cls, kind: str, name: str, file: str, document: Document) -> Source:
        """Return a document of a file as read, with no need to load its text again."""
        source = cls(kind, name, file, document.line, document.text)
        before = document.line - 1
        lines = {path: line - before for path, line in document.lines.items()}
        source.__dict__["document"] = Document(document.value, 1, document.text, lines)
        return source

    @property
    def key(self) -> Key:
        """What identifies it in the registry."""
        return (self.kind, self.name)

    @property
    def scope(self) -> FaultScope:
        """What a fault in it does."""
        return FaultScope.REFUSES if self.kind in CORE_KINDS else FaultScope.KEEPS

    @cached_property
    def document(self) -> Document:
        """Its content; loaded once, when first asked for.

        Raises:
            YamlError: the text does not load, which only a stored one that was tampered with can do.
        """
        return load_documents(self.text.encode(), REGISTRY_LIMITS, dialect=Dialect.REGISTRY, lines=True)[0]

    @property
    def value(self) -> Any:
        """Its content as JSON values."""
        return self.document.value

    def line_of(self, path: Path) -> int:
        """Return the line of the key or item at ``path``, or of the nearest one above it that has a line."""
        lines = self.document.lines
        while path and path not in lines:
            path = path[:-1]
        return self.line - 1 + (lines[path] if path else self.document.line)

    @property
    def at(self) -> str:
        """File and line where it starts, for messages."""
        return f"{printable(self.file)}:{self.line}"

    def where(self, path: Path = ()) -> Where:
        """Return file and line of ``path``."""
        return Where(self.file, self.line_of(path))

    def fault(self, path: Path, what: str, remedy: str) -> Fault:
        """Return a fault at ``path`` with the scope that this kind has."""
        return Fault(self.file, self.line_of(path), redacted(cut(what)), remedy, self.scope, self.kind, self.name)

    def same_as(self, other: Source | None) -> bool:
        """Tell whether the same text is in the same file."""
        return other is not None and (self.file, self.text) == (other.file, other.text)


@dataclass(frozen=True, slots=True)
class Documents:
    """What is in force: to be stored, and given back as ``last_good`` with the next commit.

    Attributes:
        sources: documents by kind and name.
        selections: for each application with ``expect``: the target that took each cluster.
    """

    sources: Mapping[Key, Source] = field(default_factory=dict)
    selections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values that ``from_json`` takes back."""
        return {
            "format": _FORMAT,
            "documents": [
                {"kind": s.kind, "name": s.name, "file": s.file, "line": s.line, "text": s.text, "removed": s.removed}
                for _, s in sorted(self.sources.items())
            ],
            "selections": {name: dict(chosen) for name, chosen in sorted(self.selections.items())},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Documents:
        """Return what ``to_json`` wrote.

        Raises:
            ValueError: it was written in a format that this version does not know.
        """
        if data.get("format") != _FORMAT:
            message = f"stored registry documents have format {data.get('format')!r}, not {_FORMAT}"
            raise ValueError(message)
        sources = (Source(**entry) for entry in data["documents"])
        return cls({source.key: source for source in sources}, data["selections"])


@dataclass(slots=True)
class Reading:
    """All files of a commit, read.

    Attributes:
        sources: documents with a known kind and a name, several with one name included.
        opaque: files of which something could not be told, so that a document missing from one may still be in it.
        ignored: what the ignore file leaves out.
    """

    sources: list[Source] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    opaque: set[str] = field(default_factory=set)
    ignored: Ignored = field(default_factory=Ignored)

    def departure_of(self, source: Source) -> str:
        """Return how a document that was in force left, as the end of a sentence."""
        if source.file in self.ignored:
            return f"has left the registry, since {IGNORE_FILE} leaves its file out"
        return "has left the registry"


def read_files(files: Mapping[str, bytes], last_good: Documents, suggestions: Suggestions) -> Reading:
    """Return the documents of ``files`` and what is wrong with the rest."""
    reading = Reading(ignored=ignored_by(files))
    reading.faults += reading.ignored.faults
    core_files = {source.file for source in last_good.sources.values() if source.kind in CORE_KINDS}
    total = 0
    for file in sorted(path for path in files if is_registry_file(path) and path not in reading.ignored):
        scope = FaultScope.REFUSES if file in core_files else FaultScope.KEEPS
        try:
            documents = load_documents(files[file], REGISTRY_LIMITS, dialect=Dialect.REGISTRY, lines=True)
        except YamlError as error:
            reading.opaque.add(file)
            known = any(source.file == file for source in last_good.sources.values())
            way_out = "" if known else f"; {REMEDY}"
            reading.faults += [Fault(file, f.line, f.what, f"{f.remedy}{way_out}", scope) for f in error.faults]
            continue
        total += len(documents)
        if total > REGISTRY_LIMITS.max_documents:
            what = f"the registry holds more than {REGISTRY_LIMITS.max_documents:,} documents"
            reading.faults.append(Fault(".", 1, what, "split the fleet into several registries", FaultScope.REFUSES))
            return reading
        for document in documents:
            _identify(reading, file, document, suggestions)
    return reading


def _identify(reading: Reading, file: str, document: Document, suggestions: Suggestions) -> None:
    problem = _unidentified(document.value, suggestions)
    if problem is not None:
        path, what, remedy = problem
        line = document.lines.get(path, document.line)
        reading.opaque.add(file)
        reading.faults.append(Fault(file, line, what, remedy))
        return
    kind, name = document.value["kind"], document.value["metadata"]["name"]
    source = Source.read(kind, name, file, document)
    reading.sources.append(source)


def _unidentified(value: Any, suggestions: Suggestions) -> tuple[Path, str, str] | None:
    """Return where, why and what to do if a document's kind or name cannot be told."""
    if not isinstance(value, dict):
        return (), "the document is not a mapping", f"give apiVersion, kind, metadata and spec; {REMEDY}"
    if value.get("apiVersion", API_VERSION) != API_VERSION:
        what = f"apiVersion is {str(value['apiVersion'])[:80]!r}, not {API_VERSION}"
        return ("apiVersion",), what, f"correct it; {REMEDY}"
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in MODELS:
        what = "kind is missing" if kind is None else f"kind {str(kind)[:80]!r} is not known"
        nearest = suggestions.nearest(str(kind), MODELS, f"use one of {', '.join(MODELS)}")
        return ("kind",), what, nearest if "apiVersion" in value else f"{nearest}; {REMEDY}"
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return ("metadata", "name"), "metadata.name is missing or not a string", "give it a name"
    return None
