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
_Key = tuple[str, str, str]
"""Who was refused what, from which address."""
_ALL = ("", "", "")
SEVERAL = "several"
"""In place of who was refused, for the rest of a minute."""
_REST = Deed(SEVERAL, "refused", "*", "", way=Way(Asked.REFUSED))


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
        self._first: dict[_Key, Deed] = {}
        self._more: Counter[_Key] = Counter()

    def note(self, deed: Deed) -> None:
        """Note that something was refused; what it says is bounded by who says it."""
        deeds = self._due(deed)
        if deeds:
            with self._database.write() as connection:
                audit.append_all(connection, deeds, now=self._database.now(connection))

    def _due(self, deed: Deed) -> list[Deed]:
        address = deed.way.address if deed.way is not None else ""
        key = (deed.actor, deed.action, address)
        minute = int(self._clock() // _MINUTE)
        first: dict[_Key, Deed] = {}
        more: Counter[_Key] = Counter()
        none: Counter[_Key] = Counter()
        is_first = False
        with self._lock:
            if minute != self._minute:
                first, more = self._first, self._more
                self._minute, self._first, self._more = minute, {}, none
            if key in self._first:
                self._more[key] += 1
            elif len(self._first) >= MOST:
                self._more[_ALL] += 1
            else:
                self._first[key] = deed
                is_first = True
        counted = [
            replace(one, detail={**(one.detail or {}), "more": number})
            for one, number in ((first.get(key, _REST), number) for key, number in more.items())
        ]
        return [*counted, deed] if is_first else counted
