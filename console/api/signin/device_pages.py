"""``/device``: what a command line asks without a token, and the page on which a person confirms it."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from common.domain.rights import EVERYWHERE, Verb, granted
from common.store.events import audit
from common.store.events.audit import Asked, Deed, Way
from common.store.state import tokens, users
from console.api.contract.errors import ThrottledError
from console.api.door import token_format
from console.api.door.door import source_of_request
from console.api.door.gate import Gate, is_secure
from console.api.door.needs import signed_in
from console.api.door.people import actor_of
from console.api.door.throttle import Throttle
from console.api.door.viewer import Asking, Means
from console.api.signin import html
from console.api.signin.device import INTERVAL, LASTS, Answer, Devices, Wish, plain
from console.api.signin.login import fields
from console.api.signin.tokens import MOST

door = APIRouter(include_in_schema=False)
"""What a command line asks that nobody has signed in to."""
router = APIRouter(include_in_schema=False)
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MOST_DAYS = 90
_ERRORS = {
    Answer.PENDING: "authorization_pending",
    Answer.SLOW_DOWN: "slow_down",
    Answer.DENIED: "access_denied",
    Answer.EXPIRED: "expired_token",
}


def _refused(error: str) -> JSONResponse:
    return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST)


@door.post("/device/authorization")
async def post_authorization(request: Request) -> Response:
    """Begin: answer with a code for a person, and one for the command line."""
    given = fields(await request.body())
    name, days = given.get("client_id", ""), given.get("days", str(MOST_DAYS))
    counts = days.isascii() and days.isdigit() and len(days) <= 2 and 1 <= int(days) <= MOST_DAYS
    if not counts or not (1 <= len(name) <= 100 and name.isascii() and name.isprintable()):
        return _refused("invalid_request")
    devices: Devices = request.app.state.devices
    try:
        device, code = devices.begin(Wish(name, int(days), source_of_request(request)))
    except ThrottledError as error:
        return JSONResponse({"error": "slow_down"}, error.status, headers=error.headers)
    secure = is_secure(request, behind_proxy=request.app.state.settings.behind_proxy)
    page = f"{'https' if secure else 'http'}://{request.headers.get('host', '')}/device"
    shown = f"{code[:4]}-{code[4:]}"
    return JSONResponse(
        {
            "device_code": device,
            "user_code": shown,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={shown}",
            "expires_in": int(LASTS),
            "interval": INTERVAL,
        }
    )


@door.post("/device/token")
async def post_token(request: Request) -> Response:
    """Answer with the token once a person has confirmed it, this once."""
    given = fields(await request.body())
    if given.get("grant_type") != GRANT:
        return _refused("unsupported_grant_type")
    devices: Devices = request.app.state.devices
    found = devices.take(given.get("device_code", ""))
    if isinstance(found, Answer):
        return _refused(_ERRORS[found])
    secret = await to_thread.run_sync(_made, request.app.state.gate, found)
    if secret is None:
        return _refused("access_denied")
    held = timedelta(days=found.days)
    return JSONResponse({"access_token": secret, "token_type": "Bearer", "expires_in": int(held.total_seconds())})


def _made(gate: Gate, wish: Wish) -> str | None:
    """Return a new token of who has confirmed; None where they may sign in no more, or have too many."""
    secret = token_format.new_token()
    with gate.changes(of=()) as connection:
        now = gate.rights.database.now(connection)
        user = None if wish.user_id is None else users.find(connection, wish.user_id)
        if (
            user is None
            or not gate.rights.knows(user)
            or tokens.in_force(connection, tokens.Maker(user.id), now=now) >= MOST
        ):
            return None
        everything = granted(set(Verb), EVERYWHERE)
        new = tokens.New(wish.name, user.id, None, everything, timedelta(days=wish.days))
        made = tokens.add(connection, secret, new, now=now)
        detail = {"token": made.id, "expires_at": made.expires_at.isoformat(), "device": True}
        way = Way(Asked.ASKED, address=wish.address)
        audit.append(connection, Deed(actor_of(user), "token.make", wish.name, "", detail, way), now=now)
    return secret


def _page(status: int = HTTPStatus.OK, *, error: str = "", typed: str = "", wish: Wish | None = None) -> Response:
    done = ""
    if wish is not None and (wish.denied or wish.user_id is not None):
        done = "denied" if wish.denied else "confirmed"
    return html.page("device.html", status, error=error, typed=typed, wish=wish, done=done)


@router.get("/device", dependencies=[signed_in()])
def get_device(request: Request) -> Response:
    """Ask for the code."""
    return _page(typed=plain(request.query_params.get("user_code", "")))


@router.post("/device", dependencies=[signed_in()])
async def post_device(request: Request, who: Asking) -> Response:
    """Show what a code asks for, or take a person's answer."""
    if who.means is not Means.SESSION or who.user_id is None:
        return _page(HTTPStatus.FORBIDDEN, error="Only a user who has signed in here can confirm a code.")
    devices: Devices = request.app.state.devices
    throttle: Throttle = request.app.state.codes
    given = fields(await request.body())
    code, answer = plain(given.get("user_code", "")), given.get("answer", "")
    tried_by = str(who.user_id)
    if not throttle.allows(tried_by):
        return _page(HTTPStatus.TOO_MANY_REQUESTS, error="Too many wrong codes. Wait a minute.")
    if answer in {"confirm", "deny"}:
        wish = devices.decide(code, who.user_id if answer == "confirm" else None)
    else:
        wish = devices.shown(code)
    if wish is None:
        throttle.failed(tried_by)
        return _page(HTTPStatus.NOT_FOUND, error="No command waits by that code. It may have waited too long.")
    return _page(typed=code, wish=wish)
