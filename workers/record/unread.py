"""Who may still take over an object and cannot be said not to: placements whose wanted revision nobody has read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.db import moves, sources
from common.db.connection import Connection
from common.db.moves import Pending
from common.db.sources import Digest
from common.domain.fleet import Application, Disposition, Fleet, Placement
from common.domain.refs import PlacementRef, SourceRef
from common.domain.several import joined_digest, joined_renderer

_PLANNED = frozenset({Disposition.SYNC, Disposition.HOLD, Disposition.OBSERVE})


@dataclass(frozen=True, slots=True)
class Unread:
    """One such placement.

    Attributes:
        why: what keeps it from being read.
        may_take: it needs nobody's word to take over what we leave: it is waited for however long it takes.
        pending: what SQL knows of it; None where it is not planned yet.
    """

    ref: PlacementRef
    why: str
    may_take: bool
    pending: Pending | None = None

    @property
    def words(self) -> str:
        """Return whom is waited for, and why."""
        return f"{self.ref} {self.why}, and may take it over"


def unread(connection: Connection, fleet: Fleet, mine: PlacementRef, project: str) -> tuple[Unread, ...]:
    """Return the placements of our cluster that may render what we leave, those that may take it first.

    Args:
        connection: of a transaction.
        fleet: in force.
        mine: who is to remove something.
        project: its project; empty where nobody knows, so that any may be the same.
    """
    found = [*_unplanned(connection, fleet, mine, project), *_pending(connection, fleet, mine, project)]
    return tuple(sorted(found, key=lambda one: (not one.may_take, one.ref)))


def _takes(application: Application, mine: PlacementRef, project: str) -> bool:
    """Return whether an application takes over objects of ours without being asked."""
    return application.moved_from == mine.application or project in {"", application.project}


def _pending(connection: Connection, fleet: Fleet, mine: PlacementRef, project: str) -> Iterator[Unread]:
    for one in moves.pending(connection, mine):
        application = fleet.applications.get(one.ref.application)
        if application is not None:
            why = one.why or "has not looked at its wanted revision yet"
            yield Unread(one.ref, why, _takes(application, mine, project), one)


def _unplanned(connection: Connection, fleet: Fleet, mine: PlacementRef, project: str) -> Iterator[Unread]:
    """Yield those that the registry or their source knows more of than was planned."""
    desired = moves.desired_of(connection, mine.cluster)
    ids = sources.ids(connection)
    able = [name for name, one in sorted(fleet.applications.items()) if _takes(one, mine, project)]
    digests = sources.digests_named(connection, able)
    for name in able:
        ref = PlacementRef(mine.cluster, name)
        placement = fleet.placement(ref) if ref != mine else None
        if placement is None or placement.disposition not in _PLANNED:
            continue
        why = _behind(placement, desired.get(name), ids, digests)
        if why:
            yield Unread(ref, why, may_take=True)


def _behind(
    placement: Placement,
    desired: tuple[str, str] | None,
    ids: dict[SourceRef, int],
    digests: dict[tuple[int, str], Digest],
) -> str:
    """Return why a placement's wanted revision is not the newest; empty where it is."""
    name = placement.ref.application
    found = [digests.get((ids.get(source, 0), name)) for source in placement.to_resolve]
    resolved = [one for one in found if one is not None and one.digest]
    if len(resolved) < len(found):
        return "has a source that was not resolved yet"
    failed = next((one.error for one in resolved if one.error), "")
    if failed:
        return f"has a source that cannot be read ({failed})"
    digest = joined_digest([one.digest for one in resolved])
    parameters = placement.parameters_digest(joined_renderer(one.renderer for one in resolved))
    return "" if desired == (digest, parameters) else "is not planned at its newest revision yet"
