"""The commit that a request names: by its id, the beginning of it, or what people call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from common.domain.names import suggestion
from common.store.engine.connection import Connection
from common.store.reads import commits, names
from common.store.reads.commits import CommitView, Line
from console.api.known import AmbiguousError, NotFoundError

_LEAST = 6
_PART = re.compile(r"[0-9a-f]{6,64}")
_DIGITS = re.compile(r"[0-9a-f]+")
_MOST = 500
_SHOWN = 5


class Named(NamedTuple):
    """A commit, in each source that has or had it; and what the same name meant there before, newest first."""

    lines: tuple[Line, ...]
    earlier: tuple[CommitView, ...] = ()


def commit(connection: Connection, name: str) -> Named:
    """Return the commit of that name.

    Raises:
        NotFoundError: no source was resolved to it, or passed it, as far back as that is kept.
        AmbiguousError: several are called so; the remedy lists them.
    """
    if called := commits.named(connection, name, limit=_MOST):
        current = _latest(called)
        _one_of(name, current)
        id_ = current[0].view.id
        earlier = {line.view.id: line.view for line in called if line.view.id != id_}
        return Named(_everywhere(connection, id_), tuple(earlier.values()))
    part = name.lower().removeprefix("sha256:")
    found = commits.beginning(connection, part, limit=_MOST) if _PART.fullmatch(part) else ()
    if not found:
        raise _unknown(connection, name)
    _one_of(name, found)
    return Named(_latest(found))


def _everywhere(connection: Connection, id_: str) -> tuple[Line, ...]:
    return _latest(commits.beginning(connection, id_, limit=_MOST))


def _latest(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return the newest line of each source; those that were lost come last, and only where there is no other."""
    found: dict[int | None, Line] = {}
    for line in sorted(lines, key=lambda one: (one.lost_at is not None, -one.number)):
        found.setdefault(line.source_id, line)
    return tuple(found.values())


def _one_of(name: str, lines: Sequence[Line]) -> None:
    views = {line.view.id: line.view for line in lines}
    if len(views) == 1:
        return
    message = f"several commits are called {name[:100]}"
    shown = "; ".join(f"{one.id[:12]} {one.subject}".rstrip() for one in list(views.values())[:_SHOWN])
    more = "; …" if len(views) > _SHOWN else ""
    raise AmbiguousError(message, remedy=f"name one by its id: {shown}{more}")


def _unknown(connection: Connection, name: str) -> NotFoundError:
    message = f"no source of the fleet has a commit, tag or version {name[:100]!r}, as far back as they are kept"
    if _DIGITS.fullmatch(name.lower()) and len(name) < _LEAST:
        return NotFoundError(message, remedy=f"give {_LEAST} characters of its id at least")
    remedy = "`flotilla refresh` looks for new commits now"
    if not _PART.fullmatch(name.lower()):
        remedy = suggestion(name, names.versions(connection), remedy)
    return NotFoundError(message, remedy=remedy)
