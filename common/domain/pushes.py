"""Which sources a push concerns: by the address of a repository and the name of a ref, as a server sends them. Pure.

It is generous, since a look too many does no harm: https and ssh, users and ports are not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from common.domain.addresses import repository_key
from common.domain.refs import ChartRef, GitRef, OciRef, Range, SourceRef

_TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Push:
    """What was pushed to, as far as its sender says so.

    Attributes:
        addresses: of one repository, in any spelling.
        refs: full names of branches and tags, or tags of a registry; empty is whatever there is.
    """

    addresses: tuple[str, ...]
    refs: tuple[str, ...] = ()


def place(address: str) -> str:
    """Return host and path of a repository, which its addresses by https, by ssh and in a registry share."""
    _, found, rest = repository_key(address).partition("://")
    if not found:
        return address
    authority, _, path = rest.partition("/")
    return f"{authority.rpartition('@')[2].partition(':')[0]}/{path}"


def places(ref: SourceRef) -> tuple[str, ...]:
    """Return what a source's repository may be called in a push; a chart in a registry has one of its own."""
    at = place(ref.repo)
    return (at, f"{at}/{ref.chart}") if isinstance(ref, ChartRef) else (at,)


def concerns(refs: tuple[str, ...], source: SourceRef) -> bool:
    """Return whether a push of some refs to a source's repository may have changed what the source means."""
    if not refs:
        return True
    match source:
        case GitRef(ref=Range()):
            return any(ref.startswith(_TAGS) for ref in refs)
        case GitRef(ref=str() as ref):
            return ref in refs
        case OciRef(version=str() as version):
            return version in refs
        case _:
            return True
