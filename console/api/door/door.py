"""The door in front of all routes: asks for the token before it reads a body, and bounds what it reads afterwards.

It stands before routing, so that a path that does not exist, a method that is not taken and a page that is answer alike
to whoever has no token. Routes ask again whether it let a request pass (``console.api.door.viewer.viewer``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from anyio import to_thread
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.domain.errors import FlotillaError
from common.store.events.audit import Asked, Deed, Way
from common.telemetry.logs import logger
from console.api.contract import problem
from console.api.contract.errors import MalformedError, OtherSiteError, ThrottledError
from console.api.door.gate import READS, Gate, Refused, from_elsewhere
from console.api.door.needs import OPEN
from console.api.door.refusals import Refusals
from console.api.door.throttle import Throttle
from console.api.door.viewer import STATE, unauthenticated
from console.api.serving.connections import PROVED
from console.api.serving.paths import is_page
from console.api.serving.sources import UNKNOWN, source_of

log = logger(__name__)
OPEN_BELOW = "/static/"
MOST_BYTES: Mapping[str, int] = {"/api/v1/plan": 96 * 1024 * 1024, "/login": 16 * 1024}
"""Of a body, by path."""
MOST_OTHERWISE = 64 * 1024
HOOKS = "/hooks/"
"""Below it are webhooks: each proves itself once its body is there, see ``console.api.hooks``."""
MOST_OF_HOOK = 5 * 1024 * 1024
BADGES = "/badge/"
"""Below it everybody is answered, and who has signed in is known: see ``console.api.probes.badge``."""
MOST_NEXT = 1000
"""Characters of the path that is kept while somebody signs in."""
DRAINED = 4 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away, so that the client gets to read why."""
DRAINING = 2.0
"""Seconds that this may take."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}
VERSION = version("flotilla")
_CLOSE = {"Connection": "close"}


class Door:
    """ASGI middleware around everything else.

    Args:
        app: what is behind the door.
        gate: checks tokens and sessions.
        throttle: slows guessing down.
        refusals: notes tokens that do not count.
    """

    def __init__(self, app: ASGIApp, *, gate: Gate, throttle: Throttle, refusals: Refusals) -> None:
        self._app = app
        self._refusals = refusals
        self._gate = gate
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = _with_headers(scope, send)
        refusal = await self._refusal(scope)
        if refusal is not None:
            await _drain(Headers(scope=scope), receive)
            await refusal(scope, receive, send)
            return
        with suppress(
            ClientDisconnect
        ):  # it left before its body ended: there is no one to answer, and nothing failed here
            await self._app(scope, _bounded(scope, receive), send)

    async def _refusal(self, scope: Scope) -> Response | None:
        try:
            _malformed(scope)
            return await self._refused(scope)
        except FlotillaError as error:  # the database's too: who asks is asked there
            return problem.response(scope, error, _CLOSE)

    async def _refused(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not pass; None for one that may.

        Raises:
            RequestError: it may not, alike.
        """
        if _is_open(scope):
            return None
        request = HTTPConnection(scope)
        source = source_of_request(request)
        found = await self._gate.authenticate(request, source=source, may_guess=self._throttle.allows(source))
        if found is Refused.THROTTLED:
            raise ThrottledError(self._throttle.wait)
        if isinstance(found, Refused):
            if found in {Refused.WRONG, Refused.ENDED}:
                if found is Refused.WRONG:
                    self._throttle.failed(source)
                log.warning("api.wrong_token", source=source)
                deed = Deed(UNKNOWN, "token", "*", "", way=Way(Asked.REFUSED, address=source))
                await to_thread.run_sync(self._refusals.note, deed)
            if scope["method"] in READS and scope["path"].startswith(BADGES):
                _readable(scope)
                return None
            return _sent_to_login(request)
        if request.headers.get("authorization"):
            self._throttle.succeeded(source)
        if proved := scope.get("state", {}).get(PROVED):
            proved()
        if scope["method"] not in READS and from_elsewhere(request, found):
            message = "writes are accepted from the hub's own pages only"
            raise OtherSiteError(message)
        scope.setdefault("state", {})[STATE] = found
        _readable(scope)
        return None


def _is_open(scope: Scope) -> bool:
    """Return whether anybody gets an answer; a page holds no data, and who reads no page is asked who it is."""
    path = scope["path"]
    if path in OPEN or path.startswith(OPEN_BELOW):
        return True
    return _is_hook(scope) or (scope["method"] in READS and is_page(path))


def _is_hook(scope: Scope) -> bool:
    name = scope["path"].removeprefix(HOOKS)
    return scope["method"] == "POST" and name not in {"", scope["path"]} and "/" not in name


def source_of_request(request: HTTPConnection) -> str:
    """Return what a request counts for; behind a trusted proxy that is the proxy's client."""
    return source_of(request.client.host) if request.client else UNKNOWN


def _sent_to_login(request: HTTPConnection) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/login{_back_to(request)}", HTTPStatus.SEE_OTHER, headers=_CLOSE)
    raise unauthenticated()


def _back_to(request: HTTPConnection) -> str:
    """Return a query that says where to go once somebody has signed in; nothing where that is the first page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "" if wanted == "/" or request.scope["method"] != "GET" else f"?{urlencode({'next': wanted[:MOST_NEXT]})}"


def _malformed(scope: Scope) -> None:
    """Refuse what a proxy in front may have read as another request: RFC 9112, section 6.1."""
    names = [name for name, _ in scope["headers"]]
    if b"transfer-encoding" in names and (b"content-length" in names or scope.get("http_version") == "1.0"):
        message = "the request has two lengths"
        raise MalformedError(message)
    if names.count(b"authorization") > 1:
        message = "the request has several authorization headers"
        raise MalformedError(message)
    # What is open needs no token, and a file's name no character that names no file.
    if _is_open(scope):
        _readable(scope)


def _readable(scope: Scope) -> None:
    """Refuse a target that names nothing that could be stored anywhere."""
    for part in (scope.get("raw_path") or b"", scope["query_string"]):
        raw = unquote_to_bytes(part)
        try:
            readable = b"\0" not in raw and raw.decode("utf-8") is not None
        except UnicodeDecodeError:
            readable = False
        if not readable:
            message = "the target is not UTF-8, or holds a NUL"
            raise MalformedError(message)


def _declared(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


async def _drain(headers: Headers, receive: Receive) -> None:
    if headers.get("expect") or _declared(headers) > DRAINED:
        return
    left = DRAINED
    try:
        async with asyncio.timeout(DRAINING):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Return a ``receive`` that gives no more of a body than its path takes."""
    most = MOST_OF_HOOK if _is_hook(scope) else MOST_BYTES.get(scope["path"], MOST_OTHERWISE)
    read = 0
    declared = _declared(Headers(scope=scope))

    async def bounded() -> Message:
        nonlocal read
        message: Message = {} if declared > most else await receive()
        read += len(message.get("body", b""))
        if declared > most or read > most:
            # The framework lets no other error through from where it reads a body.
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {most} bytes")
        return message

    return bounded


def _with_headers(scope: Scope, send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message["headers"]}
            # Which version it is, is told to those alone who may come in: clients compare it with theirs.
            told = HEADERS | ({"Flotilla-Version": VERSION} if STATE in scope.get("state", {}) else {})
            more: list[Any] = [
                (name.lower().encode(), value.encode())
                for name, value in told.items()
                if name.lower().encode() not in known
            ]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return with_headers
