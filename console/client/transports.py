"""The ways to a hub: a Unix socket, the application in this process, HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from common.domain.foreign import said
from console.client.hub import HubClient, Reply, Send, silent
from console.errors import HubUnreachableError

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

TIMEOUT = 30.0
_SERVER = "console.api.app"
"""What answers where no API runs, in this process: named as what ``flotilla api`` becomes is, since all that commands
know of it is what it says over HTTP."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__("hub", timeout=TIMEOUT)
        self.sock = connected


def over_socket(path: Path) -> Send | None:
    """Return the way through a Unix socket; None where no process listens at it any more."""
    probe = _connected(path)
    if probe is None:
        return None
    probe.close()

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        connected = _connected(path)
        if connected is None:
            raise silent(str(path), "nothing listens there any more")
        connection = _Connection(connected)
        try:
            connection.request(method, target, body or None, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise silent(str(path), said(error)) from error
        finally:
            connection.close()

    return send


def _connected(path: Path) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(TIMEOUT)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        return None
    return made


def over_http(url: str) -> Send:
    """Return the way to a hub elsewhere, through the proxy that the environment names.

    Raises:
        HubUnreachableError: the token would be carried in the clear.
    """
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """Follows nowhere: the token is for this host alone."""

        def redirect_request(self, *_arguments: object) -> None:
            return None

    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        message = f"{url} would carry the token in the clear"
        raise HubUnreachableError(message, remedy="Use https.")
    opener = build_opener(Stay())

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        request = Request(f"{url.rstrip('/')}{target}", body or None, dict(headers), method=method)  # noqa: S310 - checked above
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                return Reply(answer.status, answer.read())
        except HTTPError as error:
            with error:
                return Reply(error.code, error.read())
        except (URLError, OSError, http.client.HTTPException) as error:
            raise silent(url, said(error)) from error

    return send


def in_process() -> HubClient:
    """Return the way to the application in this process, where no API runs.

    Raises:
        HubUnreachableError: there is no hub on this machine.
    """
    # Imported here: with a running API, or with a hub elsewhere, no command needs the server's code.
    from common.settings import settings
    from common.store.engine.session import open_database
    from console.token import load_or_make_token

    config = settings()
    if not config.database_url and not (config.home / "flotilla.db").exists():
        message = f"there is no hub in {config.home}"
        remedy = "Start one with `flotilla up` or `flotilla demo`, or set FLOTILLA_API_URL."
        raise HubUnreachableError(message, remedy=remedy)
    token = load_or_make_token(config)
    app = import_module(_SERVER).create_app(config, open_database(config), token=token)
    return of_app(app, token, str(config.home))


def in_process_client(app: FastAPI, token: str) -> httpx.AsyncClient:
    """Return a client that calls ``app`` without a network."""
    import httpx

    transport = httpx.ASGITransport(app=_as_local(app))
    return httpx.AsyncClient(transport=transport, base_url="http://hub", headers={"Authorization": f"Bearer {token}"})


def _as_local(app: FastAPI) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return the application as it is asked through the hub's own Unix socket: who runs it here may read the folder."""
    from console.token import LOCAL

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {**scope.get("state", {}), LOCAL: True}}, receive, send)

    return asked


def of_app(app: FastAPI, token: str, where: str) -> HubClient:
    """Return a client of an application in this process."""
    import asyncio

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        async def answer() -> httpx.Response:
            async with in_process_client(app, token) as client:
                return await client.request(method, target, headers=dict(headers), content=body)

        response = asyncio.run(answer())
        return Reply(response.status_code, response.content)

    return HubClient(send, token, where)
