"""A run that somebody wants, with all that is known when the decision is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.domain.fleet import Cluster, Placement
from common.domain.placements import PlacementState
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason

BY_PERSON = frozenset({Trigger.MANUAL, Trigger.APPROVAL, Trigger.CHECK})
"""Whoever asks knows that it is paused, manual, or only warned about."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One run that somebody wants.

    Attributes:
        trigger: why; ``LEAVING`` removes everything.
        state: of the placement, as stored.
        placement: the same in the registry; None where nothing places it.
        cluster: in the registry; None where it is unknown.
        owner: project that its objects belong to, see ``common.domain.tenant.owner_of``; empty for none.
        now: by the database's clock; aware.
        blocked: why nothing may be written to the cluster, whoever asks; ``NONE`` where it may.
        paused: whether a person paused the placement.
        agreed: whether a person asked for just this run after the application had become one of its project.
        begun: whether an attempt of the run has written already, so that it goes on and does not begin.
    """

    trigger: Trigger
    state: PlacementState
    placement: Placement | None
    cluster: Cluster | None
    owner: str
    now: datetime
    blocked: Reason = NONE
    paused: bool = False
    agreed: bool = False
    begun: bool = False

    @property
    def by_person(self) -> bool:
        """Whether a person asks."""
        return self.trigger in BY_PERSON
