"""``GET /api/v1/events/stream``: what comes about, as it does, by server-sent events.

It says what something is and how that stands, and no more: whoever wants the rest reads it where it is, by the rights
that they have then. Every message has the place that it leads to, so that a reconnection goes on behind it.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Query, Request, status
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from common.domain import rights
from common.domain.errors import FlotillaError
from common.domain.events import EventKind, Position, PositionError
from common.domain.names import suggestion
from common.domain.rights import Verb
from common.store.engine.session import Database
from console.api.contract.errors import UnknownValueError
from console.api.contract.routing import api_router
from console.api.door.door import source_of_request
from console.api.door.gate import Gate, Refused
from console.api.door.needs import needs
from console.api.door.viewer import Asking, Viewer
from console.api.live.feed import Entry, Feed, Rhythm, StaleError, framed
from console.api.live.shares import Share, Shares

router = api_router("events")
TOPICS = frozenset(kind.partition(".")[0] for kind in EventKind)
"""The first words of the kinds of events."""
MOST_BYTES = 64 * 1024
"""Of events that are sent at once, before it is seen whether the client reads."""
Topics = Annotated[
    str, Query(max_length=200, description="What the events are about, separated by commas; empty is all.")
]
LastEvent = Annotated[str, Header(alias="Last-Event-ID", description="Go on behind this message.")]


@dataclass(frozen=True, slots=True)
class Care:
    """What is done while nothing comes.

    Attributes:
        comment: seconds after which something is sent all the same, so that the connection stays and its end is seen.
        rights: seconds after which it is asked again who looks on, and what they may read; at once where this process
            knows that somebody's rights have changed.
    """

    comment: float = 15.0
    rights: float = 10.0


class Streams:
    """What all streams of one process share.

    Args:
        database: read by the feed.
        rhythm: of the feed.
        share: how many streams there may be.
        care: for each of them.
    """

    def __init__(
        self, database: Database, rhythm: Rhythm | None = None, share: Share | None = None, care: Care | None = None
    ) -> None:
        self.feed = Feed(database, rhythm or Rhythm())
        self.shares = Shares(share or Share())
        self.care = care or Care()


class EventStream(StreamingResponse):
    """An answer that gives back what it has taken, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], streams: Streams, who: Viewer) -> None:
        super().__init__(content, headers={"X-Accel-Buffering": "no"})
        self._streams, self._who = streams, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.feed.leave()
            self._streams.shares.give_back(self._who.actor, self._who.address)


@router.get(
    "/events/stream",
    status_code=status.HTTP_200_OK,
    response_class=EventStream,
    dependencies=[needs(Verb.READ)],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events."}},
)
async def get_event_stream(
    request: Request, who: Asking, topics: Topics = "", last_event_id: LastEvent = ""
) -> EventStream:
    """Send events of the projects in which the caller may read, as they come, until the session ends.

    The first message is `ready`. `reset` says that messages were lost: read anew what is of interest. `end` says why
    the stream ends.
    """
    wanted = _topics(topics)
    streams: Streams = request.app.state.streams
    streams.shares.take(who.actor, who.address)
    try:
        await streams.feed.join()
    except BaseException:
        streams.shares.give_back(who.actor, who.address)
        raise
    return EventStream(_Onlooker(request, who, wanted).messages(last_event_id), streams, who)


def _topics(words: str) -> Collection[str]:
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if word not in TOPICS:
            message = f"there are no events about {word[:60]!r}"
            raise UnknownValueError(message, remedy=suggestion(word, sorted(TOPICS), ", ".join(sorted(TOPICS))))
    return frozenset(wanted) or TOPICS


class _Onlooker:
    """One stream: where it is in the feed, what of it may be seen, and when something is due."""

    def __init__(self, request: Request, who: Viewer, topics: Collection[str]) -> None:
        self._request = request
        self._streams: Streams = request.app.state.streams
        self._feed, self._care = self._streams.feed, self._streams.care
        self._topics = topics
        self._gate: Gate = request.app.state.gate
        self._who, self._scope, self._generation = who, who.scope(Verb.READ), -1
        self._at = self._feed.end
        self._said_at = time.monotonic()
        self._ask_again = _soon(self._care.rights)

    async def messages(self, last: str) -> AsyncIterator[bytes]:
        """Yield what is sent, until the session or the process ends."""
        at = await _place(self._feed, last)
        if at is None:
            yield self._reset()
        else:
            self._at = at
            yield framed("ready", Position.parse(last) if last else self._feed.head)
        while not self._feed.closed:
            try:
                ended = "" if await self._may_still() else "session.ended"
            except FlotillaError as error:  # of the database: who may see what is not known
                ended = error.code
            if ended:
                yield _end(ended)
                return
            for message in self._news():
                yield message
                self._said_at = time.monotonic()
            if time.monotonic() - self._said_at >= self._care.comment:
                try:
                    self._feed.check()
                except StaleError as error:
                    yield _end(error.code)
                    return
                yield self._comment()
                self._said_at = time.monotonic()
            if self._at == self._feed.end:
                due = min(self._said_at + self._care.comment, self._ask_again)
                await self._feed.news(due - time.monotonic())
        yield _end("hub.stopping")

    def _reset(self) -> bytes:
        self._at = self._feed.end
        return framed("reset", self._feed.head)

    def _news(self) -> list[bytes]:
        found = self._feed.since(self._at)
        if found is None:
            return [self._reset()]
        self._at += len(found)
        return _batches(found, self._topics, self._scope)

    def _comment(self) -> bytes:
        """Return what keeps the connection.

        Its place moves on with what is not for this viewer to see: being told little, they do not fall behind the ring.
        """
        return b"id: %b\n: \n\n" % str(self._feed.head).encode() if self._at == self._feed.end else b": \n\n"

    async def _may_still(self) -> bool:
        """Return whether what was shown at the beginning counts still; what it lets see is asked again where due."""
        generation = await self._gate.generation(self._who)
        if generation == self._generation and time.monotonic() < self._ask_again:
            return True
        found = await self._gate.authenticate(self._request, source=source_of_request(self._request), may_guess=True)
        if isinstance(found, Refused):
            return False
        self._who, self._scope, self._generation = found, found.scope(Verb.READ), generation
        self._ask_again = _soon(self._care.rights)
        return True


async def _place(feed: Feed, last: str) -> int | None:
    """Return where in the feed to begin; None where what came in between is not known."""
    if not last:
        return feed.end
    with suppress(PositionError):
        return await feed.after(Position.parse(last))
    return None


def _batches(found: list[Entry], topics: Collection[str], scope: rights.Scope) -> list[bytes]:
    """Return what a viewer may see of the entries, in pieces of no more than ``MOST_BYTES``, or of one entry."""
    batches: list[bytes] = []
    pieces: list[bytes] = []
    size = 0
    for one in found:
        if one.topic not in topics or not scope.covers(one.project):
            continue
        if size + len(one.frame) > MOST_BYTES and pieces:
            batches.append(b"".join(pieces))
            pieces, size = [], 0
        pieces.append(one.frame)
        size += len(one.frame)
    return [*batches, b"".join(pieces)] if pieces else batches


def _end(code: str) -> bytes:
    return b'event: end\ndata: {"code":"%b"}\n\n' % code.encode()


def _soon(seconds: float) -> float:
    """Return an instant about so far ahead: streams that began together do not ask the database together."""
    return time.monotonic() + seconds * random.uniform(0.7, 1.0)  # noqa: S311 - chance, no secret
