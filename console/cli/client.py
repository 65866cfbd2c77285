"""The one client of the hub's API: in-process on the hub's own machine, over HTTPS elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from common.domain.errors import PermanentError, TransientError
from common.settings import Settings

TIMEOUT = 30.0


class HubUnreachableError(TransientError):
    """The hub does not answer, or does not let us in."""

    code = "hub.unreachable"


class HubRefusedError(PermanentError):
    """The hub answered no: not found, or not valid."""

    code = "hub.refused"


class Hub(Protocol):
    """What commands ask the hub."""

    def get(self, path: str, **query: str | int) -> Any:
        """Return the answer to ``GET /api/v1/PATH``.

        Raises:
            HubUnreachableError: no answer, or not let in.
            HubRefusedError: the answer is no.
        """
        ...

    def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
        """Return the answer to ``POST /api/v1/PATH``; raises as ``get``."""
        ...


class HubClient:
    """Speaks to a hub.

    Args:
        send: takes what ``httpx.Client.request`` takes; knows the base URL and the token.
        where: how the hub is called in messages.
    """

    def __init__(self, send: Callable[..., httpx.Response], where: str) -> None:
        self._send = send
        self._where = where

    def get(self, path: str, **query: str | int) -> Any:
        """Return the answer to a read."""
        given = {name: value for name, value in query.items() if value != ""}
        return self._answer("GET", path, params=given)

    def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
        """Return the answer to a write."""
        return self._answer("POST", path, params=query, json=dict(body or {}))

    def _answer(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._send(method, f"/api/v1/{path}", **arguments)
        except httpx.HTTPError as error:
            message = f"the hub at {self._where} does not answer: {type(error).__name__}"
            raise HubUnreachableError(message, remedy="Is `flotilla up` running? Else set FLOTILLA_API_URL.") from error
        return _checked(response, self._where)


def _checked(response: httpx.Response, where: str) -> Any:
    if response.is_success:
        return response.json()
    try:
        body = response.json()
    except ValueError:
        body = {}
    said = body.get("error") or body.get("detail") or response.reason_phrase
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN} or response.is_server_error:
        message = f"the hub at {where} says {response.status_code}: {said}"
        remedy = body.get("remedy") or "The token is in FLOTILLA_API_TOKEN_FILE; `flotilla token` on the hub shows it."
        raise HubUnreachableError(message, remedy=remedy)
    raise HubRefusedError(str(said), remedy=str(body.get("remedy", "")))


def connect(settings: Settings) -> HubClient:
    """Return a client of the hub these settings name.

    Raises:
        HubUnreachableError: there is no hub on this machine and no URL is set, or the URL is not safe for the token.
    """
    if settings.api_url:
        return _remote(settings)
    return _local(settings)


def _remote(settings: Settings) -> HubClient:
    parts = urlsplit(settings.api_url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        message = f"{settings.api_url} would carry the token in the clear"
        raise HubUnreachableError(message, remedy="Use https.")
    token = os.environ.get("FLOTILLA_API_TOKEN") or _read(settings.api_token_file)
    headers = {"Authorization": f"Bearer {token}"}
    client = httpx.Client(base_url=settings.api_url, headers=headers, timeout=TIMEOUT)
    return HubClient(client.request, settings.api_url)


def _read(path: Path | None) -> str:
    if path is None:
        message = "no token to show to the hub"
        raise HubUnreachableError(message, remedy="Set FLOTILLA_API_TOKEN_FILE to a file that holds it.")
    return path.read_text().strip()


def _local(settings: Settings) -> HubClient:
    # Imported late: most commands on a workstation never need the server's code.
    from common.db.session import open_database
    from console.api.app import create_app, in_process_client
    from console.api.token import load_or_make_token

    if not settings.database_url and not (settings.home / "flotilla.db").exists():
        message = f"there is no hub in {settings.home}"
        raise HubUnreachableError(
            message, remedy="Start one with `flotilla up` or `flotilla demo`, or set FLOTILLA_API_URL."
        )
    token = load_or_make_token(settings)
    app = create_app(settings, open_database(settings), token=token)

    def send(method: str, path: str, **arguments: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            async with in_process_client(app, token) as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(answer())

    return HubClient(send, str(settings.home))
