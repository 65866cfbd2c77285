"""What the sources of one application amount to together; one alone stays as it is.

Sources that are resolved from the same place (one repository, credentials and ref) count once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_PLUS = "+"
_AND = ", "
MOST_SOURCES = 10
"""Of one application."""


def joined_digest(digests: Sequence[str]) -> str:
    """Return the sha256 (hex) that stands for several, in their order."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def joined_renderer(names: Iterable[str]) -> str:
    """Return the names and versions of renderers as one text, each once; sources that are not rendered have none."""
    return _AND.join(sorted({name for text in names for name in renderers_in(text)}))


def renderers_in(text: str) -> tuple[str, ...]:
    """Return the names and versions that were joined."""
    return tuple(name for name in text.split(_AND) if name)


def joined_commit(commits: Iterable[str]) -> str:
    """Return commits (or the sha256 of artifacts) as one text, in the order of their sources."""
    return _PLUS.join(commits)


def commits_in(text: str) -> tuple[str, ...]:
    """Return the commits that were joined."""
    return tuple(text.split(_PLUS))
