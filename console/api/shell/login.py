"""The form that opens a session, as HTML without scripts, and the way out of one."""

from __future__ import annotations

from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import APIRouter, Request, Response, status
from fastapi.responses import RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from console.api.door.door import source_of_request
from console.api.door.gate import COOKIE, LIFETIME, Gate
from console.api.door.needs import signed_in
from console.api.door.throttle import Throttle
from console.api.serving.paths import TEMPLATES

login = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)


def _page(template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    html = _templates.get_template(template).render(**values)
    return Response(html, code, media_type="text/html; charset=utf-8")


@login.get("/login")
def get_login() -> Response:
    """Show the form that takes the token."""
    return _page("login.html", error="")


@login.post("/login")
async def post_login(request: Request) -> Response:
    """Open a session for a browser that shows the token."""
    throttle: Throttle = request.app.state.throttle
    gate: Gate = request.app.state.gate
    source = source_of_request(request)
    if not throttle.allows(source):
        return _page("login.html", status.HTTP_429_TOO_MANY_REQUESTS, error="Too many tries. Wait a minute.")
    body = (await request.body()).decode("utf-8", "replace")
    token = parse_qs(body).get("token", [""])[0].strip()
    if not gate.is_token(token):
        throttle.failed(source)
        return _page("login.html", status.HTTP_401_UNAUTHORIZED, error="That is not this hub's token.")
    throttle.succeeded(source)
    session_id = await to_thread.run_sync(gate.open_session)
    response = RedirectResponse("/", status.HTTP_303_SEE_OTHER)
    secure = request.url.scheme == "https" or request.app.state.settings.behind_proxy
    response.set_cookie(
        COOKIE, session_id, max_age=int(LIFETIME.total_seconds()), httponly=True, samesite="strict", secure=secure
    )
    return response


@router.post("/logout", dependencies=[signed_in()])
def post_logout(request: Request) -> Response:
    """End the browser's session."""
    gate: Gate = request.app.state.gate
    gate.close_session(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", status.HTTP_303_SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response
