"""The client of the hub's API: the same for commands on the hub's machine, where the API runs or not, and elsewhere."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

from common.domain.errors import PermanentError
from console.client.address import Address, AddressSettingsError, address
from console.client.calls import Calls
from console.errors import HubUnreachableError

Value = str | int | float | Sequence[str]
NOTHING: Mapping[str, str] = MappingProxyType({})
VERSION_HEADER = "Flotilla-Version"
"""Of an answer: the hub's version."""
TRIES = 3
FIRST_PAUSE = 0.5
"""Seconds before the second try; each further one waits twice as long."""
_AGAIN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_UNLIKE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY})
"""What a hub of another version answers to what it does not know."""


class HubRefusedError(PermanentError):
    """The hub answered no: not found, or not valid.

    Attributes:
        said: the code that the hub gave; empty for none.
    """

    code = "hub.refused"
    said = ""


class OtherVersionError(PermanentError):
    """The hub's answer lacks what this version of the client reads in it."""

    code = "hub.version"


class Reply(NamedTuple):
    """What came back; ``version`` is the hub's, empty where it did not say."""

    status: int
    body: bytes
    version: str = ""


Send = Callable[[str, str, Mapping[str, str], bytes], Reply]
"""Takes method, target, headers and body; raises HubUnreachableError where nothing comes back."""


class Hub(Calls):
    """Speaks to a hub: each operation of its API is a call.

    What is safe to ask twice, a read or a request with an idempotency key, is asked again where the hub did not answer.

    Args:
        send: carries a request there.
        token: shown with each.
        where: how the hub is called in messages.
        tries: how often something safe is asked at most.
    """

    def __init__(self, send: Send, token: str, where: str, *, tries: int = 1) -> None:
        self.send = send
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._where = where
        self._tries = tries

    def get(self, target: str, **query: Value | None) -> Any:
        """Return the answer to a read of ``/api/v1/TARGET``; what is empty is not asked for.

        Raises:
            HubUnreachableError: no answer, or not let in.
            HubRefusedError: the answer is no.
        """
        return self._answer("GET", target, query, b"")

    def send_body(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] = NOTHING,
        **query: str,
    ) -> Any:
        """Return the answer to a write; raises as ``get``."""
        content = json.dumps(dict(body)).encode() if body is not None else b""
        return self._answer(method, target, query, content, headers)

    def _answer(
        self,
        method: str,
        target: str,
        query: Mapping[str, Value | None],
        body: bytes,
        more: Mapping[str, str] = NOTHING,
    ) -> Any:
        given = {name: value for name, value in query.items() if value not in ("", (), None)}
        asked = f"/api/v1/{target}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        named = {name: value for name, value in more.items() if value}
        headers = self._headers | ({"Content-Type": "application/json"} if body else {}) | named
        is_safe = method == "GET" or "Idempotency-Key" in named
        reply = self._carried(method, asked, headers, body, tries=self._tries if is_safe else 1)
        return _checked(reply, self._where)

    def _carried(self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, tries: int) -> Reply:
        pause = FIRST_PAUSE
        for _ in range(tries - 1):
            try:
                reply = self.send(method, target, headers, body)
            except HubUnreachableError:
                pass
            else:
                if reply.status not in _AGAIN:
                    return reply
            time.sleep(pause)
            pause *= 2
        return self.send(method, target, headers, body)


def new_key() -> str:
    """Return an idempotency key for one request."""
    return str(uuid.uuid4())


class _Answer(dict[str, Any]):
    """A part of an answer: what another version of the hub does not say is told as that."""

    def __missing__(self, key: str) -> Any:
        message = f"the hub's answer does not say {key!r}: it is of another version than this command"
        raise OtherVersionError(message, remedy="Install the version of Flotilla here that the hub has.")


