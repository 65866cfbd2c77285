"""``/login/oidc``: to the identity provider and back."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from common.store.engine.session import Database
from common.store.state import users
from common.store.state.users import User, Vouched
from common.telemetry.logs import logger
from console.api.contract.errors import NotFoundError, RequestError, ThrottledError
from console.api.door.door import source_of_request
from console.api.door.gate import Gate, is_secure, session_of
from console.api.door.people import actor_of, why_none
from console.api.door.throttle import Throttle
from console.api.serving.paths import is_page
from console.api.signin import html
from console.api.signin.login import form_page, keep, local_path
from console.api.signin.oidc.again import Seal
from console.api.signin.oidc.errors import LoginLostError, NotVouchedError
from console.api.signin.oidc.provider import Attempt, Provider

log = logger(__name__)
door = APIRouter(include_in_schema=False)
CALLBACK = "/login/oidc/callback"
_COOKIE = "flotilla_login"
LASTS = timedelta(minutes=10)
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Begun:
    """What a browser keeps while it is at the provider; signed, since it decides what is believed afterwards."""

    attempt: Attempt
    wanted: str
    until: float


@door.get("/login/oidc")
async def get_login_oidc(request: Request) -> Response:
    """Send a browser to the identity provider."""
    try:
        provider = _provider(request)
        throttle: Throttle = request.app.state.throttle
        if not throttle.allows(source_of_request(request)):
            raise ThrottledError(throttle.wait, "too many tries")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, _callback(request))
        there = await provider.authorization_url(attempt)
        now = await _moment(request)
    except RequestError as error:
        return await form_page(request, wanted=request.query_params.get("next", ""), error=error)
    begun = Begun(attempt, local_path(request.query_params.get("next", "")), now + LASTS.total_seconds())
    response = RedirectResponse(there, HTTPStatus.SEE_OTHER)
    # Lax: the way back begins at the provider, and a strict cookie would not come along.
    response.set_cookie(
        _name(request),
        _packed(request, begun),
        max_age=int(LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(request),
    )
    return response


@door.get(CALLBACK)
async def get_callback(request: Request) -> Response:
    """Open a session for whom the provider vouches for."""
    wanted = ""
    throttle: Throttle = request.app.state.throttle
    source = source_of_request(request)
    try:
        provider = _provider(request)
        if not throttle.allows(source):
            raise ThrottledError(throttle.wait, "too many tries")
        now = await _moment(request)
        begun, code = _came_back(request, now)
        wanted = begun.wanted
        told = await provider.vouched(begun.attempt, code, issuer=request.query_params.get("iss"), now=now)
        user = await to_thread.run_sync(_known, request, told.who)
        response = await _signed_in(request, user, told.refresh, wanted)
    except RequestError as error:
        # What another site can make a browser send is no guess: whoever shares its address goes on signing in.
        if isinstance(error, NotVouchedError):
            throttle.failed(source)
        log.warning("api.wrong_login", source=source, code=error.code)
        return _without_cookie(request, await form_page(request, wanted=wanted, error=error))
    return _without_cookie(request, response)


async def _signed_in(request: Request, user: User, refresh: str, wanted: str) -> Response:
    gate: Gate = request.app.state.gate
    former = session_of(request)
    if former:
        await to_thread.run_sync(gate.close_session, former)
    seal: Seal = request.app.state.seal
    source = source_of_request(request)
    session_id = await to_thread.run_sync(lambda: gate.open_session(user, source, refresh=seal.sealed(refresh)))
    if session_id is None:
        raise _disabled()
    grants = await to_thread.run_sync(lambda: gate.rights.grants(user, gate.rights.fleet()))
    response = (
        _going_on(wanted)
        if grants.held
        else html.page("no_rights.html", actor=user.shown or actor_of(user), why=why_none(user), next=wanted)
    )
    keep(request, response, session_id)
    return response


def _going_on(wanted: str) -> Response:
    """Return what leads to where somebody wanted to go.

    A redirect is part of the way that began at the provider, to which a browser does not add a strict cookie: the
    console's pages do without one, all else needs a page of ours in between.
    """
    if is_page(urlsplit(wanted).path):
        return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    return html.page("signed_in.html", next=wanted)


def _known(request: Request, who: Vouched) -> User:
    """Return the user that a provider vouches for.

    Raises:
        NotVouchedError: an admin has disabled them.
    """
    database: Database = request.app.state.database
    gate: Gate = request.app.state.gate
    with gate.changes() as connection:
        user = users.vouched(connection, who, now=database.now(connection))
    if user.disabled_at is not None:
        raise _disabled()
    return user


def _disabled() -> NotVouchedError:
    message = "you may not sign in here any more"
    return NotVouchedError(message, remedy="an admin of this hub can allow it again")


def _came_back(request: Request, now: float) -> tuple[Begun, str]:
    """Return what a browser took along, and the code with which it came back.

    Raises:
        LoginLostError: it began no sign-in here, or another one.
        NotVouchedError: the provider says no.
    """
    query = request.query_params
    begun = _unpacked(request, request.cookies.get(_name(request), ""))
    state = query.get("state", "")
    if begun is None or begun.until < now or not hmac.compare_digest(state.encode(), begun.attempt.state.encode()):
        message = "this browser began no sign-in here, or too long ago"
        raise LoginLostError(message, remedy="sign in again, in one go and in one browser")
    if "error" in query:
        said = query["error"] if query["error"].isascii() and query["error"].isprintable() else "an error"
        message = f"the identity provider says no: {said[:80]}"
        raise NotVouchedError(message, remedy="ask who runs it whether you may use this hub")
    code = query.get("code", "")
    if not 0 < len(code) <= _LONGEST:
        message = "the identity provider sent no code"
        raise NotVouchedError(message, remedy="sign in again")
    return begun, code


def _packed(request: Request, begun: Begun) -> str:
    one = begun.attempt
    content = [one.state, one.nonce, one.verifier, one.redirect_uri, begun.wanted, begun.until]
    text = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    return f"{text}.{request.app.state.gate.signed('login', text)}"


def _unpacked(request: Request, cookie: str) -> Begun | None:
    text, _, mark = cookie.partition(".")
    gate: Gate = request.app.state.gate
    if len(cookie) > 2 * _LONGEST or not hmac.compare_digest(mark.encode(), gate.signed("login", text).encode()):
        return None
    state, nonce, verifier, redirect_uri, wanted, until = json.loads(base64.urlsafe_b64decode(text))
    return Begun(Attempt(state, nonce, verifier, redirect_uri), wanted, until)


def _without_cookie(request: Request, response: Response) -> Response:
    response.delete_cookie(_name(request), secure=_secure(request), httponly=True, samesite="lax")
    return response


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        message = "this hub has no identity provider"
        raise NotFoundError(message, remedy="see FLOTILLA_OIDC_ISSUER")
    return provider


async def _moment(request: Request) -> float:
    """Return the time by the hub's clock, which strangers make it read every few seconds at most."""
    gate: Gate = request.app.state.gate
    return await gate.moment()


def _secure(request: Request) -> bool:
    return is_secure(request, behind_proxy=request.app.state.settings.behind_proxy)


def _name(request: Request) -> str:
    return f"__Host-{_COOKIE}" if _secure(request) else _COOKIE


def _callback(request: Request) -> str:
    """Return where the provider sends the browser back to."""
    settings: Any = request.app.state.settings
    return f"{settings.public_url.rstrip('/') or _own(request)}{CALLBACK}"


def _own(request: Request) -> str:
    headers: Mapping[str, str] = request.headers
    return f"{'https' if _secure(request) else 'http'}://{headers.get('host', 'localhost')}"
