"""The ASGI application: TLS and HTTP are uvicorn's, everything else is decided here. No framework in the hot path."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from simulator import admin, api, errors, watches
from simulator.faults import Fault, FaultKind
from simulator.hub import Hosted, Hub
from simulator.request import APPLY_YAML, Answer, Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TRANSPORT = "simulator.transport"
"""Scope extension under which the server passes the connection, for faults that break it."""

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Application:
    """Routes requests to clusters and to the admin endpoints."""

    def __init__(self, hub: Hub, admin_token: str) -> None:
        self._hub = hub
        self._admin_token = admin_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        head, _, rest = scope["path"].lstrip("/").partition("/")
        request = await _read(scope, receive)
        if head == "admin":
            await _send(send, self._administer(request, rest))
            return
        name, _, path = rest.partition("/")
        hosted = self._hub.hosted.get(unquote(name)) if head == "clusters" else None
        if hosted is None:
            await _send(send, api.refusal(errors.no_such_page()))
            return
        below = Request(request.method, "/" + path, request.query, request.headers, request.body)
        await self._serve(hosted, below, scope, receive, send)

    def _administer(self, request: Request, path: str) -> Answer:
        given = _bearer(request)
        if not secrets.compare_digest(given.encode(), self._admin_token.encode()):
            return api.refusal(errors.unauthorized())
        return admin.answer(self._hub, request, path)

    async def _serve(self, hosted: Hosted, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        hosted.requests[verb(request)] += 1
        fault = hosted.strike(request.method, draw=random.random(), now=self._hub.clock()) if hosted.faults else None  # noqa: S311 - chance, not a secret
        if fault is not None and await _misbehave(fault, scope, receive, send):
            return
        if not hosted.cluster.accepts(_bearer(request)):
            await _send(send, api.refusal(errors.unauthorized()))
            return
        if watches.is_watch(request):
            await watches.stream(hosted.cluster, request, receive, send)
            return
        answer = api.handle(hosted.cluster, request)
        if fault is not None and fault.kind is FaultKind.DROP:
            await _send_part(send, answer, fault.after_bytes, scope)
            await _left(receive)
            return
        await _send(send, answer)


def verb(request: Request) -> str:
    """Return the verb under which a request is counted; a dry-run is counted apart."""
    suffix = "-dry-run" if request.query.get("dryRun") else ""
    if request.method == "GET":
        if request.query.get("watch") in ("1", "true"):
            return "watch"
        return _read_verb(request.path)
    if request.method == "PATCH" and request.content_type == APPLY_YAML:
        return "apply" + suffix
    return _VERBS.get(request.method, request.method.lower()) + suffix


def _read_verb(path: str) -> str:
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] not in ("api", "apis") or not rest:
        return "discovery"
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    return "get" if len(rest) > 1 else "list"


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        kind = message["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    body = b""
    if scope["method"] not in ("GET", "HEAD"):
        parts = []
        more = True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(parts)
    return Request(scope["method"], scope["path"], query, headers, body)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.code, "headers": _headers(answer)})
    await send({"type": "http.response.body", "body": answer.body})


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    headers.extend((name.lower().encode(), value.encode()) for name, value in answer.headers.items())
    return headers


async def _send_part(send: Send, answer: Answer, count: int, scope: Scope) -> None:
    """Promise the whole answer, send its first bytes, break the connection."""
    await send({"type": "http.response.start", "status": answer.code, "headers": _headers(answer)})
    await send({"type": "http.response.body", "body": answer.body[:count], "more_body": True})
    await asyncio.sleep(0.05)  # let the bytes leave before the connection is cut
    _transport(scope).abort()


async def _left(receive: Receive) -> None:
    """Return once the connection is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["connection"]
    return transport


async def _misbehave(fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Do what the fault does; return whether that was the whole answer."""
    if fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.delay.total_seconds())
        return False
    if fault.kind is FaultKind.DROP:
        return False
    if fault.kind in (FaultKind.REFUSE, FaultKind.HANG):
        if fault.kind is FaultKind.REFUSE:
            _transport(scope).abort()
        await _left(receive)
        return True
    await _send(send, _wrong_answer(fault))
    return True


def _wrong_answer(fault: Fault) -> Answer:
    if fault.kind is FaultKind.GARBAGE:
        return Answer(200, b"<html>this is not the API server you are looking for")
    if fault.kind is FaultKind.UNAUTHORIZED:
        return api.refusal(errors.unauthorized())
    if fault.kind is FaultKind.FORBIDDEN:
        return api.refusal(errors.ApiError(403, "Forbidden", "the account may not do this: simulated", {}, {}))
    if fault.kind in (FaultKind.THROTTLE, FaultKind.UNAVAILABLE):
        seconds = round(fault.retry_after.total_seconds())
        details, headers = {"retryAfterSeconds": seconds}, {"Retry-After": str(seconds)}
        if fault.kind is FaultKind.UNAVAILABLE:
            message = "the server is currently unable to handle the request"
            return api.refusal(errors.ApiError(503, "ServiceUnavailable", message, details, headers))
        message = "the server has received too many requests and has asked us to try again later"
        return api.refusal(errors.ApiError(429, "TooManyRequests", message, details, headers))
    return Answer(500, orjson.dumps(errors.ApiError(500, "InternalError", "Internal error occurred: simulated").body()))
