"""The one client of the hub's API.

On the hub's own machine it speaks to the running API through a Unix socket, or, where none runs, to the application
in this process; elsewhere over HTTPS. It is the same API each time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from common.domain.errors import PermanentError
from console.client.address import Address, address
from console.errors import HubUnreachableError

Value = str | int | Sequence[str]
NO_MORE: Mapping[str, str] = MappingProxyType({})


class HubRefusedError(PermanentError):
    """The hub answered no: not found, or not valid."""

    code = "hub.refused"


class Reply(NamedTuple):
    """What came back."""

    status: int
    body: bytes


Send = Callable[[str, str, Mapping[str, str], bytes], Reply]
"""Takes method, target, headers and body; raises HubUnreachableError where nothing comes back."""


class Hub(Protocol):
    """What commands ask the hub."""

    def get(self, path: str, **query: Value) -> Any:
        """Return the answer to ``GET /api/v1/PATH``.

        Raises:
            HubUnreachableError: no answer, or not let in.
            HubRefusedError: the answer is no.
        """
        ...

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> Any:
        """Return the answer to ``POST /api/v1/PATH``; raises as ``get``."""
        ...

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to ``PATCH /api/v1/PATH``; raises as ``get``."""
        ...

    def delete(self, path: str) -> Any:
        """Return the answer to ``DELETE /api/v1/PATH``; raises as ``get``."""
        ...


class HubClient:
    """Speaks to a hub.

    Args:
        send: carries a request there.
        token: shown with each.
        where: how the hub is called in messages.
    """

    def __init__(self, send: Send, token: str, where: str) -> None:
        self.send = send
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._where = where

    def get(self, path: str, **query: Value) -> Any:
        """Return the answer to a read; what is empty is not asked for."""
        given = {name: value for name, value in query.items() if value not in ("", ())}
        return self._answer("GET", path, given, b"")

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> Any:
        """Return the answer to a write."""
        return self._answer("POST", path, query, json.dumps(dict(body or {})).encode(), headers or {})

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a change of something."""
        return self._answer("PATCH", path, {}, json.dumps(dict(body)).encode())

    def delete(self, path: str) -> Any:
        """Return the answer to a removal."""
        return self._answer("DELETE", path, {}, b"")

    def _answer(
        self, method: str, path: str, query: Mapping[str, Value], body: bytes, more: Mapping[str, str] = NO_MORE
    ) -> Any:
        target = f"/api/v1/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        headers = self._headers | ({"Content-Type": "application/json"} if body else {}) | dict(more)
        return _checked(self.send(method, target, headers, body), self._where)


def _checked(reply: Reply, where: str) -> Any:
    try:
        body = json.loads(reply.body)
    except ValueError:
        body = None
    if reply.status < HTTPStatus.MULTIPLE_CHOICES and body is not None:
        return body
    answer = body if isinstance(body, dict) else {}
    said = str(answer.get("detail") or _phrase(reply.status))
    closed = reply.status == HTTPStatus.UNAUTHORIZED or (reply.status == HTTPStatus.FORBIDDEN and "code" not in answer)
    if closed or reply.status < HTTPStatus.BAD_REQUEST or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"the hub at {where} says {reply.status}: {said}"
        hint = "The token is in FLOTILLA_API_TOKEN_FILE; `flotilla token` on the hub shows it." if closed else ""
        raise HubUnreachableError(message, remedy=hint or str(answer.get("remedy", "")))
    raise HubRefusedError(said, remedy=str(answer.get("remedy", "")))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no answer of Flotilla's"


def silent(where: str, why: str) -> HubUnreachableError:
    """Return the error of a hub that does not answer."""
    message = f"the hub at {where} does not answer: {why}"
    return HubUnreachableError(message, remedy="Is `flotilla up` running? Else set FLOTILLA_API_URL.")


def connect() -> HubClient:
    """Return a client of the hub that the environment names.

    Raises:
        HubUnreachableError: there is no hub on this machine and no URL is set, or the URL is not safe for the token.
    """
    wanted = address()
    return _remote(wanted) if wanted.url else _local(wanted)


def _remote(wanted: Address) -> HubClient:
    from console.client.transports import over_http

    token = os.environ.get("FLOTILLA_API_TOKEN", "")
    if not token:
        if "FLOTILLA_API_TOKEN_FILE" not in os.environ:
            message = "no token to show to the hub"
            raise HubUnreachableError(message, remedy="Set FLOTILLA_API_TOKEN_FILE to a file that holds it.")
        token = wanted.token_file.read_text().strip()
    return HubClient(over_http(wanted.url), token, wanted.url)


def _local(wanted: Address) -> HubClient:
    from console.client.transports import in_process, over_socket

    if not wanted.socket.is_socket():
        return in_process()
    send = over_socket(wanted.socket)
    if send is None:
        return in_process()
    return HubClient(send, wanted.token_file.read_text().strip(), str(wanted.home))
