"""Objects of other tools, taken field by field and by type: what was not taken, or is of another type, is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.errors import PermanentError, sentences
from common.registry.faults import printable
from common.yaml import Document, Path

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
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_WORDS = 600
NO_PLACE = "see whether it is needed, and write it by hand"
"""What to do about a field of which nothing more is known."""
Key = tuple[str, str, str]
"""By which an object is one and no other: kind, namespace and name."""
_WORDS: Mapping[type, str] = {str: "text", bool: "true or false", list: "list", dict: "mapping"}


class NothingToImportError(PermanentError):
    """The files hold no object that can be imported."""

    code = "import.nothing"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that has no place in the registry, or needs a person's look.

    Attributes:
        what: which field of which object; never its value, which may be secret.
        remedy: what to do about it.
        subject: with which object's name ``what`` begins, if with any.
    """

    file: str
    line: int
    what: str
    remedy: str
    subject: str = ""

    @property
    def same(self) -> tuple[str, str]:
        """What is the same where the same is to be said of several objects."""
        return self.what.removeprefix(f"{self.subject}: "), self.remedy

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {sentences(self.what, self.remedy)}"


class Foreign:
    """One object, whose fields are taken one by one: what was not taken is told at the end.

    Every field is taken by the type that its tool gives it. What is of another type is said once, and then is as if it
    were not there; a null is not there either, as for an API server.

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
        self._wrong: set[Path] = set()
        version, kind = self.value.get("apiVersion"), self.value.get("kind")
        self.group: str = version.rpartition("/")[0] if isinstance(version, str) else ""
        self.kind: str = kind if isinstance(kind, str) else ""
        for path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
            self._taken.add(path)
        name, namespace = self.look("metadata", "name"), self.look("metadata", "namespace")
        self.name: str = name if isinstance(name, str) and _OBJECT_NAME.fullmatch(name) else ""
        self.placed = namespace is None or (isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace) is not None)
        """Whether it is known in which namespace it is."""
        self.namespace: str = str(namespace) if self.placed and namespace is not None else "default"
        """``default`` where none is written, as kubectl takes it."""

    @property
    def identity(self) -> Key:
        """By which it is one object and no other: kind, namespace and name."""
        return self.kind, self.namespace, self.name

    def move(self, namespace: str) -> None:
        """Note in which namespace it is, where that is said elsewhere; what can be no namespace is none."""
        if _NAMESPACE.fullmatch(namespace):
            self.namespace = namespace

    def has_name(self) -> bool:
        """Tell whether it has a name and a namespace that there can be; what is wrong with them is said."""
        if not self.placed:
            what = "metadata.namespace is no name of a namespace, and default is taken"
            self.say(("metadata", "namespace"), what, "correct it, in quotes; until then the hand-over leaves it out")
        if not self.name:
            self.set_aside(("metadata", "name"), "metadata.name is no name of an object", "give it one, in quotes")
        return bool(self.name)

    def look(self, *path: str | int) -> Any:
        """Return what is at ``path``, of whatever type, or None."""
        found: Any = self.value
        for key in path:
            if isinstance(found, Mapping):
                found = found.get(key)
            elif isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                return None
        return found

    def has(self, *path: str | int) -> bool:
        """Tell whether there is anything at ``path``."""
        return self.look(*path) is not None

    def take_text(self, *path: str | int, default: str = "") -> str:
        """Return the text at ``path``; ``default`` where there is none."""
        found = self._typed(path, str)
        return default if found is None else str(found)

    def take_flag(self, *path: str | int) -> bool:
        """Return the truth at ``path``; false where there is none."""
        return self._typed(path, bool) is True

    def take_number(self, *path: str | int) -> int | float | None:
        """Return the number at ``path``, or None."""
        self._taken.add(path)
        found = self.look(*path)
        if found is None or (isinstance(found, (int, float)) and not isinstance(found, bool)):
            return found
        self._misfit(path, "number")
        return None

    def take_map(self, *path: str | int) -> dict[str, Any]:
        """Return the mapping at ``path``, all of which has found its place; empty where there is none."""
        return dict(self._typed(path, dict) or {})

    def take_texts(self, *path: str | int) -> list[str]:
        """Return the list of texts at ``path``; without the items that are none, each of which is said."""
        return [self.take_text(*item) for item in self.items(*path) if self.look(*item) not in (None, "")]

    def items(self, *path: str | int) -> list[Path]:
        """Return the path of each item of the list at ``path``; the items are to be taken one by one."""
        found = self.look(*path)
        if isinstance(found, list):
            return [(*path, number) for number in range(len(found))]
        if found is not None:
            self._taken.add(path)
            self._misfit(path, "list")
        return []

    def parts(self, *path: str | int) -> list[Path]:
        """Return the path of each item that is a mapping of the list at ``path``; others are said."""
        found = []
        for item in self.items(*path):
            if isinstance(self.look(*item), Mapping):
                found.append(item)
            else:
                self._taken.add(item)
                self._misfit(item, "mapping")
        return found

    def keys(self, *path: str | int) -> list[str]:
        """Return the keys of the mapping at ``path``; none where there is no mapping."""
        found = self.look(*path)
        return list(found) if isinstance(found, Mapping) else []

    def drop(self, *path: str | int) -> None:
        """Take what is at ``path``, whatever it is: it says nothing that matters here."""
        self._taken.add(path)

    def say(self, path: Path, what: str, remedy: str) -> None:
        """Note what a person should know about the field at ``path``, or about the whole where that is empty."""
        if path:
            self._taken.add(path)
        subject = self._title or f"{self.kind} {self.name}".strip()
        self._findings.append(self.finding(path, f"{subject}: {what}", remedy, subject))

    def finding(self, path: Path, what: str, remedy: str, subject: str = "") -> Finding:
        """Return a finding at the field at ``path``; names of strangers in it cannot move a terminal's cursor."""
        line = self.line_of(path)
        words = (printable(text, _LONGEST_WORDS) for text in (what, remedy, subject))
        return Finding(self.file, line, *words)

    def set_aside(self, path: Path, what: str, remedy: str) -> None:
        """Note why nothing is made of it: one finding, and none for each of its fields."""
        self.say(path, what, remedy)
        self._taken.add(())

    def unmapped(self, path: Path, remedy: str = NO_PLACE) -> None:
        """Note that what is at ``path``, if anything, has no place in the registry."""
        for leaf in list(_leaves(self.look(*path), path)):
            if not self._is_taken(leaf):
                self.say(leaf, f"{dotted(leaf)} has no place in the registry", remedy)
        self._taken.add(path)

    def findings(self) -> tuple[Finding, ...]:
        """Return everything to be told, with each field that was never taken."""
        self.unmapped(())
        return tuple(self._findings)

    def line_of(self, path: Path = ()) -> int:
        """Return the line of the field at ``path``, or of what it is in."""
        full = (*self._below, *path)
        while full and full not in self.document.lines:
            full = full[:-1]
        return self.document.lines.get(full, self.document.line)

    def _is_taken(self, leaf: Path) -> bool:
        return any(leaf[:length] in self._taken for length in range(len(leaf) + 1))

    def _typed(self, path: Path, wanted: type) -> Any:
        self._taken.add(path)
        found = self.look(*path)
        if found is None or isinstance(found, wanted):
            return found
        self._misfit(path, _WORDS[wanted])
        return None

    def _misfit(self, path: Path, wanted: str) -> None:
        if path not in self._wrong:
            self._wrong.add(path)
            self.say(path, f"{dotted(path)} is no {wanted}, and is left out", "correct it: an API server refuses it")


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif value is not None:
        yield path


def dotted(path: Path) -> str:
    """Return a path as people write it."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def sorted_findings(*groups: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted({finding for group in groups for finding in group}))
