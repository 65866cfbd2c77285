"""Events as they come, for everybody who looks on: read once for all, kept for a while in one ring.

Whoever looks on has a place in the ring and no queue of their own, so that a slow one costs nothing and holds up
nobody: what the ring has lost is what they have lost, and they are told so.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import orjson
from anyio import CapacityLimiter, to_thread

from common.domain.errors import TransientError
from common.domain.events import Event, Position
from common.domain.rights import ALL
from common.store.engine.session import Database
from common.store.events import stream
from common.store.events.stream import EventFilter
from common.telemetry.logs import logger

log = logger(__name__)
_STATES = ("outcome", "trigger", "was", "approval", "asks", "fault")
"""Parameters that say how something stands now. The others are read where the event is."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, and how much.

    Attributes:
        poll: seconds between two looks at the table.
        kept: events in the ring.
        page: events that one statement reads.
        pages: full pages that one look reads before it gives up and begins anew at the end.
        linger: seconds that it goes on after the last has left, since most come again at once.
        stale: seconds without a successful look after which nothing may be called news any more.
    """

    poll: float = 1.0
    kept: int = 5_000
    page: int = 1_000
    pages: int = 4
    linger: float = 60.0
    stale: float = 10.0


class StaleError(TransientError):
    """The database does not answer: nobody knows what came about."""

    code = "events.stale"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is sent.

    Attributes:
        position: its place in the order of events.
        topic: what it is about: the first word of its kind.
        project: whose it is; empty for nobody's.
        frame: what is sent, to everybody alike.
    """

    position: Position
    topic: str
    project: str
    frame: bytes


def entry(event: Event) -> Entry:
    """Return an event as it is sent: what it is about and how that stands, without a sentence."""
    data = {
        "at": event.at,
        "ref": event.subject,
        "cluster": event.cluster,
        "application": event.application,
        "project": event.project,
        "code": event.code,
        "run": event.run,
    } | {name: event.params[name] for name in _STATES if name in event.params}
    return Entry(
        position=event.position,
        topic=event.kind.partition(".")[0],
        project=event.project,
        frame=framed(event.kind, event.position, orjson.dumps(data)),
    )


def framed(name: str, position: Position, data: bytes = b"{}") -> bytes:
    """Return a message of the format of server-sent events; ``data`` is JSON, and so on one line."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), str(position).encode(), data)


class Feed:
    """The latest events of one process. Used by one event loop; reads while somebody looks on.

    Args:
        database: read by one statement for each look.
        rhythm: how often.
        clock: monotonic seconds.
    """

    def __init__(self, database: Database, rhythm: Rhythm, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._rhythm = rhythm
        self._clock = clock
        self._ring: deque[Entry] = deque(maxlen=rhythm.kept)
        self._first = 0  # number of the ring's first entry, counted since the start
        self._head, self._floor = Position(), Position()
        self._looked_at = -1.0
        self._news, self._looked = asyncio.Event(), asyncio.Event()
        self._onlookers, self._left_at = 0, 0.0
        self._reader: asyncio.Task[None] | None = None
        self._thread = CapacityLimiter(1)  # its own: requests that wait for a thread do not hold it up
        self._closed = False

    @property
    def head(self) -> Position:
        """Return the position of the last event that is known here."""
        return self._head

    @property
    def closed(self) -> bool:
        """Return whether the process ends."""
        return self._closed

    @property
    def end(self) -> int:
        """Return the number of the entry that comes next."""
        return self._first + len(self._ring)

    async def join(self) -> None:
        """Begin to look on; whoever does says ``leave`` in the end.

        Raises:
            StaleError: what came about cannot be read.
        """
        self._onlookers += 1
        try:
            if self._reader is None:
                self._reader = asyncio.create_task(self._read_on())
            if self._looked_at < 0:
                await self._next_look()
            self.check()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Look on no more."""
        self._onlookers -= 1
        self._left_at = self._clock()

    def check(self) -> None:
        """Return if what is here is what came about.

        Raises:
            StaleError: the database has not answered for too long.
        """
        if self._looked_at < 0 or self._clock() - self._looked_at > self._rhythm.stale:
            message = "the hub's database does not answer, so nobody knows what came about"
            raise StaleError(message, remedy="Try again; `flotilla doctor` says what is wrong.")

    def close(self) -> None:
        """End for good; all who look on are told."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
        self._tell()
        self._looked.set()

    async def after(self, position: Position) -> int | None:
        """Return the number of the first entry behind a position; None where entries in between may be missing."""
        if position > self._head:  # another process may have read it before this one
            await self._next_look(begun=self._clock())
        if position > self._head or position < self._floor:
            return None
        return self._first + sum(one.position <= position for one in self._ring)

    def since(self, number: int) -> list[Entry] | None:
        """Return the entries from a number on; None where the first of them is here no more."""
        if number < self._first:
            return None
        return [self._ring[at] for at in range(number - self._first, len(self._ring))]

    async def news(self, seconds: float) -> None:
        """Return at the next look that has something to tell, or after that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _next_look(self, begun: float = 0.0) -> None:
        """Return once a look has succeeded that began then or later, or after the time in which nothing is news."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rhythm.stale):
                while self._looked_at < begun and not self._closed:
                    await self._looked.wait()

    async def _read_on(self) -> None:
        try:
            while self._onlookers or self._clock() - self._left_at < self._rhythm.linger:
                try:
                    await self._look()
                except Exception as error:  # the next look may do better, and its age is told
                    log.warning("events.unread", error=type(error).__name__)
                await asyncio.sleep(self._rhythm.poll)
        finally:
            self._reader, self._looked_at = None, -1.0

    async def _look(self) -> None:
        begun = self._clock()
        if self._looked_at < 0:
            self._begin(await self._in_thread(self._latest))
            told = True
        else:
            told = await self._go_on()
        self._looked_at = begun
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
        if told:
            self._tell()

    async def _go_on(self) -> bool:
        """Read what came; tell whether anything did."""
        told = False
        for _ in range(self._rhythm.pages):
            found = await self._in_thread(self._behind)
            self._add(found)
            told = told or bool(found)
            if len(found) < self._rhythm.page:
                return told
        # It comes faster than it can be read here: who looks on reads anew what is of interest.
        self._begin(await self._in_thread(self._latest))
        return True

    async def _in_thread(self, read: Callable[[], tuple[Event, ...]]) -> tuple[Event, ...]:
        return await to_thread.run_sync(read, limiter=self._thread)

    def _latest(self) -> tuple[Event, ...]:
        with self._database.read() as connection:
            return stream.latest(connection, EventFilter(ALL), limit=self._rhythm.kept)

    def _behind(self) -> tuple[Event, ...]:
        with self._database.read() as connection:
            return stream.behind(connection, self._head, EventFilter(ALL), limit=self._rhythm.page)

    def _begin(self, found: tuple[Event, ...]) -> None:
        """Forget what is here, so that no place in it is good any more, and begin with these."""
        self._first += len(self._ring) + 1
        self._ring.clear()
        self._head = Position()
        self._floor = found[0].position if found else Position()
        self._add(found)

    def _add(self, found: tuple[Event, ...]) -> None:
        for event in found:
            if len(self._ring) == self._rhythm.kept:
                self._floor = self._ring[0].position
                self._first += 1
            self._ring.append(entry(event))
            self._head = event.position

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
