"""``login``: sign this command line in at a hub elsewhere, by a code that a browser confirms (RFC 8628)."""

from __future__ import annotations

import getpass
import json
import re
import socket
import time
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

import typer

from common.domain.errors import PermanentError, TransientError
from console.cli.output import say
from console.client.address import Address, address
from console.client.contexts import Context, Contexts, checked_name, checked_token, update
from console.client.hub import HubRefusedError, Send, silent
from console.client.transports import over_http

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5
"""Seconds more between two questions where the hub says that they come too fast: RFC 8628, section 3.5."""
_LONGEST = 1800.0
"""Seconds that are waited at most, whatever the hub says."""
_CODE = re.compile(r"[A-Z0-9-]{4,20}")


class SignInError(PermanentError):
    """Nobody confirmed that this command line may act for them."""

    code = "login.refused"


class SignInBusyError(TransientError):
    """The hub has too many command lines that wait to be confirmed."""

    code = "login.busy"


def login(
    name: Annotated[str, typer.Option(help="of the context that keeps the token")] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="after which the token ends")] = 90,
) -> None:
    """Sign this command line in at a hub elsewhere: it shows a code, which you confirm in a browser.

    The token is stored with the hub's context, which your user alone may read, and becomes the current one.

    Example: flotilla --server https://flotilla.example.com login
    """
    wanted = address()
    if not wanted.server:
        message = "on the hub's own machine commands need no sign-in"
        raise SignInError(message, remedy="Name a hub elsewhere: flotilla --server https://HOST login")
    context = checked_name(name or wanted.context or _named_after(wanted.server))
    token = _asked(over_http(wanted.server, wanted.ca_file), wanted.server, days)
    known = update(lambda known: _having(known, context, wanted, token))
    say(f"Signed in at {wanted.server}; the context {known.current} is current.")


def _having(known: Contexts, name: str, wanted: Address, token: str) -> Contexts:
    return known.having(Context(name, wanted.server, token, None, wanted.ca_file)).using(name)


def _named_after(server: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", urlsplit(server).hostname or "hub")[:40].strip(".-_") or "hub"


def _asked(send: Send, server: str, days: int) -> str:
    """Return a token, once somebody has confirmed the code that is shown."""
    who = re.sub(r"[^ -~]", "?", f"flotilla of {getpass.getuser()} on {socket.gethostname()}")[:100]
    status, begun = _posted(send, server, "/device/authorization", {"client_id": who, "days": str(days)})
    if begun.get("error") == "slow_down":
        message = f"too many wait at {server} to be confirmed"
        raise SignInBusyError(message, remedy="Try again in a minute.")
    code, device = str(begun.get("user_code", "")), str(begun.get("device_code", ""))
    if status != 200 or not _CODE.fullmatch(code):
        message = f"{server} does not sign command lines in"
        raise HubRefusedError(message, remedy="Is it a hub of this version?")
    say(f"Open {server}/device?user_code={quote(code)}\nand confirm the code {code}.")
    pause = _seconds(begun, "interval", 5.0)
    until = time.monotonic() + min(_seconds(begun, "expires_in", 600.0), _LONGEST)
    while time.monotonic() < until:
        time.sleep(pause)
        status, found = _posted(send, server, "/device/token", {"grant_type": GRANT, "device_code": device})
        if status == 200:
            return checked_token(str(found.get("access_token", "")))
        if found.get("error") == "slow_down":
            pause += _SLOWER
        elif found.get("error") != "authorization_pending":
            break
    message = "nobody confirmed the code, or somebody refused it"
    raise SignInError(message, remedy="Run `flotilla login` again.")


def _posted(send: Send, server: str, path: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    reply = send("POST", path, headers, urlencode(form).encode())
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise silent(server, f"it answered {reply.status}, and no JSON")
    return reply.status, found


def _seconds(found: Mapping[str, Any], name: str, usual: float) -> float:
    value = found.get(name)
    return float(min(max(value, 1), _LONGEST)) if isinstance(value, int) else usual
