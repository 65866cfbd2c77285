"""Answers that many look at and that cost much: made once for all who ask at the same time, and sent packed.

Nobody gets what was made before they asked: who comes while an answer is being made shares the next one. So whatever
the number of those who look on, at most one answer of a kind is made at a time, and none is older than its question.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from anyio import to_thread
from fastapi import Request, Response

from console.api.shell.documents import takes_gzip

KEPT = 32
"""Answers that are kept to be compared with."""
_LEVEL = 6
"""Of gzip."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer as it is sent.

    Attributes:
        etag: another for another content.
        plain: JSON.
        packed: the same by gzip.
        marker: by which whoever made it knows that another one would be the same; empty for never.
    """

    etag: str
    plain: bytes
    packed: bytes
    marker: str = ""


Make = Callable[[Prepared | None], Prepared]
"""Makes an answer, or gives the last one back where it is still right; in a thread, with a transaction of its own."""


def prepared(content: bytes, *, marker: str = "") -> Prepared:
    """Return JSON as it is sent."""
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:20]}"'
    return Prepared(etag, content, gzip.compress(content, _LEVEL, mtime=0), marker)


class Shared:
    """The shared answers of one process; used by one event loop."""

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[Prepared]] = {}
        self._now: dict[Hashable, asyncio.Task[Prepared]] = {}
        self._last: OrderedDict[Hashable, Prepared] = OrderedDict()

    async def answer(self, request: Request, key: Hashable, make: Make) -> Response:
        """Return what ``make`` makes, begun after this was called; nothing but its ETag where the client has it.

        Args:
            request: that is answered.
            key: who asks the same by the same rights has the same.
            make: called once for all of them.
        """
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._made(key, make))
        found = await asyncio.shield(task)
        headers = {"ETag": found.etag, "Vary": "Accept-Encoding"}
        if _has(request.headers.get("if-none-match", ""), found.etag):
            return Response(status_code=304, headers=headers)
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return Response(found.packed, headers=headers, media_type="application/json")
        return Response(found.plain, headers=headers, media_type="application/json")

    async def _made(self, key: Hashable, make: Make) -> Prepared:
        before = self._now.get(key)
        if before is not None:
            await asyncio.wait([before])
        me = self._next.pop(key)  # from here on nobody joins
        self._now[key] = me
        try:
            found = await to_thread.run_sync(partial(make, self._last.get(key)))
        finally:
            del self._now[key]
        self._last[key] = found
        self._last.move_to_end(key)
        while len(self._last) > KEPT:
            self._last.popitem(last=False)
        return found


def _has(header: str, etag: str) -> bool:
    """Return whether a client says that it has an answer; compared weakly, as RFC 9110 has it for reads."""
    bare = etag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in {bare, "*"} for one in header.split(","))
