"""What an import gives: documents, what has no place in them, and how to hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common.registry import DocumentError, application_alone
from common.yaml import dump
from console.importing.foreign import Finding, Foreign
from console.importing.naming import apart
from console.importing.words import name_of

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
        documents: of the registry, by the name of the file to keep each in; each of them is one that it takes.
        findings: by file and line.
        steps: of the hand-over, in order; for what the documents stand for, and nothing else.
        passed: how many documents, and files that are none, were passed over: they are of no interest to the tool.
    """

    documents: Mapping[str, Mapping[str, Any]]
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """An Application to be.

    Attributes:
        owner: the object that stands for it in its tool.
        ending: a short word for the kind of the owner.
        name: its name, fit for the registry.
        spec: all of its spec but the targets.
        clusters: names of the clusters it goes to; empty where ``select`` says it.
        select: a selector, as the registry writes it.
        origins: what it was made from, if that is more or other than the owner.
    """

    owner: Foreign
    ending: str
    name: str
    spec: Mapping[str, Any]
    clusters: tuple[str, ...] = ()
    select: Mapping[str, Any] = field(default_factory=dict)
    origins: tuple[Foreign, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """By which it is one application and no other."""
        return (*self.owner.identity, *(one.name for one in self.origins))

    @property
    def first(self) -> Foreign:
        """The object of which is said what is to be said of the whole."""
        return self.origins[0] if self.origins else self.owner

    @property
    def names(self) -> tuple[str, ...]:
        """Ways of writing its name, the best first."""
        where = self.owner.namespace
        return (
            self.name,
            name_of(self.name, ending=self.ending),
            name_of(where, self.name),
            name_of(where, self.name, ending=self.ending),
        )

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


def written(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts that the registry takes, each with a name of its own; why others are none is said of them."""
    once: dict[tuple[str, ...], Draft] = {}
    for draft in drafts:
        first = once.setdefault(draft.key, draft)
        if first is not draft:
            what = f"it is here twice, first in {first.owner.file} on line {first.owner.line_of()}; that one counts"
            remedy = "name one of the two; of a folder with overlays, import what `kustomize build` prints"
            draft.first.set_aside((), what, remedy)
    names = apart({key: draft.names for key, draft in once.items()})
    return [named for key, draft in once.items() if _is_taken(named := replace(draft, name=names[key]))]


def _is_taken(draft: Draft) -> bool:
    try:
        application_alone(dump(draft.document).encode(), f"application {draft.name}")
    except (DocumentError, ValueError) as error:
        what = f"the registry refuses what it would become: {'; '.join(str(error).splitlines())}"
        draft.first.set_aside((), what, "correct it there, and import it again; until then it is not written")
        return False
    return True


def file_of(draft: Draft) -> str:
    """Return the name of the file for an application."""
    return f"applications/{draft.spec.get('project', 'default')}/{draft.name}.yaml"
