"""Watches: a stream of changes from a resourceVersion on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from simulator import api, controllers, errors, lists
from simulator.request import Request, Target
from simulator.store import HISTORY, Cluster, Event, EventType, Stored

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_DEFAULT_SECONDS = 1_800.0
_TICK = 0.1
"""Seconds between looks at what the lazily run controllers have due."""


def is_watch(request: Request) -> bool:
    """Say whether the request opens a watch."""
    return request.method == "GET" and request.query.get("watch") in ("1", "true")


async def stream(cluster: Cluster, request: Request, receive: Receive, send: Send) -> None:
    """Serve a watch until the client leaves or its time is over."""
    try:
        target = api.locate(cluster, request.path)
        pending = _Pending(cluster, target, request)
    except errors.ApiError as error:
        answer = api.refusal(error)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    left = asyncio.ensure_future(_gone(receive))
    wake = asyncio.Event()
    cluster.listeners.append(wake.set)
    try:
        await _pump(cluster, pending, request, send, left, wake)
    finally:
        cluster.listeners.remove(wake.set)
        left.cancel()


async def _pump(
    cluster: Cluster,
    pending: _Pending,
    request: Request,
    send: Send,
    left: asyncio.Future[None],
    wake: asyncio.Event,
) -> None:
    loop = asyncio.get_running_loop()
    seconds = request.query.get("timeoutSeconds", "")
    end = loop.time() + (float(seconds) if seconds.isdigit() else _DEFAULT_SECONDS)
    while not left.done() and loop.time() < end:
        controllers.settle(cluster)
        wake.clear()
        for line in pending.lines():
            await send({"type": "http.response.body", "body": line, "more_body": True})
        try:
            await asyncio.wait_for(wake.wait(), _TICK)
        except TimeoutError:
            continue
    if not left.done():
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Pending:
    """What a watch has still to be told."""

    def __init__(self, cluster: Cluster, target: Target, request: Request) -> None:
        self._cluster = cluster
        self._target = target
        self._partial = lists.wants_metadata_only(request)
        self._labels = lists.label_selector(request.query.get("labelSelector", ""))
        self._fields = lists.field_selector(request.query.get("fieldSelector", ""), target)
        since = request.query.get("resourceVersion", "")
        self._first: list[bytes] = []
        self._position = int(since) if since.isdigit() and since != "0" else cluster.version
        if not since or since == "0":
            self._first = [self._line(EventType.ADDED, stored) for _, stored in lists.select(cluster, target, request)]
        if self._position < cluster.version and len(cluster.history) == HISTORY:
            oldest = cluster.history[0].version
            if oldest > self._position + 1:
                message = f"too old resource version: {self._position} ({oldest})"
                raise errors.ApiError(410, "Expired", message)

    def lines(self) -> list[bytes]:
        """Return the events since the last call, one JSON line each."""
        found, self._first = self._first, []
        fresh = [event for event in self._cluster.history if event.version > self._position]
        for event in fresh:
            self._position = event.version
            line = self._seen(event)
            if line:
                found.append(line)
        return found

    def _seen(self, event: Event) -> bytes:
        target = self._target
        if event.key != target.kind.key or (target.namespace and event.place[0] != target.namespace):
            return b""
        if target.name and event.place[1] != target.name:
            return b""
        if not self._fields(event.place, event.stored):
            return b""
        now = event.type is not EventType.DELETED and self._labels(event.stored.labels)
        before = event.labels_before is not None and self._labels(event.labels_before)
        if now:
            return self._line(EventType.MODIFIED if before else EventType.ADDED, event.stored)
        return self._line(EventType.DELETED, event.stored) if before else b""

    def _line(self, happened: EventType, stored: Stored) -> bytes:
        kind = self._target.kind
        if self._partial:
            body = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":' + stored.meta + b"}"
        else:
            body = stored.wire(f'"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode())
        return b'{"type":' + orjson.dumps(happened.value) + b',"object":' + body + b"}\n"
