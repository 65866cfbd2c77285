"""Signing in with a user's password or the hub's own token, and signing out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from common.domain.errors import FlotillaError, sentences
from common.store.engine.session import Database
from common.store.events.audit import Asked, Deed, Way
from common.store.state import users
from common.store.state.sessions import LONGEST
from common.store.state.users import User
from common.telemetry.logs import logger
from console.api.contract.errors import OtherSiteError, RequestError, ThrottledError
from console.api.door.door import source_of_request
from console.api.door.gate import COOKIE, HOST_COOKIE, Gate, Refused, is_secure, says_elsewhere, session_of
from console.api.door.needs import signed_in
from console.api.door.refusals import Refusals
from console.api.door.throttle import Accounts, Throttle
from console.api.door.viewer import Asking
from console.api.serving.sources import UNKNOWN
from console.api.signin import html
from console.api.signin.passwords import Passwords
from console.api.signin.users import NAME

log = logger(__name__)
door = APIRouter(include_in_schema=False)
"""What whoever has not signed in may ask."""
router = APIRouter(include_in_schema=False)
_LONGEST_NEXT = 1000
_MOST_FIELDS = 10
_NAME = re.compile(NAME)


class WrongPasswordError(RequestError):
    """A name and a password, or a token, are not those of anybody who may sign in."""

    code = "login.wrong"
    status = HTTPStatus.UNAUTHORIZED
    subject = "*"
    """Whose name it was, where there is such a user: people type passwords there."""


def local_path(wanted: str) -> str:
    """Return where to go on after signing in: a path of this hub, ``/`` for everything that could lead elsewhere.

    Browsers take a backslash for a slash, leave out tabs and line ends, and read ``//host`` as another host:
    https://url.spec.whatwg.org/#concept-basic-url-parser.
    """
    plain = wanted.isprintable() and wanted.isascii() and "\\" not in wanted and len(wanted) <= _LONGEST_NEXT
    if not plain or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else wanted


async def form_page(
    request: Request, *, wanted: str, error: FlotillaError | None = None, by_name: bool = False
) -> Response:
    """Return the page of signing in, with what went wrong and what to do about it.

    The hub's own token is asked for while it counts. So whether somebody can administer is told to strangers, who can
    do nothing with that; what the token is, is not.

    Args:
        request: that is answered.
        wanted: where to go on afterwards.
        error: what went wrong.
        by_name: whether a name was tried, and not the token.
    """
    gate: Gate = request.app.state.gate
    status = error.status if isinstance(error, RequestError) else HTTPStatus.OK
    headers: Mapping[str, str] = error.headers if isinstance(error, RequestError) else {}
    said = "" if error is None else sentences(error.message, error.remedy)
    counts = await gate.token_counts()
    provider = request.app.state.provider_name
    values = {"next": local_path(wanted), "token_counts": counts, "by_name": by_name, "provider": provider}
    answer = html.page("login.html", status, error=said, **values)
    # What is answered here asks for no header of the next request: there is a form.
    answer.headers.update({name: value for name, value in headers.items() if name != "WWW-Authenticate"})
    return answer


@door.get("/login")
async def get_login(request: Request) -> Response:
    """Show the form; whoever has signed in goes on to where they wanted."""
    wanted = request.query_params.get("next", "")
    gate: Gate = request.app.state.gate
    found = await gate.authenticate(request, source=source_of_request(request), may_guess=False)
    if not isinstance(found, Refused):
        return RedirectResponse(local_path(wanted), HTTPStatus.SEE_OTHER)
    return await form_page(request, wanted=wanted)


@door.post("/login")
async def post_login(request: Request) -> Response:
    """Open a session for a browser whose form shows a user's password, or the hub's own token."""
    given = fields(await request.body())
    wanted = local_path(given.get("next", ""))
    try:
        if says_elsewhere(request):
            message = "the form was sent from another site"
            raise OtherSiteError(message, remedy="open the hub's own page")
        session_id = await _opened(request, *await _signed_in(request, given))
    except RequestError as error:
        return await form_page(request, wanted=wanted, error=error, by_name=bool(given.get("name")))
    response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    keep(request, response, session_id)
    return response


async def _opened(request: Request, user: User | None, password: str) -> str:
    """Return a new session in place of the one that the browser had, whoever's that was.

    Raises:
        WrongPasswordError: they may not sign in any more.
    """
    gate: Gate = request.app.state.gate
    former, source = session_of(request), source_of_request(request)
    if former:
        await to_thread.run_sync(gate.close_session, former)
    found = await to_thread.run_sync(partial(gate.open_session, user, source, password=password))
    if found is None:
        raise _wrong()
    return found


def fields(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form; none of one that has more than any of ours."""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in form.items()}


