"""What answers to people's questions say: what a placement waits for, and what a person does next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.domain.health import WELL, Health
from common.domain.holds import BLOCKING, Hold
from common.domain.runs import SyncStatus
from common.domain.status import UNKNOWN_KINDS, Contact, Failure, Found, Reason, Remedy


class Await(StrEnum):
    """Codes of what a placement waits for where nothing holds it back."""

    PLAN = "await.plan"
    """The next turn of the scheduler."""
    RUN = "await.run"
    """Its run, which is on its way."""


class NextStep(StrEnum):
    """Codes of what a person does next; all but the first have the parameters ref and cluster."""

    NOTHING = "next.nothing"
    """All is as it should be."""
    WAIT = "next.wait"
    """It goes on by itself."""
    WAIT_HEALTH = "next.wait-health"
    """It is at what is wanted, and its objects come up."""
    WAIT_RETRY = "next.wait-retry"
    """It is tried again by itself. Params: at."""
    RESUME = "next.resume"
    """A person paused it. Params: by."""
    DECIDE = "next.decide"
    """A person is asked. Params: approvals (numbers)."""
    SYNC = "next.sync"
    """Nobody but a person starts its runs."""
    READ_FAULTS = "next.read-faults"
    """The registry or a source is at fault."""
    ACTIVATE = "next.activate"
    """The state of its cluster keeps it."""
    PLACE = "next.place"
    """It is left alone: the registry places it there no more."""
    SEE_CLUSTERS = "next.see-clusters"
    """What answers at its cluster's address may not be the one that is meant."""
    REACH = "next.reach"
    """Its cluster does not answer."""
    INSTALL = "next.install"
    """The cluster serves kinds only once somebody brings them. Params: kinds."""
    MEND = "next.mend"
    """Only a change helps."""
    LOOK = "next.look"
    """Something differs."""
    END_FIGHT = "next.end-fight"
    """Somebody else keeps changing it. Params: manager, first."""
    SEE_NEWER = "next.see-newer"
    """There is a newer run of the placement. Params: run."""
    SEE_OBJECTS = "next.see-objects"
    """Objects are not well."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a placement stands, as far as it decides on what to do.

    Attributes:
        ref: ``cluster/application``.
        approvals: numbers of what waits for a person and would let it go on.
    """

    ref: str
    status: SyncStatus
    health: Health
    hold: Reason
    contact: Reason
    found: Reason
    failure: Failure | None
    retry_at: datetime | None
    paused_by: str
    approvals: Sequence[int] = ()

    @property
    def cluster(self) -> str:
        """Its cluster."""
        return self.ref.partition("/")[0]


def awaited(*, contact: Reason, hold: Reason, found: Reason) -> Reason:
    """Return what a placement waits for that is not at its wanted revision and has not failed there; or no reason."""
    return contact or hold or found


def next_steps(standing: Standing) -> tuple[Reason, ...]:
    """Return what a person does next about a placement, the first thing first; never empty.

    That there is nothing to do is said only where nothing at all is out of order.
    """
    steps = tuple(dict.fromkeys(_steps(standing)))
    if steps:
        return steps
    well = standing.status is SyncStatus.SYNCED and standing.health in WELL
    quiet = not (standing.hold or standing.contact or standing.found or standing.failure)
    place = {"ref": standing.ref, "cluster": standing.cluster}
    if standing.status is SyncStatus.SYNCED and standing.health is Health.PROGRESSING and quiet:
        return (Reason(NextStep.WAIT_HEALTH, place),)
    return (Reason(NextStep.NOTHING) if well and quiet else Reason(NextStep.WAIT, place),)


_BY_HOLD: Mapping[str, NextStep] = {
    **dict.fromkeys(BLOCKING, NextStep.SEE_CLUSTERS),
    **dict.fromkeys((Hold.JOINING, Hold.FROZEN, Hold.UNDECLARED, Hold.DRAINING), NextStep.ACTIVATE),
    **dict.fromkeys((Hold.APPLICATION_BLOCKED, Hold.UNRESOLVED, Hold.UNREADABLE), NextStep.READ_FAULTS),
    **dict.fromkeys((Hold.MANUAL, Hold.TRANSFERRED), NextStep.SYNC),
    **dict.fromkeys((Hold.UNPLACED, Hold.CLUSTER_RETIRED), NextStep.PLACE),
}
_BY_FOUND: Mapping[str, NextStep] = {
    Found.WARNED: NextStep.LOOK,
    Found.DRIFTED: NextStep.LOOK,
    Found.REFUSED: NextStep.LOOK,
    Found.TOLD: NextStep.LOOK,
    Found.HOOKS: NextStep.SYNC,
    Found.PRUNE_REJECTED: NextStep.SYNC,
    Found.PRUNE_HELD: NextStep.SEE_OBJECTS,
    Found.WAITS: NextStep.WAIT,
    Found.RETRIES: NextStep.WAIT,
}


def _steps(standing: Standing) -> Iterator[Reason]:
    place = {"ref": standing.ref, "cluster": standing.cluster}
    if standing.paused_by:
        yield Reason(NextStep.RESUME, {**place, "by": standing.paused_by})
    if standing.approvals:
        yield Reason(NextStep.DECIDE, {**place, "approvals": list(standing.approvals)})
    if standing.contact:
        yield Reason(NextStep.REACH, place)
    if standing.contact.code == Contact.LOST:
        return
    if standing.hold.code in _BY_HOLD:
        yield Reason(_BY_HOLD[standing.hold.code], place)
    if standing.failure is not None:
        yield _after(standing, standing.failure, place)
    elif standing.found.code == Found.FIGHT:
        told = {name: str(standing.found.params.get(name, "")) for name in ("manager", "first")}
        yield Reason(NextStep.END_FIGHT, {**place, **told})
    elif standing.found.code in _BY_FOUND:
        yield Reason(_BY_FOUND[standing.found.code], place)
    if standing.health in {Health.DEGRADED, Health.MISSING}:
        yield Reason(NextStep.SEE_OBJECTS, place)


def _after(standing: Standing, failure: Failure, place: Mapping[str, str]) -> Reason:
    if kinds := failure.params.get(UNKNOWN_KINDS):
        return Reason(NextStep.INSTALL, {**place, "kinds": [str(kind[2]) for kind in kinds]})
    if standing.retry_at is not None:
        return Reason(NextStep.WAIT_RETRY, {**place, "at": standing.retry_at.isoformat()})
    return Reason(NextStep.WAIT if failure.remedy is Remedy.TIME else NextStep.MEND, place)
