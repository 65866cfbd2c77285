"""What the sources of a revision were resolved to, as a list in a column: of what was and no longer changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from common.domain.revisions import RendererVersion, SourceRevision
from common.sources.kinds import source_ref


def list_of(sources: Iterable[SourceRevision]) -> list[dict[str, Any]]:
    """Return what is stored of sources."""
    return [stored(one) for one in sources]


def stored(one: SourceRevision) -> dict[str, Any]:
    """Return what is stored of one source, by name."""
    repo, credentials, ref = ("", "", "") if one.source is None else one.source.key
    return {
        "repo": repo,
        "credentials": credentials,
        "ref": ref,
        "commit": one.commit,
        "renderers": texts_of(one.renderers),
    }


def sources_in(stored: Any) -> tuple[SourceRevision, ...]:
    """Return the sources of a list; a pool's worker may have written it, so that what is no source is left out."""
    return tuple(_sources(stored)) if isinstance(stored, list) else ()


def source_in(row: Mapping[str, Any]) -> SourceRevision:
    """Return the source that a row, or what ``stored`` gave, holds."""
    repo, credentials, ref, commit = (str(row.get(name, "")) for name in ("repo", "credentials", "ref", "commit"))
    source = source_ref(repo, credentials, ref) if repo else None
    return SourceRevision(source, commit, renderers_in(row.get("renderers")))


def texts_of(renderers: Iterable[RendererVersion]) -> list[str]:
    """Return what is stored of renderers."""
    return [str(one) for one in renderers]


def renderers_in(stored: Any) -> tuple[RendererVersion, ...]:
    """Return the renderers of a list."""
    return tuple(RendererVersion.read(str(text)) for text in stored) if isinstance(stored, list) else ()


def _sources(stored: list[Any]) -> Iterator[SourceRevision]:
    for one in stored:
        if isinstance(one, Mapping):
            yield source_in(one)
