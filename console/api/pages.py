"""The pages: the fleet, placements and runs, as HTML without scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import APIRouter, Request, Response, status
from fastapi.responses import RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from common.domain.expiry import warning
from common.domain.refs import PlacementRef, RunId
from common.domain.rights import Verb
from common.store.engine.session import Database
from common.store.reads import fleet, placements, runs, steps
from common.store.reads.summary import summary
from console import work
from console.api import known
from console.api.auth import COOKIE, LIFETIME, Gate
from console.api.door import source_of_request
from console.api.errors import NotFoundError
from console.api.needs import needs_everywhere, signed_in
from console.api.paths import TEMPLATES
from console.api.throttle import Throttle
from console.words import age, short

login = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)
SHOWN = 200

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)


def _ending(expires_at: datetime | None) -> str:
    return warning(expires_at, now=datetime.now(UTC))


def _age(instant: datetime | None) -> str:
    return age(instant, now=datetime.now(UTC))


_templates.filters["age"] = _age
_templates.filters["short"] = short
_templates.filters["ending"] = _ending


def _page(template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    html = _templates.get_template(template).render(**values)
    return Response(html, code, media_type="text/html; charset=utf-8")


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


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


@router.get("/", dependencies=[needs_everywhere(Verb.READ)])
def get_status_page(request: Request) -> Response:
    """Show the fleet: what is wrong first."""
    with _database(request).read() as connection:
        return _page(
            "status.html",
            fleet=fleet.fleet(connection),
            work=work.views(work.look(connection, _database(request), request.app.state.settings)),
            summary=summary(connection),
            clusters=fleet.clusters(connection),
            faults=fleet.faults(connection),
            approvals=fleet.approvals(connection),
            placements=placements.placements(connection, placements.PlacementFilter(), limit=SHOWN),
            runs=runs.runs(connection, runs.RunFilter(), limit=15),
        )


@router.get("/placements/{cluster}/{application}", dependencies=[needs_everywhere(Verb.READ)])
def get_placement_page(request: Request, cluster: str, application: str) -> Response:
    """Show one placement, its objects and its runs."""
    ref = PlacementRef(cluster, application)
    with _database(request).read() as connection:
        view = placements.placement(connection, ref)
        if view is None:
            message = f"there is no placement {ref}"
            raise NotFoundError(message)
        history = runs.runs(connection, runs.RunFilter(cluster=cluster, application=application), limit=50)
        objects, next_steps = placements.objects(connection, ref), steps.next_steps(connection, view)
        return _page("placement.html", placement=view, objects=objects, runs=history, next_steps=next_steps)


@router.get("/runs", dependencies=[needs_everywhere(Verb.READ)])
def get_runs_page(request: Request, after: str = "", application: str = "", cluster: str = "") -> Response:
    """Show runs, newest first."""
    known.run_after(after)
    with _database(request).read() as connection:
        which = runs.RunFilter(cluster=cluster, application=application)
        page = runs.runs(connection, which, after=after, limit=SHOWN)
    return _page("runs.html", runs=page, which=which)


@router.get("/runs/{run_id}", dependencies=[needs_everywhere(Verb.READ)])
def get_run_page(request: Request, run_id: str) -> Response:
    """Show one run: every attempt, and what it did to each object."""
    with _database(request).read() as connection:
        detail = runs.run(connection, RunId(run_id))
        if detail is None:
            message = f"there is no run {run_id}"
            raise NotFoundError(message)
        return _page("run.html", detail=detail, next_steps=steps.after(connection, detail.run))
