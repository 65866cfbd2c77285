"""Events as the console shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.domain.events import Event, sentence


@dataclass(frozen=True, slots=True)
class EventView:
    """One event; fields as in ``Event``.

    Attributes:
        id: its position: give it back as ``after`` to go on behind it.
        sentence: the code and parameters in words.
    """

    id: str
    at: datetime
    kind: str
    subject: str
    cluster: str
    application: str
    project: str
    code: str
    params: dict[str, Any]
    run: str | None
    actor: str
    sentence: str


def views(found: Sequence[Event]) -> tuple[EventView, ...]:
    """Return events as they are shown, in their order."""
    return tuple(
        EventView(
            id=str(event.position),
            at=event.at,
            kind=event.kind.value,
            subject=event.subject,
            cluster=event.cluster,
            application=event.application,
            project=event.project,
            code=event.code,
            params=dict(event.params),
            run=event.run,
            actor=event.actor,
            sentence=sentence(event),
        )
        for event in found
    )