def _checked(reply: Reply, where: str) -> Any:
    try:
        body = json.loads(reply.body, object_hook=_Answer)
    except (ValueError, RecursionError):
        body = None
    if reply.status < HTTPStatus.MULTIPLE_CHOICES and body is not None:
        return body
    answer = body if isinstance(body, dict) else {}
    told = str(answer.get("detail") or _phrase(reply.status))
    remedy = str(answer.get("remedy") or "")
    closed = reply.status == HTTPStatus.UNAUTHORIZED or (reply.status == HTTPStatus.FORBIDDEN and "code" not in answer)
    if closed or reply.status < HTTPStatus.BAD_REQUEST or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        request = f" (request {answer['request_id']})" if answer.get("request_id") and not closed else ""
        message = f"the hub at {where} says {reply.status}: {told}{request}"
        raise HubUnreachableError(message, remedy=_NOT_LET_IN if closed else remedy)
    unlike = _unlike(reply.version) if reply.status in _UNLIKE else ""
    refused = HubRefusedError(told, remedy=" ".join(filter(None, (remedy, unlike))))
    refused.said = str(answer.get("code") or "")
    raise refused


_NOT_LET_IN = (
    "The token that was shown is wrong, has ended or is switched off: `flotilla contexts list` says which it is, and "
    "`flotilla --server URL login` gets another."
)


def _unlike(version: str) -> str:
    """Return what to do about a hub of another version; empty for the same, or where it did not say."""
    if not version:
        return ""
    # Imported here: it takes longer than all that most commands do.
    from importlib.metadata import version as installed

    ours = installed("flotilla")
    if _numbers(ours) == _numbers(version):
        return ""
    what = "older" if _numbers(version) < _numbers(ours) else "newer"
    return f"The hub is {what} ({version}) than this command ({ours}): install flotilla {version} here, or move the hub"


def _numbers(version: str) -> tuple[int, ...]:
    """Return what decides whether two versions understand each other: the first two numbers."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isascii() and part.isdigit() and len(part) < 9)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no answer of Flotilla's"


def silent(where: str, why: str) -> HubUnreachableError:
    """Return the error of a hub that does not answer."""
    message = f"the hub at {where} does not answer: {why}"
    remedy = "Is `flotilla up` running there? `flotilla contexts list` shows which hub is asked."
    return HubUnreachableError(message, remedy=remedy)


def connect() -> Hub:
    """Return a client of the hub that is to be asked (``console.client.address``).

    Raises:
        HubUnreachableError: there is no hub on this machine and none elsewhere is named, or there is no token for it.
        PermanentError: what says where the hub is contradicts itself, or is not safe.
    """
    wanted = address()
    return _remote(wanted, _shown(wanted)) if wanted.server else _local(wanted)


def connect_with(token: str) -> Hub:
    """Return a client that shows somebody else's token, to a hub that is named by its address.

    Raises:
        AddressSettingsError: none is. The socket of this machine's takes whoever asks for this machine's own user.
    """
    wanted = address()
    if not wanted.server:
        message = "tokens of others are shown to a hub by its address alone"
        raise AddressSettingsError(message, remedy="Name it with --server; on its own machine http://127.0.0.1:PORT.")
    return _remote(wanted, token)


def _remote(wanted: Address, token: str) -> Hub:
    from console.client.transports import over_http

    return Hub(over_http(wanted.server, wanted.ca_file), token, wanted.server, tries=TRIES)


def _shown(wanted: Address) -> str:
    token = wanted.shown_token()
    if not token:
        message = f"no token to show to the hub at {wanted.server}"
        remedy = (
            f"`flotilla --server {wanted.server} login` gets one; "
            "`flotilla contexts set` and FLOTILLA_TOKEN_FILE take one that you have."
        )
        raise HubUnreachableError(message, remedy=remedy)
    return token


def _local(wanted: Address) -> Hub:
    from console.client.transports import in_process, over_socket

    send = over_socket(wanted.socket) if wanted.socket.is_socket() else None
    return in_process() if send is None else Hub(send, wanted.shown_token(), str(wanted.home))
