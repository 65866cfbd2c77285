"""Has this process's leases renewed while what they are for makes progress, and knows for how long each surely holds.

Threads cannot be ended. What hangs is given up instead: its lease is renewed no more, so that the reaper ends its
attempt; its slot counts as stuck; and a process whose work all hangs is replaced (see ``heartbeat``). Who renews is a
process beside this one (``renewing``): both show each other instants on a ``Board``.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from common.clock import Clock
from common.domain.errors import LeaseLostError
from common.domain.reasons import sentence
from common.telemetry.logs import logger
from workers.tasks.board import Board, State
from workers.tasks.renewals import Renewals
from workers.tasks.renewer import Terms

log = logger(__name__)
_FRAMES = 6


class HeldLease:
    """One lease, as its holder sees it; the ``Fence`` of an attempt. Safe to use from several threads.

    Args:
        name: for messages.
        board: that shows until when it holds: counted from when the last claim or renewal was *sent*.
        place: of the lease there.
        clock: monotonic.
    """

    def __init__(self, name: str, board: Board, place: int, clock: Clock) -> None:
        self.name = name
        self.noticed = False
        """Whether the log has that it was given up."""
        self._board, self._place = board, place
        self._clock = clock
        self._counts: Callable[[], Mapping[str, int]] = dict
        self._counted: Mapping[str, int] = {}
        self._thread = threading.get_ident()

    def check(self, needed: timedelta) -> None:
        """Return if the lease surely outlives a request of ``needed``; whoever asks makes progress.

        Raises:
            LeaseLostError: it may not.
        """
        now = self._board.moved[self._place] = self._clock.monotonic()
        if now + needed.total_seconds() > self.deadline:
            message = f"the lease {self.name} may run out before the next write has ended"
            raise LeaseLostError(message)

    def watch(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Take it for progress whenever what ``counts`` returns has changed; it is called from another thread."""
        self._counts = counts

    def look(self) -> None:
        """Note whether there was progress since the last look."""
        counted = self._counts()
        if counted != self._counted:
            self._counted, self._board.moved[self._place] = counted, self._clock.monotonic()

    @property
    def deadline(self) -> float:
        """Until when it surely holds, on the monotonic clock."""
        return self._board.deadlines[self._place]

    @property
    def state(self) -> State:
        """The state of the lease, as the renewer found it."""
        return State(int(self._board.states[self._place]))

    @property
    def told(self) -> bool:
        """Whether it was given up, and SQL knows that."""
        return bool(self._board.told[self._place])

    def whereabouts(self) -> list[str]:
        """Return where in the code its thread is now, innermost last; names and lines only."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the documented way to another thread's stack
        stack = [] if frame is None else traceback.extract_stack(frame)[-_FRAMES:]
        return [f"{one.filename.rpartition('/site-packages/')[2]}:{one.lineno} {one.name}" for one in stack]


class LeaseKeeper:
    """The leases of this process.

    Args:
        renewals: renews them.
        board: that ``renewals`` shows on until when they hold.
        clock: monotonic.
        terms: of renewals.
        ensure: called every few seconds, starts what renews them again where it has ended.
    """

    def __init__(
        self, renewals: Renewals, board: Board, clock: Clock, *, terms: Terms, ensure: Callable[[], None] = lambda: None
    ) -> None:
        self.renewals = renewals
        self.board = board
        self._clock = clock
        self._terms = terms
        self._ensure = ensure
        self._held: dict[str, HeldLease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Begin to have them renewed."""
        self._ensure()
        self._thread.start()

    def stop(self) -> None:
        """Look after them no more."""
        self._stop.set()
        self._thread.join()

    def count(self) -> int:
        """Return how many leases are held, given up or not: each is a slot at work."""
        return len(self._all())

    def stuck(self) -> int:
        """Return how many of them were given up, and SQL knows it, while their threads are still there."""
        return sum(one.told for one in self._all().values())

    @contextmanager
    def keeping(self, name: str, token: str, *, asked_at: float) -> Iterator[HeldLease]:
        """Keep a lease alive inside the block; giving it back is the caller's.

        Args:
            name: of the lease.
            token: that came with it.
            asked_at: on the monotonic clock, before the lease was asked for.
        """
        deadline = asked_at + self._terms.lease.total_seconds()
        place = self.board.place(deadline=deadline, now=self._clock.monotonic())
        held = HeldLease(name, self.board, place, self._clock)
        with self._lock:
            self._held[token] = held
        self.renewals.hold(place, name, token)
        try:
            yield held
        finally:
            with self._lock:
                del self._held[token]
            self.renewals.drop(token)

    def _all(self) -> dict[str, HeldLease]:
        with self._lock:
            return dict(self._held)

    def _run(self) -> None:
        while not self._stop.wait(self._terms.every.total_seconds()):
            self._ensure()
            self.look()

    def look(self) -> None:
        """Note what made progress, and tell the log of what was given up."""
        for one in self._all().values():
            one.look()
            if one.state >= State.IDLE and not one.noticed:
                one.noticed = True
                why = sentence(self._terms.patience.passed(one.state))
                log.error("lease.given-up", lease=one.name, why=why, where=one.whereabouts())
