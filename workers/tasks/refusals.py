"""Writes down messages that were refused: audited, shown as a fault, and bounded when there is a flood of them."""

from __future__ import annotations

import threading
from datetime import timedelta

from common.broker.errors import MessageRefusedError
from common.clock import Clock
from common.domain.codes import MessageReason
from common.domain.errors import FlotillaError
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.state import faults
from common.store.state.faults import StoredFault
from common.telemetry.logs import logger
from workers.tasks.vitals import Vitals

log = logger(__name__)
WINDOW = timedelta(minutes=1)
WRITTEN = 10
"""Refusals that are written down one by one in a window; further ones are counted."""


class Refusals:
    """The refusals of one worker process. Safe to use from several threads.

    Args:
        database: gets the rows.
        clock: monotonic, for the window.
        worker: who refused.
        vitals: told of every message.
    """

    def __init__(self, database: Database, clock: Clock, worker: str, vitals: Vitals) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._vitals = vitals
        self._lock = threading.Lock()
        self._since = float("-inf")
        self._count = 0

    def checked(self, why: MessageReason | None) -> None:
        """Note why a message was refused; None of one that was taken."""
        if why is None:
            self._vitals.accepted()
            return
        self._vitals.refused(why)
        if why is MessageReason.OLD:
            # Our own, delivered again by the broker long after a worker died: its run was sent again since.
            log.warning("message.old", why=why)
        else:
            self._note(why)

    def _note(self, why: MessageReason) -> None:
        """Write down that somebody else's message was refused."""
        log.warning("message.refused", why=why)
        count = self._counted()
        if count > WRITTEN:
            return
        try:
            with self._database.write() as connection:
                now = self._database.now(connection)
                detail = {"why": why, "worker": self._worker, "last of this minute": count == WRITTEN}
                refusal = Deed("unknown", "message.refused", "broker", project="", detail=detail)
                audit.append(connection, refusal, now=now)
                refused = MessageRefusedError(why).reason
                fault = StoredFault(refused.code, refused.params, project="")
                faults.add(connection, faults.MESSAGES, fault, now=now)
        except FlotillaError as error:
            log.warning("message.refusal-not-written", error=str(error))

    def _counted(self) -> int:
        with self._lock:
            now = self._clock.monotonic()
            if now - self._since > WINDOW.total_seconds():
                self._since, self._count = now, 0
            self._count += 1
            return self._count
