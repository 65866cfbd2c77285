"""A name for each request, which its answer, its errors and the log's lines about it share."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-Id"
_KEY = "request_id"
_BYTES = 10


class RequestIds:
    """ASGI middleware around everything else: gives each request an id of ours, never the caller's text.

    Args:
        app: what is behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Of this request alone: the server gives all of them the state of the process.
        scope["state"] = {**scope.get("state", {}), _KEY: secrets.token_hex(_BYTES)}

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id(scope)
            await send(message)

        with bound_contextvars(request_id=request_id(scope)):
            await self._app(scope, receive, named)


def request_id(scope: Scope) -> str:
    """Return the id of a request."""
    found: str = scope["state"][_KEY]
    return found
