"""``python -m workers.tasks.renewing``: the process that renews a worker's leases and heartbeat, until its input ends.

The worker starts it and tells it by lines of JSON what is held. No file, manifest or expression of an
application is read here.
The input ends when the worker does, however it ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from common.clock import SystemClock
from common.domain.errors import FlotillaError
from common.settings import settings
from common.store.engine.session import open_database
from common.telemetry.logs import configure, logger
from workers.tasks.board import Board
from workers.tasks.renewer import BEAT_EVERY, Patience, Renewer, Report, Terms

log = logger(__name__)


class _Control:
    """What the worker said last, and the two threads that act on it."""

    def __init__(self, renewer: Renewer, terms: Terms, worker: int) -> None:
        self._renewer, self._terms, self._worker = renewer, terms, worker
        self._report: Report | None = None
        self._beating = threading.Lock()

    def start(self) -> None:
        for every, act in ((self._terms.every, self._renewer.renew), (BEAT_EVERY, self._beat)):
            threading.Thread(target=_again, args=(every, act), daemon=True).start()

    def handle(self, message: dict[str, Any]) -> None:
        match message:
            case {"hold": [int(place), str(name), str(token)]}:
                self._renewer.hold(place, name, token)
            case {"drop": str(token)}:
                self._renewer.drop(token)
            case {"beat": dict(report)}:
                first = self._report is None
                self._report = msgspec.convert(report, Report)
                if first:
                    _tried(self._beat)
            case {"leave": str(name)}:
                with self._beating:
                    self._report = None
                _tried(lambda: self._renewer.leave(name))

    def _beat(self) -> None:
        with self._beating:
            report = self._report
            if report is None:
                return
            self._renewer.beat(report)
        if time.monotonic() - report.at > self._terms.patience.idle.total_seconds() and os.getppid() == self._worker:
            # Its threads run no more, so that it cannot end itself; whatever keeps it running starts another.
            log.error("worker.ended", said="the worker has said nothing for as long as work may hang: I end it")
            os.kill(self._worker, signal.SIGKILL)


def _again(every: timedelta, act: Callable[[], None]) -> None:
    while True:
        time.sleep(every.total_seconds())
        _tried(act)


def _tried(act: Callable[[], None]) -> None:
    try:
        act()
    except FlotillaError as error:
        log.warning("lease.not-renewed", code=error.code, error=str(error))


def main() -> None:
    """Renew until the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # runs that are to end in order need their leases until then
    config = settings()
    configure(config)
    board, worker = Board(int(sys.argv[1])), int(sys.argv[2])
    terms = Terms(config.lease, config.lease_renewal, Patience(config.stuck_after, config.attempt_limit))
    control = _Control(Renewer(open_database(config), SystemClock(), board, terms), terms, worker)
    control.start()
    for line in sys.stdin.buffer:
        control.handle(msgspec.json.decode(line))
    os._exit(0)


if __name__ == "__main__":
    main()
