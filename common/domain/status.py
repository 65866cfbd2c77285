"""What is said of a placement: one status, derived from facts that each have one observer, and the reason for it.

Four facts are kept apart, so that nobody can overwrite what another found out: whether there is contact with the
cluster (sweeps, observations, runs), what the last run that failed ran into (runs), what the last run that judged the
objects found (runs), and which revision is in (runs, against what planning wants). ``sync_status`` is the only place
where one status is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.domain.placements import PlacementState
from common.domain.runs import SyncStatus


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a code, and what its sentence is made with; ``common.domain.reasons`` makes it."""

    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return bool(self.code)

    def __hash__(self) -> int:
        """Return the hash of the code: parameters are mappings, and what holds a reason may be in a set."""
        return hash(self.code)


NONE = Reason()


class Contact(StrEnum):
    """Codes of what stands between us and a placement's objects; empty while everything can be read."""

    LOST = "contact.lost"
    """The cluster cannot be read: nothing about it is known any more. Params: code, message."""
    PARTIAL = "contact.partial"
    """A part of it could not be read. Params: what (a reason)."""


UNKNOWN_KINDS = "unknown_kinds"
"""Parameter of a failure: the kinds that the cluster did not serve, each a list of group, version and kind."""
NO_CONTACT = frozenset({"cluster.unreachable", "cluster.timeout", "cluster.garbage", "cluster.too-much"})
"""Errors that say that a cluster did not answer as one does. Whoever is refused, or asked to wait, was answered."""


class Found(StrEnum):
    """Codes of what the last run that judged a placement's objects found; empty where all is as it should be."""

    WARNED = "drift.warned"
    """``sync.mode`` is ``warn`` and something differs. Params: objects, adopted, first."""
    DRIFTED = "drift.found"
    """Something differs and may not be corrected now. Params: objects, adopted, first."""
    FIGHT = "drift.fight"
    """Somebody keeps changing an object back. Params: objects, first, manager, until."""
    REFUSED = "drift.refused"
    """A look could not judge everything. Params: code, message."""
    WAITS = "run.waits"
    """A run waits for health or a hook. Params: what (a reason)."""
    RETRIES = "run.retries"
    """A run ran into something that may pass, and goes on by itself. Params: code, message."""
    HOOKS = "hooks.unended"
    """Nothing differs, but hooks of the revision are not through. Params: objects, first."""
    PRUNE_ASKED = "prune.asked"
    """Removals wait for a person. Params: objects, why (a reason)."""
    PRUNE_HELD = "prune.held"
    """What was removed stays until its finalizers are done. Params: objects, first, finalizers."""
    PRUNE_REJECTED = "prune.rejected"
    """A person rejected removals. Params: objects, by, why."""
    TOLD = "told"
    """Words of a version that kept no codes. Params: text."""


BY_LOOKS = frozenset({Found.WARNED, Found.DRIFTED, Found.REFUSED})
"""What only runs leave behind that were not to write: one that may corrects what differs, or fails."""


class Remedy(StrEnum):
    """What ends a failure."""

    TIME = "transient"
    """It may pass: it is tried again, later and later."""
    CHANGE = "permanent"
    """Nothing but a change helps: of the revision, of the registry, of the cluster, or by a person."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the wanted revision did not go in.

    Attributes:
        code: stable, for programs.
        params: what tells two failures apart; ``message`` holds the exact words, the API server's own among them.
        remedy: what ends it.
        since: when the same failure was met first, without another in between.
        last: when it was met last.
        count: how often.
    """

    code: str
    params: Mapping[str, Any]
    remedy: Remedy
    since: datetime
    last: datetime
    count: int = 1

    @property
    def message(self) -> str:
        """The exact words."""
        return str(self.params.get("message", ""))

    def met(self, code: str, params: Mapping[str, Any], remedy: Remedy, *, now: datetime) -> Failure:
        """Return the failure after another one: counted where it is the same."""
        if (self.code, dict(self.params)) == (code, dict(params)):
            return Failure(code, params, remedy, self.since, now, self.count + 1)
        return Failure(code, params, remedy, now, now)


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Everything that a placement's status is made of.

    Attributes:
        state: what the registry wants of it.
        desired: identity of what it should run; None where nothing is wanted, or it is not resolved.
        applied: identity of what is known to be in; None for nothing.
        confirmed: whether that was ever confirmed on the cluster.
        failed: whether the last run for what is wanted failed.
        contact: see ``Contact``.
        found: see ``Found``.
    """

    state: PlacementState
    desired: tuple[str, str] | None
    applied: tuple[str, str] | None
    confirmed: bool
    failed: bool
    contact: str = ""
    found: str = ""


def sync_status(facts: StatusFacts) -> SyncStatus:
    """Return the one status of a placement.

    Without contact nothing is known, and what was known comes back with it. Then a failure: whoever looked since has
    not brought the wanted revision in. ``synced`` is only what is in, as confirmed, and read in full.
    """
    if facts.contact == Contact.LOST:
        return SyncStatus.UNKNOWN
    if facts.failed:
        return SyncStatus.FAILED
    if facts.state is PlacementState.LEFT:
        return SyncStatus.SYNCED
    if facts.desired is None or facts.applied != facts.desired or facts.found not in {"", Found.RETRIES}:
        return SyncStatus.OUT_OF_SYNC
    if facts.contact or not facts.confirmed:
        return SyncStatus.UNKNOWN
    return SyncStatus.SYNCED
