"""The ways to a hub: a Unix socket, the application in this process, HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from common.domain.foreign import said
from console.client.contexts import LOOPBACK
from console.client.hub import VERSION_HEADER, Hub, Reply, Send, silent
from console.client.patience import TIMEOUT, PlainConnection, TlsConnection
from console.errors import HubUnreachableError

if TYPE_CHECKING:
    import ssl

    import httpx
    from fastapi import FastAPI

MOST_BYTES = 64 * 2**20
"""Of an answer."""
_CHUNK = 2**16
_SERVER = "console.api.app"
"""What answers where no API runs, in this process: named as what ``flotilla api`` becomes is, since all that commands
know of it is what it says over HTTP."""


class _Connection(PlainConnection):
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
            return Reply(answer.status, bounded(answer, str(path)), answer.getheader(VERSION_HEADER, ""))
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


def over_http(server: str, ca_file: Path | None = None) -> Send:
    """Return the way to a hub elsewhere, through the proxy that the environment names, or on this machine through none.

    Args:
        server: its address, checked.
        ca_file: certificates that it is verified by, instead of the system's.

    Raises:
        HubUnreachableError: ``ca_file`` holds no certificates.
    """
    from urllib.parse import urlsplit
    from urllib.request import HTTPErrorProcessor, HTTPHandler, HTTPSHandler, ProxyHandler, Request, build_opener

    class Stay(HTTPErrorProcessor):
        """Takes every answer as one, and follows nowhere: the token is for this host alone."""

        def http_response(self, request: Request, response: Any) -> Any:  # noqa: ARG002 - by its name, in the base class
            return response

        https_response = http_response

    class Plain(HTTPHandler):
        def http_open(self, req: Request) -> http.client.HTTPResponse:
            return self.do_open(PlainConnection, req)

    class Tls(HTTPSHandler):
        def https_open(self, req: Request) -> http.client.HTTPResponse:
            return self.do_open(TlsConnection, req, context=verified_by)

    verified_by = _verified_by(ca_file)
    # A token may go to this machine in the clear: it is to stay here, whatever proxy there is for others.
    proxies = [ProxyHandler({})] if urlsplit(server).hostname in LOOPBACK else []
    opener = build_opener(Stay(), Plain(), Tls(context=verified_by), *proxies)

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        request = Request(f"{server}{target}", body or None, dict(headers), method=method)  # noqa: S310 - checked before
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                return Reply(answer.status, bounded(answer, server), answer.headers.get(VERSION_HEADER, ""))
        except (OSError, http.client.HTTPException) as error:
            raise silent(server, said(error)) from error

    return send


def _verified_by(ca_file: Path | None) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        message = f"{ca_file} holds no certificates that the hub could be verified by: {said(error)}"
        raise HubUnreachableError(message, remedy="Give --ca a file of certificates in PEM.") from error


class Readable(Protocol):
    """An answer's body."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


def bounded(answer: Readable, where: str, *, most: int = MOST_BYTES) -> bytes:
    """Return an answer's body.

    Args:
        answer: is read to its end.
        where: the hub, in messages.
        most: bytes that are taken.

    Raises:
        HubUnreachableError: it is larger.
    """
    parts, size = [], 0
    while part := answer.read(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            message = f"the answer of the hub at {where} is larger than {most // 2**20} MiB"
            raise HubUnreachableError(message, remedy="Ask for less: a limit, or one cluster or application.")
    return b"".join(parts)


def in_process() -> Hub:
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
        remedy = "Start one with `flotilla up` or `flotilla demo`, or name another with --server or --context."
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


def of_app(app: FastAPI, token: str, where: str) -> Hub:
    """Return a client of an application in this process."""
    import asyncio

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        async def answer() -> httpx.Response:
            async with in_process_client(app, token) as client:
                return await client.request(method, target, headers=dict(headers), content=body)

        response = asyncio.run(answer())
        return Reply(response.status_code, response.content, response.headers.get(VERSION_HEADER, ""))

    return Hub(send, token, where)
