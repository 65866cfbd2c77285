"""Streamable HTTP: each request shows a token of the hub's, and is answered with what that token may.

It listens on this machine alone: a proxy in front ends TLS. There are no sessions and no streams: a request is answered
by one JSON document, and what it costs ends with it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.client.hub import Hub
from console.mcp.server import Writes, server

HOST = "127.0.0.1"
AT_ONCE = 32
"""Requests that are answered at the same time; others get 503."""
MOST_BYTES = 2**20
"""Of a request."""
_MOST_TOKEN = 4096
_token: ContextVar[str] = ContextVar("token")


class _Bearer:
    """Lets nobody pass who shows no token, and nobody whom a page of another site sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        is_token = 0 < len(token) <= _MOST_TOKEN and all("!" <= c <= "~" for c in token)
        if scheme.lower() != "bearer" or not is_token:
            refused = PlainTextResponse("show a token of the hub's", 401, {"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
            return
        _token.set(token)
        await self._app(scope, receive, send)


def application(hub_with: Callable[[str], Hub], *, writes: Writes, hosts: tuple[str, ...] = ()) -> ASGIApp:
    """Return the ASGI application, at ``/mcp``.

    Args:
        hub_with: gives the hub, asked with a token.
        writes: whether changes may be asked for.
        hosts: names, with their port, under which a proxy is asked; this machine's need not be named.
    """
    made = server(lambda: hub_with(_token.get()), writes=writes)
    local = [f"{name}:*" for name in (HOST, "localhost", "[::1]")]
    allowed = [*local, *hosts]
    guarded = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=allowed,
        allowed_origins=[f"http://{one}" for one in local] + [f"https://{one}" for one in hosts],
    )
    return _Bearer(
        made.streamable_http_app(
            stateless_http=True, json_response=True, max_request_body_size=MOST_BYTES, transport_security=guarded
        )
    )


def serve(app: ASGIApp, port: int) -> None:
    """Serve on this machine until the process is ended."""
    uvicorn.run(app, host=HOST, port=port, log_level="warning", limit_concurrency=AT_ONCE, access_log=False)
