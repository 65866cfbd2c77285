"""What an import gives: documents, what has no place in them, and how to hand over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.registry import DocumentError, application_alone
from common.yaml import dump
from console.importing.foreign import Finding, Foreign, sorted_findings

_VERSION = "flotilla.dev/v1"
FIRST = {"adopt": "any", "mode": "warn"}
"""How an imported application is synced at first: it takes nothing over, and writes nothing, until a person says so."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the hand-over.

    Attributes:
        title: what is done.
        commands: by which it is done, for each object one; may be empty.
    """

    title: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it.

    Attributes:
        documents: of the registry, by the name of the file to keep each in.
        findings: by file and line.
        steps: of the hand-over, in order.
    """

    documents: Mapping[str, Mapping[str, Any]]
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An Application to be.

    Attributes:
        origin: what it was made from.
        name: its name, fit for the registry.
        spec: all of its spec but the targets.
        clusters: names of the clusters it goes to; empty where ``select`` says it.
        select: a selector, as the registry writes it.
    """

    origin: Foreign
    name: str
    spec: Mapping[str, Any]
    clusters: tuple[str, ...] = ()
    select: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The registry document."""
        target = (
            {"name": "all", "clusters": list(self.clusters)}
            if not self.select
            else {"name": "all", "select": self.select}
        )
        return {
            "apiVersion": _VERSION,
            "kind": "Application",
            "metadata": {"name": self.name},
            "spec": {**self.spec, "targets": [target]},
        }


def document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a registry document."""
    return {"apiVersion": _VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def outcome(
    drafts: Sequence[Draft],
    projects: Mapping[str, Mapping[str, Any]],
    objects: Iterable[Foreign],
    wrong: Iterable[Finding],
    steps: Sequence[Step],
) -> Imported:
    """Return the whole: each application checked by the registry's own rules, what it refuses being told too."""
    documents: dict[str, Mapping[str, Any]] = {f"projects/{name}.yaml": one for name, one in projects.items()}
    refused: list[Finding] = []
    for draft in drafts:
        file = f"applications/{draft.spec.get('project', 'default')}/{draft.name}.yaml"
        if file in documents:
            draft.origin.say((), f"a second application called {draft.name}", "give one of the two another name")
            continue
        documents[file] = draft.document
        refused += _refused(draft)
    return Imported(documents, sorted_findings(*(one.findings() for one in objects), wrong, refused), tuple(steps))


def _refused(draft: Draft) -> list[Finding]:
    try:
        application_alone(dump(draft.document).encode(), f"application {draft.name}")
    except DocumentError as error:
        return [Finding(draft.origin.file, draft.origin.document.line, str(error), "correct the document")]
    return []
