"""What people ask to see of a placement as it lives on its cluster now, and within which bounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from common.domain.refs import ObjectId
from common.domain.rights import Verb

KEPT = timedelta(minutes=10)
"""How long an inspection can be read; what a cluster said is not kept for longer."""
TIMEOUT = timedelta(seconds=15)
"""Longest that a worker may look."""
TAKEN_WITHIN = timedelta(seconds=60)
"""An inspection that no worker has taken by then is not carried out any more: nobody waits for it."""
OVERDUE = TIMEOUT * 2
"""A worker that has said nothing for so long since it took an inspection is taken for dead."""
MOST_OPEN = 10
"""Inspections of one viewer that are not answered yet."""
MOST_A_MINUTE = 120
"""Inspections that one viewer may ask for in a minute."""
MOST_LINES = 2_000
"""Lines of a log that may be asked for."""
LINES = 200
"""Lines of a log unless told otherwise."""
LARGEST = 1 << 20
"""Bytes of an answer as JSON."""


class Inspected(StrEnum):
    """What may be looked at."""

    TREE = "tree"
    """The objects of a placement, and what hangs on them."""
    EVENTS = "events"
    """Kubernetes' events about one of them and what hangs on it, or about all."""
    LOGS = "logs"
    """What the containers of the pods wrote that hang on one of them."""
    MANIFEST = "manifest"
    """One of them as the cluster has it."""
    OPERATE = "operate"
    """One of them is acted on, and what came of it is the answer."""


VERBS: Mapping[Inspected, Verb] = MappingProxyType(
    {
        Inspected.TREE: Verb.READ,
        Inspected.EVENTS: Verb.READ,
        Inspected.LOGS: Verb.LOGS,
        Inspected.MANIFEST: Verb.READ,
        Inspected.OPERATE: Verb.OPERATE,
    }
)
"""What a viewer must hold in the placement's project."""


@dataclass(frozen=True, slots=True)
class DueInspection:
    """One that is to be sent to a worker.

    Attributes:
        actor: who asks.
        was_sent: whether it was before, and nothing came of it.
    """

    id: str
    pool: str
    cluster: str
    actor: str
    was_sent: bool


class InspectionState(StrEnum):
    """How far an inspection is."""

    ASKED = "asked"
    TAKEN = "taken"
    """A worker looks."""
    ANSWERED = "answered"
    FAILED = "failed"
    """There is no answer, and none will come; the error says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        object: of the placement's objects or what hangs on them; None for all of them.
        container: whose log is wanted; empty for each.
        previous: whether the log of the container before its last restart is wanted.
        lines: of each log, the last ones; at most ``MOST_LINES``.
        since: how far back a log is read; None for all the way.
        action: what is done to the object.
    """

    what: Inspected
    object: ObjectId | None = None
    container: str = ""
    previous: bool = False
    lines: int = LINES
    since: timedelta | None = None
    action: str = ""

    @property
    def params(self) -> dict[str, Any]:
        """What of it a row holds besides what is looked at."""
        since = None if self.since is None else int(self.since.total_seconds())
        given = {"object": str(self.object) if self.object is not None else "", "container": self.container}
        return {**given, "previous": self.previous, "lines": self.lines, "since": since, "action": self.action}

    @classmethod
    def of(cls, what: str, params: Mapping[str, Any]) -> Question:
        """Return the question of a row.

        Raises:
            ValueError: nobody asks so.
        """
        since = params.get("since")
        return cls(
            what=Inspected(what),
            object=ObjectId.parse(params["object"]) if params.get("object") else None,
            container=str(params.get("container", "")),
            previous=params.get("previous") is True,
            lines=max(1, min(MOST_LINES, int(params.get("lines", LINES)))),
            since=None if since is None else timedelta(seconds=max(1, int(since))),
            action=str(params.get("action", "")),
        )
