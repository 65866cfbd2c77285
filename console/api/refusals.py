"""Refusals in the audit: each is there, and a flood of them is a few rows with a number.

Of one source and one thing the first refusal of a minute is a row at once; the rest of that minute are counted, and are
one row with the next refusal of anybody. Beyond some sources in a minute, the rest are counted together.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Asked, Deed, Way

MOST = 60
"""Sources that have rows of their own in one minute."""
_MINUTE = 60.0
_REST = Deed("several", "refused", "*", "", way=Way(Asked.REFUSED))


class Refusals:
    """Notes refusals of one process; may be used from several threads.

    Args:
        database: holds the audit.
        clock: monotonic seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = -1
        self._first: dict[tuple[str, str, str], Deed] = {}
        self._more: Counter[tuple[str, str, str]] = Counter()

    def note(self, deed: Deed) -> None:
        """Note that something was refused; what it says is bounded by who says it."""
        deeds = self._due(deed)
        if deeds:
            with self._database.write() as connection:
                audit.append_all(connection, deeds, now=self._database.now(connection))

    def _due(self, deed: Deed) -> list[Deed]:
        address = deed.way.address if deed.way is not None else ""
        key = (deed.actor, deed.action, address)
        with self._lock:
            minute = int(self._clock() // _MINUTE)
            due = self._counted() if minute != self._minute else []
            self._minute = minute
            if key in self._first:
                self._more[key] += 1
            elif len(self._first) >= MOST:
                self._more[("", "", "")] += 1
            else:
                self._first[key] = deed
                due.append(deed)
        return due

    def _counted(self) -> list[Deed]:
        """Return what was counted in the minute that is over, and forget it."""
        found = [(self._first.get(key, _REST), number) for key, number in self._more.items()]
        self._first.clear()
        self._more.clear()
        return [replace(deed, detail={**(deed.detail or {}), "more": number}) for deed, number in found]
