"""What a placement is brought to: by identity, with what each of its sources was resolved to and what renders it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.domain.refs import SourceRef


@dataclass(frozen=True, slots=True, order=True)
class RendererVersion:
    """A renderer, as it is on one worker.

    Attributes:
        name: in the table of renderers.
        version: what identifies what renders, as the renderer says it.
    """

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @classmethod
    def read(cls, text: str) -> RendererVersion:
        """Return the renderer that ``text`` (``NAME VERSION``) stands for."""
        name, _, version = text.partition(" ")
        return cls(name, version)


def each_once(renderers: Iterable[RendererVersion]) -> tuple[RendererVersion, ...]:
    """Return renderers in order, each once."""
    return tuple(sorted(set(renderers)))


def digested(renderers: Iterable[RendererVersion]) -> str:
    """Return renderers as they enter a digest: no two sets of them alike, and one alone as it is shown."""
    return ", ".join(sorted(str(one).replace("\\", r"\\").replace(",", r"\,") for one in set(renderers)))


def combined_digest(digests: Sequence[str]) -> str:
    """Return the sha256 (hex) that stands for several in their order; one alone stays as it is."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceRevision:
    """What one source was resolved to, for one application.

    Attributes:
        source: None where it is not known: of what an earlier version stored, or of a kind of a later one.
        commit: 40 or 64 hex digits; for an artifact the sha256 that names it.
        renderers: of what is in it, in order; empty where it only lends files, or where they are not known.
    """

    source: SourceRef | None
    commit: str
    renderers: tuple[RendererVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """What a placement should run, by identity; its sources are only where it came from.

    Attributes:
        source_digest: sha256 hex over the tree ids of the paths the renderer reads.
        parameters_digest: sha256 hex over values, render settings, and the renderer with its version.
        sources: in the order in which the registry first names each. Provenance, no part of the identity.
    """

    source_digest: str
    parameters_digest: str
    sources: tuple[SourceRevision, ...]

    @property
    def identity(self) -> tuple[str, str]:
        """The pair that decides whether two revisions are the same."""
        return (self.source_digest, self.parameters_digest)

    @property
    def commits(self) -> dict[SourceRef, str]:
        """What each source that is known was resolved to."""
        return {one.source: one.commit for one in self.sources if one.source is not None}

    def covers(self, sources: Iterable[SourceRef]) -> bool:
        """Return whether it says of each of these sources what it was resolved to, and of no other."""
        return set(sources) == {one.source for one in self.sources}


def shown(sources: Iterable[SourceRevision]) -> str:
    """Return the commits of sources as they are shown together, a plus between two; they are not taken apart again."""
    return "+".join(one.commit for one in sources)
