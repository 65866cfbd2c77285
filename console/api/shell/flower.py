"""Flower, read-only: it listens on a Unix socket, and this is the one way to it."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import httpx
from fastapi import APIRouter, Request, Response

from common.broker import messages
from common.domain.rights import Verb
from common.settings import Settings
from console.api.contract.errors import GatewayError, NotFoundError
from console.api.door.needs import needs_everywhere

router = APIRouter(prefix="/flower", include_in_schema=False)
TIMEOUT = 15.0
TABLE = "tasks/datatable"
"""The one thing Flower's own pages ask for by POST; it reads, and Flower answers it by GET too."""
OF_QUEUES = frozenset({"broker", "api/queues/length"})
"""What shows queues: Flower names those of the workers that it last asked, which is at its own start."""
_TASK = re.compile(r"task/[0-9A-Za-z-]{1,64}")
_ONE = re.compile(r"[\[(]'([0-9a-f-]{1,64})',?[\])]")
"""The arguments of a task that has one, as Celery tells them."""
_PLACE = b'<div class="detail-actions">'
"""Where a task's page has what can be done with it."""
PASSED = ("content-type", "etag", "last-modified", "location")
POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
"""Flower's pages hold inline scripts, ours do not."""


def client(settings: Settings) -> httpx.AsyncClient:
    """Return a client that reaches Flower by its Unix socket, or by HTTP inside an unpublished network."""
    url = settings.flower_url.get_secret_value()
    if settings.flower_url_file is not None:
        url = settings.flower_url_file.read_text().strip()
    url = url or f"unix:{settings.home / 'run' / 'flower.sock'}"
    if url.startswith("unix:"):
        transport = httpx.AsyncHTTPTransport(uds=url.removeprefix("unix:"))
        return httpx.AsyncClient(transport=transport, base_url="http://flower", timeout=TIMEOUT)
    parts = urlsplit(url)
    auth = httpx.BasicAuth(parts.username, parts.password or "") if parts.username else None
    return httpx.AsyncClient(base_url=f"{parts.scheme}://{parts.hostname}:{parts.port}", auth=auth, timeout=TIMEOUT)


@router.get("/{path:path}", dependencies=[needs_everywhere(Verb.READ)])
async def get_flower(request: Request, path: str) -> Response:
    """Pass a read on to Flower."""
    if path in OF_QUEUES:
        await _pass_on(request, "api/workers", httpx.QueryParams({"refresh": "true"}))
    answer = await _pass_on(request, path, httpx.QueryParams(request.url.query))
    if _TASK.fullmatch(path) and answer.status_code == HTTPStatus.OK:
        info = await _pass_on(request, f"api/task/info/{path.removeprefix('task/')}", httpx.QueryParams())
        return _with_run(answer, run_of(bytes(info.body)))
    return answer


def run_of(info: bytes) -> str:
    """Return the run that a task of Flower's is about, by what its API says of the task; empty for none."""
    try:
        found = json.loads(info)
    except ValueError:
        return ""
    args = found.get("args") if isinstance(found, dict) and found.get("name") == messages.SYNC else None
    named = _ONE.fullmatch(args) if isinstance(args, str) else None
    return named[1] if named else ""


def _with_run(answer: Response, run: str) -> Response:
    """Return a task's page with the way to its run; as it is where Flower has no place for that any more."""
    if not run:
        return answer
    page = bytes(answer.body).replace(_PLACE, _PLACE + f'<a href="/runs/{run}">Run {run}</a>'.encode(), 1)
    headers = {"Content-Type": answer.headers.get("content-type", "text/html"), "Content-Security-Policy": POLICY}
    return Response(page, answer.status_code, headers)


@router.post(f"/{TABLE}", dependencies=[needs_everywhere(Verb.READ)])
async def post_table(request: Request) -> Response:
    """Turn the table's POST into the GET it could have been."""
    form = (await request.body()).decode("ascii", "replace")
    return await _pass_on(request, TABLE, httpx.QueryParams(form))


async def _pass_on(request: Request, path: str, query: httpx.QueryParams) -> Response:
    flower: httpx.AsyncClient = request.app.state.flower
    try:
        answer = await flower.get(f"/flower/{quote(path, safe='/:@')}", params=query)
    except httpx.InvalidURL as error:
        message = "Flower has no such page"
        raise NotFoundError(message) from error
    except httpx.HTTPError as error:
        message = "Flower does not answer"
        raise GatewayError(message, remedy="is it running? `flotilla up` starts it") from error
    headers = {name: answer.headers[name] for name in PASSED if name in answer.headers}
    headers["Content-Security-Policy"] = POLICY
    return Response(answer.content, answer.status_code, headers)
