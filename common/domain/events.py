"""Events: what came about, each told once, in an order that every reader sees alike.

What tells one is the database itself, with the change that it is about (``common.store.schema.emitters``); here is
what each kind says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.domain import formatting
from common.domain.errors import PermanentError
from common.domain.refs import LEAST_UUID, RunId, is_uuid

Params = Mapping[str, Any]
_DIGITS = 19


class EventKind(StrEnum):
    """What an event is about; the code says which case of it, the parameters the particulars."""

    RUN_ENDED = "run.ended"
    HEALTH_CHANGED = "health.changed"
    DRIFT_FOUND = "drift.found"
    DRIFT_CLEARED = "drift.cleared"
    FAULT_RAISED = "fault.raised"
    FAULT_CLEARED = "fault.cleared"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_DECIDED = "approval.decided"
    CLUSTER_REACHED = "cluster.reached"
    CLUSTER_LOST = "cluster.lost"
    REVISION_RESOLVED = "revision.resolved"


class PositionError(PermanentError):
    """A text that is no position."""

    code = "events.position"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of events: a reader that has taken everything up to it goes on behind it.

    Attributes:
        tx: number of the transaction that told the event; larger ones may have been committed earlier.
        id: of the event; orders those of one transaction.
    """

    tx: int = 0
    id: str = LEAST_UUID

    def __str__(self) -> str:
        """Return it as one word."""
        return f"{self.tx}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Return the position that ``str`` made a word of.

        Raises:
            PositionError: it is none.
        """
        tx, dot, id_ = text.partition(".")
        if not (dot and tx.isascii() and tx.isdigit() and len(tx) <= _DIGITS and is_uuid(id_)):
            message = f"{text[:80]!r} is no position of an event"
            raise PositionError(message, remedy="Give back the `after` of the page before, as it is.")
        return cls(int(tx), id_)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that came about.

    Attributes:
        position: its place in the order; its ``id`` is the event's own, and sorts by ``at`` nearly.
        at: when, by the database's clock.
        kind: what it is about.
        subject: a placement, cluster or application, or the scope of a fault.
        cluster: that it concerns; empty for none, or all.
        application: that it concerns; empty for none, or all.
        project: whose application it is, as far as is known; empty where it is not.
        code: which case of its kind; empty where there is but one.
        params: the particulars, as ``PARAMS`` lists them: numbers, codes and names, never words from elsewhere.
        run: that led to it; None where none did.
        actor: who did.
    """

    position: Position
    at: datetime
    kind: EventKind
    subject: str
    cluster: str
    application: str
    project: str
    code: str
    params: Params
    run: RunId | None
    actor: str


PARAMS: Mapping[EventKind, Mapping[str, str]] = {
    EventKind.RUN_ENDED: {
        "outcome": "how it ended",
        "trigger": "why it was made",
        "reason": "code of why it ended so, where that is no error; empty for none",
        "seconds": "from its first claim to its end; null where nobody claimed it",
        "commit": "it was to bring in; null for a removal",
        "counts": "objects by what was done to them, those without a change among them; null where none was looked at",
    },
    EventKind.HEALTH_CHANGED: {"was": "the health before"},
    EventKind.DRIFT_FOUND: {"found": "how many objects, and the first"},
    EventKind.DRIFT_CLEARED: {"was": "the code of what differed"},
    EventKind.FAULT_RAISED: {"fault": "its number", "file": "that it is in; empty for none", "line": "0 for none"},
    EventKind.FAULT_CLEARED: {"fault": "its number", "file": "that it was in; empty for none", "line": "0 for none"},
    EventKind.APPROVAL_ASKED: {"approval": "its number", "asks": "what for"},
    EventKind.APPROVAL_DECIDED: {"approval": "its number", "asks": "what for"},
    EventKind.CLUSTER_REACHED: {"version": "of its API server"},
    EventKind.CLUSTER_LOST: {"version": "that it had"},
    EventKind.REVISION_RESOLVED: {
        "source": "its number",
        "commit": "what the source was resolved to when the files were first as they are",
        "digest": "of the files that the application is made from",
    },
}
"""What each kind's parameters hold, by name."""
CODES: Mapping[EventKind, str] = {
    EventKind.RUN_ENDED: "of the error; empty where there was none",
    EventKind.HEALTH_CHANGED: "the health now",
    EventKind.DRIFT_FOUND: "which case: `drift.found`, `drift.warned`, `drift.fight`, `drift.refused`",
    EventKind.DRIFT_CLEARED: "of what is found now; empty where all is as it should be",
    EventKind.FAULT_RAISED: "the fault's",
    EventKind.FAULT_CLEARED: "the fault's",
    EventKind.APPROVAL_ASKED: "`open`",
    EventKind.APPROVAL_DECIDED: "`approved`, `rejected`, or `void` where the question is asked no more",
    EventKind.CLUSTER_REACHED: "empty",
    EventKind.CLUSTER_LOST: "of the error",
    EventKind.REVISION_RESOLVED: "empty",
}
"""What each kind's code says."""


def sentence(event: Event) -> str:
    """Return an event in words, without its subject."""
    return _SENTENCES[event.kind](event)


def _run_ended(event: Event) -> str:
    params = event.params
    why = event.code or params.get("reason")
    took = params.get("seconds")
    how = ", ".join(filter(None, (params.get("trigger"), "" if took is None else _took(float(took)))))
    return f"{params.get('outcome', 'ended')}{f': {why}' if why else ''} ({how})"


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _drift(event: Event) -> str:
    found = event.params.get("found") or {}
    first, objects = found.get("first"), found.get("objects")
    others = f"and {formatting.of(objects - 1, 'other object')}" if objects and objects > 1 else ""
    return " ".join(filter(None, (event.code, first, others)))


def _fault(event: Event) -> str:
    file, line = event.params.get("file"), event.params.get("line")
    where = f" in {file}" if file else ""
    return f"{event.code}{where}{f':{line}' if file and line else ''}"


def _approval(event: Event) -> str:
    return f"{event.params.get('asks')} {event.params.get('approval')}: {event.code}"


_SENTENCES: Mapping[EventKind, Callable[[Event], str]] = {
    EventKind.RUN_ENDED: _run_ended,
    EventKind.HEALTH_CHANGED: lambda event: f"{event.params.get('was')} -> {event.code}",
    EventKind.DRIFT_FOUND: _drift,
    EventKind.DRIFT_CLEARED: lambda event: f"no more {event.params.get('was')}",
    EventKind.FAULT_RAISED: _fault,
    EventKind.FAULT_CLEARED: _fault,
    EventKind.APPROVAL_ASKED: _approval,
    EventKind.APPROVAL_DECIDED: _approval,
    EventKind.CLUSTER_REACHED: lambda event: f"answers ({event.params.get('version')})",
    EventKind.CLUSTER_LOST: lambda event: event.code,
    EventKind.REVISION_RESOLVED: lambda event: str(event.params.get("commit", ""))[:12],
}
