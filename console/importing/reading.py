"""From files to the objects of one tool; what is of no tool is counted, and passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.registry.faults import printable
from common.yaml import MANIFEST_LIMITS, Document, Repeated, YamlError, load_documents
from console.importing.foreign import Finding, Foreign


@dataclass(slots=True)
class Given:
    """What some files hold.

    Attributes:
        objects: of the tool's groups, each with a name; Lists are taken apart.
        others: what else looks like an object.
        wrong: what is wrong with the files.
        passed: how many documents, and files that are none, are of no interest to the tool.
    """

    objects: list[Foreign] = field(default_factory=list)
    others: list[Foreign] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    passed: int = 0


def read(files: Mapping[str, bytes], groups: Collection[str], found: Collection[str] = ()) -> Given:
    """Return what files hold of the API groups of a tool.

    Args:
        files: contents by name.
        groups: of the tool.
        found: names of the files that nobody named, but that were in a folder: what is not for the tool in them is
            nothing to speak of. Files that people name are told of if they are not as they should be.
    """
    given = Given()
    for file, text in files.items():
        if file in found and b"kind" not in text:
            given.passed += 1
            continue
        try:
            documents = load_documents(text, MANIFEST_LIMITS, lines=True, repeated=Repeated.LAST)
        except YamlError as error:
            if file in found and not any(f"{group}/".encode() in text for group in groups):
                given.passed += 1
            else:
                given.wrong += (
                    Finding(file, fault.line, printable(fault.what), printable(fault.remedy)) for fault in error.faults
                )
            continue
        for document in documents:
            _sort(given, file, document, groups, quiet=file in found)
    return given


def _sort(given: Given, file: str, document: Document, groups: Collection[str], *, quiet: bool) -> None:
    before = len(given.objects)
    for one in _objects(given, file, document, quiet=quiet):
        if one.group not in groups:
            given.others.append(one)
        elif one.has_name():
            given.objects.append(one)
        else:
            given.wrong += one.findings()
    if len(given.objects) == before:
        given.passed += 1
    for again in document.repeated if len(given.objects) > before else ():
        what = f"key {again.key} is given twice, first on line {again.first}; the last one counts"
        given.wrong.append(Finding(file, again.line, printable(what), "keep one of the two"))


def _objects(given: Given, file: str, document: Document, *, quiet: bool) -> Iterator[Foreign]:
    value: Any = document.value
    if not isinstance(value, Mapping):
        if not quiet:
            given.wrong.append(Finding(file, document.line, "the document is no object", "leave it out"))
        return
    kind, items = value.get("kind"), value.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)):
        yield Foreign(file, document)
        return
    for index, item in enumerate(items):
        if isinstance(item, Mapping):
            yield Foreign(file, document, item, ("items", index))
        elif not quiet:
            line = document.lines.get(("items", index), document.line)
            given.wrong.append(Finding(file, line, f"item {index + 1} of the list is no object", "leave it out"))
