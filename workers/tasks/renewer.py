"""Renews the leases of one worker process, gives up those without progress, and tells SQL that the process lives.

It runs in a process of its own (``renewing``), so that nothing which holds the worker's interpreter costs a lease.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from common.clock import Clock
from common.domain.codes import StuckReason
from common.domain.status import NONE, Reason
from common.domain.work import WorkerState
from common.store.engine.session import Database
from common.store.queue import attempts, leases, lost, workers
from common.telemetry.logs import logger
from workers.tasks.board import Board, State

log = logger(__name__)
BEAT_EVERY = timedelta(seconds=4)
_GONE = float("-inf")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long work may take.

    Attributes:
        idle: without progress.
        whole: in all.
    """

    idle: timedelta
    whole: timedelta

    def passed(self, state: State) -> Reason:
        """Return why a lease in that state was given up; none where it was not."""
        if state is State.LONG:
            return Reason(StuckReason.LONG, {"seconds": self.whole.total_seconds()})
        return Reason(StuckReason.IDLE, {"seconds": self.idle.total_seconds()}) if state is State.IDLE else NONE


@dataclass(frozen=True, slots=True)
class Terms:
    """How leases are renewed.

    Attributes:
        lease: how long each renewal is good for.
        every: between renewals; a third of ``lease`` or less.
        patience: how long what a lease is for may take.
    """

    lease: timedelta
    every: timedelta
    patience: Patience


@dataclass(frozen=True, slots=True)
class _Entry:
    """One lease; ``token`` proves that it is ours."""

    place: int
    name: str
    token: str
    began: float


@dataclass(frozen=True, slots=True)
class Report:
    """How the worker does, as it said itself.

    Attributes:
        state: of the process.
        started_at: by the database's clock.
        at: when it said so, on the monotonic clock.
        render_cache: how often its cache was asked.
        sandbox: which layers confine what it starts.
    """

    state: WorkerState
    started_at: datetime
    at: float
    render_cache: Mapping[str, int] = field(default_factory=dict)
    sandbox: Mapping[str, bool] = field(default_factory=dict)


class Renewer:
    """The leases of one worker process, renewed while their work makes progress. Safe to use from several threads.

    Args:
        database: holds the leases.
        clock: monotonic.
        board: where it shows until when leases hold.
        terms: how they are renewed.
    """

    def __init__(self, database: Database, clock: Clock, board: Board, terms: Terms) -> None:
        self._database, self._clock, self._board, self._terms = database, clock, board, terms
        self._held: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def hold(self, place: int, name: str, token: str) -> None:
        """Renew a lease from now on."""
        entry = _Entry(place, name, token, self._clock.monotonic())
        with self._lock:
            self._held[token] = entry

    def drop(self, token: str) -> None:
        """Renew a lease no more."""
        with self._lock:
            self._held.pop(token, None)

    def renew(self) -> None:
        """Renew everything held that makes progress, and give up what does not.

        Raises:
            DatabaseUnavailableError: nothing could be renewed; the deadlines stay.
        """
        board = self._board
        with self._lock:
            held = list(self._held.values())
        self._give_up(one for one in held if board.states[one.place] in {State.KEPT, State.LOST})
        kept = {one.name: one for one in held if board.states[one.place] < State.IDLE}
        untold = [one for one in held if board.states[one.place] >= State.IDLE and not board.told[one.place]]
        if not kept and not untold:
            return
        asked = self._clock.monotonic()
        with self._database.write() as connection:
            now = self._database.now(connection)
            for one in untold:
                why = self._terms.patience.passed(State(int(board.states[one.place])))
                attempts.note_stuck(connection, one.name, one.token, why=why)
            tokens = {name: one.token for name, one in kept.items()}
            renewed = leases.renew(connection, tokens, lease=self._terms.lease, now=now)
        for one in untold:
            board.told[one.place] = 1.0
        for name, one in kept.items():
            self._note(one, asked + self._terms.lease.total_seconds() if name in renewed else _GONE)

    def _note(self, one: _Entry, deadline: float) -> None:
        with self._lock:
            if self._held.get(one.token) is not one:
                return
            self._board.deadlines[one.place] = deadline
            self._board.states[one.place] = State.LOST if deadline == _GONE else State.KEPT

    def _give_up(self, held: Iterable[_Entry]) -> None:
        now, patience = self._clock.monotonic(), self._terms.patience
        for one in held:
            state = State.KEPT
            if now - one.began > patience.whole.total_seconds():
                state = State.LONG
            elif now - self._board.moved[one.place] > patience.idle.total_seconds():
                state = State.IDLE
            if state is not State.KEPT:
                self._board.deadlines[one.place] = _GONE
                self._board.states[one.place] = state

    def beat(self, report: Report) -> None:
        """Say once how the worker does: as it said itself, and deaf for as long as it has said nothing.

        Raises:
            DatabaseUnavailableError: nobody was told.
        """
        silent = self._clock.monotonic() - report.at
        state = report.state
        if silent > 2 * BEAT_EVERY.total_seconds():
            state = replace(state, deaf_for=state.deaf_for + silent)
        with self._database.write() as connection:
            now = self._database.now(connection)
            ahead = self._database.clock_ahead(connection).total_seconds()
            if lost.replace(connection, state.name, started_at=report.started_at):
                log.warning("worker.succeeds-a-dead-one", worker=state.name)
            state = replace(state, clock_ahead=ahead)
            workers.beat(
                connection,
                state,
                started_at=report.started_at,
                now=now,
                render_cache=report.render_cache,
                sandbox=report.sandbox,
            )
        self._board.clock_ahead = ahead

    def leave(self, name: str) -> None:
        """Have the worker forgotten: it ends in order.

        Raises:
            DatabaseUnavailableError: nobody was told.
        """
        with self._database.write() as connection:
            workers.leave(connection, name)
