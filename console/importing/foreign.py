"""Objects of other tools, and which of their fields found a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.errors import PermanentError, sentences
from common.yaml import MANIFEST_LIMITS, Document, Path, YamlError, load_documents

_SERVERS = (
    ("status",),
    ("operation",),
    *(
        ("metadata", key)
        for key in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences")
    ),
    ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
)
"""What servers and clients write into objects, which says nothing about what is wanted."""


class NothingToImportError(PermanentError):
    """The files hold no object that can be imported."""

    code = "import.nothing"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that has no place in the registry, or needs a person's look.

    Attributes:
        what: which field of which object; never its value, which may be secret.
        remedy: what to do about it.
    """

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {sentences(self.what, self.remedy)}"


class Foreign:
    """One object, whose fields are taken one by one: what was not taken is told at the end.

    Args:
        file: where it is.
        document: with the line of each key.
        value: the object, where it is not the document itself but made from a part of it.
        below: where that part is.
        title: what it is called when something is said of it; empty for kind and name.
    """

    def __init__(self, file: str, document: Document, value: Any = None, below: Path = (), title: str = "") -> None:
        self.file = file
        self.document = document
        self.value: Mapping[str, Any] = document.value if value is None else value
        self._below = below
        self._title = title
        self._taken: set[Path] = set(_SERVERS)
        self._findings: list[Finding] = []
        for path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
            self.take(*path)

    @property
    def group(self) -> str:
        """API group; empty for the core one."""
        return str(self.value.get("apiVersion", "")).rpartition("/")[0]

    @property
    def kind(self) -> str:
        """Kind."""
        return str(self.value.get("kind", ""))

    @property
    def name(self) -> str:
        """Name."""
        return str(self.take("metadata", "name", default=""))

    @property
    def namespace(self) -> str:
        """Namespace; ``default`` where none is written, as kubectl takes it."""
        return str(self.take("metadata", "namespace") or "default")

    def take(self, *path: str | int, default: Any = None) -> Any:
        """Return what is at ``path``, all of which has found its place; ``default`` where there is nothing."""
        self._taken.add(path)
        found = self.look(*path)
        return default if found is None else found

    def look(self, *path: str | int) -> Any:
        """Return what is at ``path``, or None."""
        found: Any = self.value
        for key in path:
            if isinstance(found, Mapping):
                found = found.get(key)
            elif isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                return None
        return found

    def count(self, *path: str | int) -> int:
        """Return how many items the list at ``path`` has."""
        found = self.look(*path)
        return len(found) if isinstance(found, list) else 0

    def say(self, path: Path, what: str, remedy: str) -> None:
        """Note what a person should know about the field at ``path``."""
        self._taken.add(path)
        self._findings.append(
            Finding(self.file, self._line(path), f"{self._title or f'{self.kind} {self.name}'}: {what}", remedy)
        )

    def unmapped(self, path: Path, remedy: str = "see whether it is needed, and write it by hand") -> None:
        """Note that what is at ``path``, if anything, has no place in the registry."""
        for leaf in list(_leaves(self.look(*path), path)):
            self.say(leaf, f"{_dotted(leaf)} has no place in the registry", remedy)
        self._taken.add(path)

    def findings(self) -> tuple[Finding, ...]:
        """Return everything to be told, with each field that was never taken."""
        for leaf in _leaves(self.value, ()):
            if not any(leaf[: len(path)] == path for path in self._taken):
                self.unmapped(leaf)
        return tuple(self._findings)

    def _line(self, path: Path) -> int:
        full = (*self._below, *path)
        while full and full not in self.document.lines:
            full = full[:-1]
        return self.document.lines.get(full, self.document.line)


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif value is not None:
        yield path


def _dotted(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def read(files: Mapping[str, bytes]) -> tuple[list[Foreign], list[Finding]]:
    """Return the objects in some files, Lists taken apart, and what is wrong with the files."""
    found: list[Foreign] = []
    wrong: list[Finding] = []
    for file, text in files.items():
        try:
            documents = load_documents(text, MANIFEST_LIMITS, lines=True)
        except YamlError as error:
            wrong += (Finding(file, fault.line, fault.what, fault.remedy) for fault in error.faults)
            continue
        for document in documents:
            found += _objects(file, document)
            if not isinstance(document.value, Mapping):
                wrong.append(Finding(file, document.line, "the document is no object", "leave it out"))
    return found, wrong


def _objects(file: str, document: Document) -> Iterator[Foreign]:
    value = document.value
    if not isinstance(value, Mapping):
        return
    if str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            if isinstance(item, Mapping):
                yield Foreign(file, document, item, ("items", index))
        return
    yield Foreign(file, document)


def nothing(*, kinds: str, objects: Iterable[Foreign], wrong: Iterable[Finding]) -> NothingToImportError:
    """Return the error that there is none of some kinds, with the first that was found instead."""
    found = [*wrong, *(finding for one in objects for finding in one.findings())]
    what = "".join(f"; {finding}" for finding in found[:5])
    message = f"the files hold no {kinds} that can be imported{what}"
    return NothingToImportError(message, remedy="Name files that do.")


def sorted_findings(*groups: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted({finding for group in groups for finding in group}))