async def _signed_in(request: Request, given: Mapping[str, str]) -> tuple[User | None, str]:
    """Return who has signed in, and the hash of their password; None for whoever has shown the hub's own token.

    Raises:
        ThrottledError: they guessed too often, or others sign in.
        WrongPasswordError: they may not sign in.
    """
    throttle: Throttle = request.app.state.throttle
    logins: Throttle = request.app.state.logins
    accounts: Accounts = request.app.state.accounts
    source, name = source_of_request(request), given.get("name", "").strip()
    # What cannot be a name is nobody's, and takes up no memory.
    of_name = accounts.of(name if _NAME.fullmatch(name) else "")
    if not (throttle.allows(source) and logins.allows(source)) or (name and not of_name.allows(source)):
        raise ThrottledError(throttle.wait, "too many tries")
    sign_ins: Throttle = request.app.state.sign_ins
    if name and not sign_ins.allows(name):
        raise ThrottledError(sign_ins.wait, "too many sessions are opened with this name")
    try:
        found = await to_thread.run_sync(_user if name else _token, request, given)
    except WrongPasswordError as error:
        throttle.failed(source)
        logins.failed(source)
        if name:
            of_name.failed(source)
        log.warning("api.wrong_login", source=source)
        refusals: Refusals = request.app.state.refusals
        deed = Deed(UNKNOWN, "sign-in", error.subject, "", way=Way(Asked.REFUSED, address=source))
        await to_thread.run_sync(refusals.note, deed)
        raise
    # The source's failures stay, whatever it shows that counts: else whoever has an account or a token of their own
    # could guess at others' passwords as fast as they like.
    of_name.succeeded(source)
    if name:
        sign_ins.failed(name)
    return found


def _user(request: Request, given: Mapping[str, str]) -> tuple[User, str]:
    passwords: Passwords = request.app.state.passwords
    name, source = given["name"].strip(), source_of_request(request)
    found = _with_password(request, name)
    kept = found[1] if found else None
    if not passwords.matches(given.get("password", ""), kept, name=name, source=source) or found is None:
        raise _wrong(found[0].subject if found else "*")
    return found


def _wrong(subject: str = "*") -> WrongPasswordError:
    message = "that is not the name and the password of a user who may sign in"
    error = WrongPasswordError(message, remedy="an admin sets another one by flotilla user password NAME")
    error.subject = subject
    return error


def _with_password(request: Request, name: str) -> tuple[User, str] | None:
    database: Database = request.app.state.database
    if not _NAME.fullmatch(name):
        return None
    with database.read() as connection:
        return users.password_of(connection, name)


def _token(request: Request, given: Mapping[str, str]) -> tuple[None, str]:
    gate: Gate = request.app.state.gate
    if not gate.is_token(given.get("token", "").strip()):
        message = "that is not this hub's token"
        raise WrongPasswordError(message, remedy="`flotilla token` on the hub's machine prints it")
    if gate.is_off():
        message = "the hub's own token is switched off here, since an admin can sign in"
        raise WrongPasswordError(message, remedy="sign in as that admin; on the hub's own machine it still counts")
    return None, ""


def keep(request: Request, response: Response, session_id: str) -> None:
    """Have a browser show a session from now on: to the hub's own pages alone, and to no script."""
    secure = is_secure(request, behind_proxy=request.app.state.settings.behind_proxy)
    response.set_cookie(
        HOST_COOKIE if secure else COOKIE,
        session_id,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="strict",
        secure=secure,
    )


@router.post("/logout", dependencies=[signed_in()])
def post_logout(request: Request, who: Asking) -> Response:
    """End the browser's session."""
    gate: Gate = request.app.state.gate
    gate.close_session(session_of(request), who.deed("sign-out", who.actor))
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    secure = is_secure(request, behind_proxy=request.app.state.settings.behind_proxy)
    response.delete_cookie(HOST_COOKIE if secure else COOKIE, secure=secure, httponly=True, samesite="strict")
    return response
