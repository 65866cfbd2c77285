"""The kinds of sources: a folder for each, and the one table that knows them all.

A kind says how its sources are written in the registry (``schema``), which addresses they may have and which of them a
project must allow (``address``), what is resolved for them and how that is stored (``declared``, ``read``), and what
resolves and opens them on this machine (``door``). To add one: write its folder, and ``register`` it.

What needs the outside or the registry's schema is imported when it is asked for: the store and the schema read this
table, and neither may need the other, nor a client of Git.
"""

from __future__ import annotations

from common.domain.refs import SourceRef
from common.sources.kinds.chart import ChartKind
from common.sources.kinds.git import GitKind
from common.sources.kinds.kind import Declared, Pin, SourceKind
from common.sources.kinds.oci import OciKind
from common.sources.kinds.s3 import S3Kind

__all__ = ["Declared", "Pin", "SourceKind", "register", "source_kinds", "source_ref"]

_KINDS: dict[str, SourceKind] = {}


def register(kind: SourceKind) -> None:
    """Add a kind behind those that are here, before the registry's format is first imported.

    Raises:
        ValueError: there is one of that key.
    """
    if kind.key in _KINDS:
        message = f"there is a kind of source {kind.key!r} already"
        raise ValueError(message)
    _KINDS[kind.key] = kind


def source_kinds() -> tuple[SourceKind, ...]:
    """Return every kind, in the order in which the registry's reference lists them."""
    return tuple(_KINDS.values())


def source_ref(repo: str, credentials: str, text: str) -> SourceRef | None:
    """Return the source that was stored so; None where no kind here knows it: a newer version stored it."""
    found = (kind.read(repo, credentials, text) for kind in _KINDS.values())
    return next((ref for ref in found if ref is not None), None)


register(GitKind())
register(ChartKind())
register(OciKind())
register(S3Kind())
