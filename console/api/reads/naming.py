"""The commit that a request names: by its id, the beginning of it, or what people call it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from common.domain.addresses import repository_key
from common.domain.names import suggestion
from common.domain.rights import Scope
from common.store.engine.connection import Connection
from common.store.reads import commits, names
from common.store.reads.commits import Address, CommitView, Seen
from console.api.contract.errors import AmbiguousError, NotFoundError

_LEAST = 6
_PART = re.compile(r"[0-9a-f]{6,64}")
_WHOLE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DIGITS = re.compile(r"[0-9a-f]+")
_MOST = 500
_SHOWN = 5


class Named(NamedTuple):
    """A commit, in each source that has or had it; and what the same name meant there before, newest first."""

    seen: tuple[Seen, ...]
    earlier: tuple[CommitView, ...] = ()


def commit(connection: Connection, scope: Scope, name: str, repo: str = "") -> Named:
    """Return the commit of that name.

    Args:
        connection: to read by.
        scope: of whose projects' sources.
        name: its id or the beginning of it, a tag or a version. An id wins: whoever may push can name a tag anything.
        repo: of this repository alone; empty for any.

    Raises:
        NotFoundError: no source was resolved to it, or passed it, as far back as that is kept.
        AmbiguousError: several are called so; the remedy lists them.
    """
    part = name.lower().removeprefix("sha256:")
    if _WHOLE.fullmatch(part) and (seen := commits.everywhere(connection, scope, part)):
        return Named(seen)
    if name and (called := _of_repo(connection, commits.named(connection, scope, name, limit=_MOST), repo)):
        return _called(connection, scope, name, called)
    ids = commits.beginning(connection, scope, part, limit=_SHOWN + 1) if _PART.fullmatch(part) else ()
    if not ids:
        raise _unknown(connection, scope, name)
    if len(ids) > 1:
        raise _several(connection, name, [seen for id_ in ids for seen in commits.everywhere(connection, scope, id_)])
    return Named(commits.everywhere(connection, scope, ids[0]))


def _of_repo(connection: Connection, seen: Sequence[Seen], repo: str) -> tuple[Seen, ...]:
    if not repo:
        return tuple(seen)
    known = _addresses(connection, seen)
    key = repository_key(repo)
    return tuple(
        one for one in seen if (id_ := one.line.source_id) is not None and repository_key(known[id_].repo) == key
    )


def _called(connection: Connection, scope: Scope, name: str, called: Sequence[Seen]) -> Named:
    """Return what a tag or version means now, and what it meant before."""
    current: dict[int | None, Seen] = {}
    for one in sorted(called, key=lambda each: (each.line.lost_at is not None, -each.line.number)):
        current.setdefault(one.line.source_id, one)
    ids = {one.view.id for one in current.values()}
    if len(ids) > 1:
        raise _several(connection, name, list(current.values()))
    (id_,) = ids
    earlier = {one.view.id: one.view for one in called if one.view.id != id_}
    return Named(commits.everywhere(connection, scope, id_), tuple(earlier.values()))


def _several(connection: Connection, name: str, seen: Sequence[Seen]) -> AmbiguousError:
    known = _addresses(connection, seen)
    first: dict[str, Seen] = {}
    for one in seen:
        first.setdefault(one.view.id, one)
    shown = "; ".join(_choice(one, known) for one in list(first.values())[:_SHOWN])
    more = "; …" if len(first) > _SHOWN else ""
    message = f"several commits are called {name[:100]}"
    return AmbiguousError(message, remedy=f"name one by its id, or say --repo: {shown}{more}")


def _addresses(connection: Connection, seen: Sequence[Seen]) -> Mapping[int, Address]:
    return commits.addresses(connection, {one.line.source_id for one in seen if one.line.source_id is not None})


def _choice(one: Seen, known: Mapping[int, Address]) -> str:
    where = "the registry" if one.line.source_id is None else known[one.line.source_id].repo
    return " ".join(filter(None, (one.view.id[:12], one.view.subject, f"({where})")))


def _unknown(connection: Connection, scope: Scope, name: str) -> NotFoundError:
    message = (
        f"no commit, tag or version {name[:100]!r} is known of any source of the fleet: there is none, or it is older "
        "than what is kept, or one of very many that came at once"
    )
    if _DIGITS.fullmatch(name.lower()) and len(name) < _LEAST:
        return NotFoundError(message, remedy=f"give {_LEAST} characters of its id at least")
    remedy = "`flotilla refresh` looks for new commits now"
    if not _PART.fullmatch(name.lower()):
        remedy = suggestion(name, names.versions(connection, scope), remedy)
    return NotFoundError(message, remedy=remedy)
