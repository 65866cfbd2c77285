"""Who may still take over an object and cannot be said not to: placements whose wanted revision nobody has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from common.domain.fleet import Application, Disposition, Fleet, Placement
from common.domain.holds import Taking
from common.domain.reasons import nested, sentence
from common.domain.refs import PlacementRef, SourceRef
from common.domain.revisions import combined_digest
from common.domain.status import NONE, Reason
from common.store.engine.connection import Connection
from common.store.state import moves, sources
from common.store.state.moves import Pending
from common.store.state.sources import Digest

_PLANNED = frozenset({Disposition.SYNC, Disposition.HOLD, Disposition.OBSERVE})


@dataclass(frozen=True, slots=True)
class Unread:
    """One such placement.

    Attributes:
        why: what keeps it from being read.
        may_take: it may take over what we leave without an approval.
        broken: somebody tried to read it and could not: nobody knows when that ends, so that one application which
            nobody can mend must not keep all others from removing anything.
        pending: what SQL knows of it; None where it is not planned yet.
    """

    ref: PlacementRef
    why: Reason
    may_take: bool
    broken: bool = False
    pending: Pending | None = None

    @property
    def reason(self) -> Reason:
        """Return whom is waited for, and why."""
        return Reason(Taking.MAY, {"placement": str(self.ref), "why": nested(self.why)})


@dataclass(frozen=True, slots=True)
class Seen:
    """What SQL knows of the other placements of our cluster: read at one instant, judged once that is over.

    Attributes:
        able: those that take over objects of ours without being asked, by application.
        desired: digests of source and parameters of what is wanted of each, by application.
        ids: of sources.
        errors: by id of the source.
        digests: by id of the source and application.
    """

    able: Mapping[str, Placement]
    pending: tuple[Pending, ...]
    desired: Mapping[str, tuple[str, str] | None]
    ids: Mapping[SourceRef, int]
    errors: Mapping[int, str]
    digests: Mapping[tuple[int, str], Digest]


def able_to_take(fleet: Fleet, mine: PlacementRef, project: str) -> Mapping[str, Placement]:
    """Return the other placements of our cluster that take over objects of ours without being asked."""
    return {one.ref.application: one for one in _able(fleet, mine, project)}


def seen_of(connection: Connection, mine: PlacementRef, able: Mapping[str, Placement]) -> Seen:
    """Return what SQL knows of the placements beside ours."""
    return Seen(
        able,
        tuple(moves.pending(connection, mine)),
        moves.desired_of(connection, mine.cluster),
        sources.ids(connection),
        sources.errors(connection),
        sources.digests_named(connection, [*able]),
    )


def unread(seen: Seen, fleet: Fleet, mine: PlacementRef, project: str) -> tuple[Unread, ...]:
    """Return the placements of our cluster that may render what we leave, those that may take it first.

    Args:
        seen: of them.
        fleet: in force.
        mine: who is to remove something.
        project: its project; empty where nobody knows, so that any may be the same.
    """
    found = {one.ref: one for one in _pending(seen, fleet, mine, project)}
    for one in _unplanned(seen, fleet, mine):
        if one.broken or one.ref not in found:
            found[one.ref] = one
    return tuple(sorted(found.values(), key=lambda one: (not one.may_take, one.broken, one.ref)))


def _takes(application: Application, mine: PlacementRef, project: str) -> bool:
    """Return whether an application takes over objects of ours without being asked."""
    return _named(application, mine) or project in {"", application.project}


def _named(application: Application, mine: PlacementRef) -> bool:
    """Return whether its document says that it takes over what we were."""
    return application.moved_from == mine.application


def _pending(seen: Seen, fleet: Fleet, mine: PlacementRef, project: str) -> Iterator[Unread]:
    for one in seen.pending:
        application = fleet.applications.get(one.ref.application)
        if application is not None:
            why = one.why or Reason(Taking.UNREAD)
            broken = bool(one.why) and not one.stands and not _named(application, mine)
            yield Unread(one.ref, why, _takes(application, mine, project), broken, one)


def _unplanned(seen: Seen, fleet: Fleet, mine: PlacementRef) -> Iterator[Unread]:
    """Yield those that the registry or their source knows more of than was planned."""
    ids, errors, digests = seen.ids, seen.errors, seen.digests
    for name, placement in seen.able.items():
        read = {ids.get(source, 0): digests.get((ids.get(source, 0), name)) for source in placement.to_resolve}
        failed = next(filter(None, (errors.get(id_) or _error_of(one) for id_, one in read.items())), "")
        if failed:
            why = Reason(Taking.UNREADABLE, {"message": failed})
            yield Unread(placement.ref, why, may_take=True, broken=not _named(fleet.applications[name], mine))
        elif why := _behind(placement, seen.desired.get(name), [*read.values()]):
            yield Unread(placement.ref, why, may_take=True)


def _error_of(read: Digest | None) -> str:
    return sentence(read.error) if read is not None and read.error else ""


def _able(fleet: Fleet, mine: PlacementRef, project: str) -> Iterator[Placement]:
    """Yield the other placements of our cluster whose application takes over objects of ours without being asked."""
    for name, one in sorted(fleet.applications.items()):
        ref = PlacementRef(mine.cluster, name)
        placement = fleet.placement(ref) if ref != mine and _takes(one, mine, project) else None
        if placement is not None and placement.disposition in _PLANNED:
            yield placement


def _behind(
    placement: Placement,
    desired: tuple[str, str] | None,
    found: Sequence[Digest | None],
) -> Reason:
    """Return why a placement's wanted revision is not the newest that its sources hold; ``NONE`` where it is."""
    resolved = [one for one in found if one is not None and one.digest]
    if len(resolved) < len(found):
        return Reason(Taking.UNRESOLVED)
    digest = combined_digest([one.digest for one in resolved])
    parameters = placement.parameters_digest(renderer for one in resolved for renderer in one.renderers)
    return NONE if desired == (digest, parameters) else Reason(Taking.UNPLANNED)
