"""``GET /api/v1/hooks``: which webhooks there are, and what came of those that were received."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from fastapi import Request

from common.domain.rights import Verb
from console.api.contract.routing import api_router
from console.api.door.needs import needs_everywhere

router = api_router("fleet")


class Receipt(StrEnum):
    """What came of a webhook."""

    BROUGHT = "brought"
    """It brought looks forward."""
    NOTHING = "nothing"
    """It was proved, and names nothing that is followed and not looked at anyway."""
    REFUSED = "refused"
    """It was not proved."""
    UNREADABLE = "unreadable"
    """It was proved, and its body is none of its kind."""
    BUSY = "busy"
    """It was proved, and one of too many."""


@dataclass(frozen=True, slots=True)
class HookView:
    """One hook, and what this process of the API received for it since it was started.

    Attributes:
        name: in its path; empty for all that are asked for and do not exist.
        kind: of its server.
        received: webhooks by what came of them.
        last_received_at: when one was proved last; None where none was.
    """

    name: str
    kind: str
    received: dict[str, int]
    last_received_at: datetime | None


class Receipts:
    """What came of the webhooks of one process: in memory, for what is not proved may not cost more than that.

    Args:
        known: returns the kinds of the hooks that there are, by name.
        clock: the instant.
    """

    def __init__(self, known: Callable[[], Mapping[str, str]], clock: Callable[[], datetime] | None = None) -> None:
        self._known = known
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lock = threading.Lock()
        self._received: dict[str, dict[str, int]] = {}
        self._last: dict[str, datetime] = {}

    def note(self, hook: str, what: Receipt) -> None:
        """Count a webhook; ``hook`` is a name that there is, or empty: what strangers ask for is kept nowhere."""
        now = self._clock()
        with self._lock:
            received = self._received.setdefault(hook, {})
            received[what.value] = received.get(what.value, 0) + 1
            if what is not Receipt.REFUSED:
                self._last[hook] = now

    def views(self) -> tuple[HookView, ...]:
        """Return all hooks that there are, and the one of all others, by name."""
        known = {**self._known(), "": ""}
        with self._lock:
            received, last = {name: dict(each) for name, each in self._received.items()}, dict(self._last)
        return tuple(
            HookView(name, kind, received.get(name, {}), last.get(name)) for name, kind in sorted(known.items())
        )


@router.get("/hooks", dependencies=[needs_everywhere(Verb.READ)])
def get_hooks(request: Request) -> tuple[HookView, ...]:
    """Return the hooks, and what this process of the API received for each since it was started.

    The one without a name is of all requests for hooks that do not exist.
    """
    receipts: Receipts = request.app.state.receipts
    return receipts.views()
