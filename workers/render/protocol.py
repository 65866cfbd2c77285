"""What a renderer is: one class for each entry of ``common.renderers``, and nothing elsewhere knows more.

A renderer says which folders need it, which paths of a tree one rendering reads, what of the placement and its cluster
shapes the manifests, and which version it has here; and it renders. Everything around that (several sources, the cache,
decryption, substitution, secrecy) is done once, in ``renderers``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from common.sources.trees import Tree
from workers.render.manifests import Output
from workers.render.parts import Loan
from workers.render.request import RenderRequest
from workers.render.sandbox import Bounds

Loans = Mapping[str, Loan]
_NUMBER = re.compile(r"[0-9]+")
_LONGEST = 200


class Need(StrEnum):
    """What shapes a renderer's manifests besides the files and the registry's settings of it."""

    VALUES = "values"
    """The placement's values, and the cluster's own."""
    RELEASE = "release"
    """The application's name and namespace, and which fields others own."""
    CAPABILITIES = "capabilities"
    """What the cluster can do: it is asked before each rendering."""


class Age(StrEnum):
    """When something was resolved, seen from this worker."""

    BEFORE = "before"
    """Before this worker started."""
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has for renderers.

    Attributes:
        bounds: of each rendering.
        kustomize: path of a ``kustomize`` or ``kubectl``; empty looks on PATH.
        commands: file in which the operator says which commands may be run; None allows none.
    """

    bounds: Bounds = field(default_factory=Bounds)
    kustomize: str = ""
    commands: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source points, for finding out what renders it.

    Attributes:
        path: a folder or a file of the tree.
        names: of what is in the folder; None for a file.
    """

    path: str
    names: frozenset[str] | None


class Reads(Protocol):
    """A footprint, in whatever form its renderer likes best."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that one rendering reads; never empty."""


class Renderer(Protocol):
    """Turns one part's tree into manifests. Safe to use from several threads.

    Attributes:
        name: as the registry writes it under ``render``.
        needs: what shapes its manifests besides the files and its settings.
        detected: whether a folder can be seen to need it; one that cannot takes every source of an application that
            asks for it.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]]
    detected: ClassVar[bool]

    def __init__(self, machine: Machine) -> None:
        """Take what the machine has; a tool that is missing is missed when something needs it."""

    @classmethod
    def detects(cls, place: Place) -> bool:
        """Return whether what is at ``place`` needs this renderer; the first registered that says so is taken."""

    def footprint(self, tree: Tree, path: str, options: Mapping[str, Any]) -> Reads:
        """Return what rendering ``path`` reads.

        Args:
            tree: of one source.
            path: a folder or file in it.
            options: the registry's settings of this renderer.

        Raises:
            PermanentError: it cannot be known (``workers.render.faults``, ``common.sources.faults``).
        """

    def version(self, options: Mapping[str, Any]) -> str:
        """Return what identifies what renders here, as it enters the parameters digest.

        Raises:
            RendererMissingError: it is not on this machine.
        """

    def render(self, tree: Tree, reads: Any, request: RenderRequest, loans: Loans) -> Output:
        """Return the manifests of the request's one part.

        Args:
            tree: of its source.
            reads: what ``footprint`` returned for it.
            request: with that part alone.
            loans: sources that lend it files, by name.

        Raises:
            PermanentError: the files cannot be rendered.
            TransientError: this machine cannot render them now.
        """

    def supersedes(self, version: str, age: Age, options: Mapping[str, Any]) -> bool:
        """Return whether what is here may give something else than ``version`` did, and is to be asked again.

        Two workers that differ must not undo each other's work for ever: an order decides, or the age.
        """

    def cures(self, error_code: str, options: Mapping[str, Any]) -> bool:
        """Return whether a fault of that code, found elsewhere or earlier, may be over with what is here.

        Args:
            error_code: of the fault.
            options: the registry's settings of this renderer; empty where it names none, or another.
        """

    def close(self) -> None:
        """End what it holds."""


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers in a version, by which two of them are ordered."""
    return tuple(int(found) for found in _NUMBER.findall(version[:_LONGEST]))
