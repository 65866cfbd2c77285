"""The ASGI application: routes, errors in one form, and headers that leave a browser little room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from common.db.session import Database
from common.domain.errors import FlotillaError, TransientError
from common.settings import Settings
from common.snapshots import Snapshots
from console import work
from console.api import flower, metrics, pages, reads, registry, writes
from console.api import status as standing
from console.api.auth import Gate, Throttle, guard
from console.api.invalid import invalid
from console.api.known import AmbiguousError, NotFoundError
from console.api.paths import STATIC

TRIES = 10
TRY_WINDOW = timedelta(minutes=1)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


_CODES = (
    (TransientError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (NotFoundError, status.HTTP_404_NOT_FOUND),
    (AmbiguousError, status.HTTP_409_CONFLICT),
)
"""By the class of an error; all others are 422."""


def create_app(settings: Settings, database: Database, *, token: str) -> FastAPI:
    """Return the hub's application.

    Args:
        settings: of this hub.
        database: read by every page; written with intents and sessions only.
        token: what callers must bear.
    """
    app = FastAPI(title="Flotilla", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.database = database
    app.state.snapshots = Snapshots()
    app.state.gate = Gate(token, database)
    app.state.throttle = Throttle(TRIES, TRY_WINDOW)
    app.state.flower = flower.client(settings)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(FlotillaError, _flotilla_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.get("/healthz", include_in_schema=False)(healthz)
    app.get("/readyz", include_in_schema=False)(readyz)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(pages.login)
    for router in (
        standing.router,
        reads.router,
        registry.router,
        writes.router,
        metrics.router,
        pages.router,
        flower.router,
    ):
        app.include_router(router, dependencies=[Depends(guard)])
    return app


def healthz() -> Response:
    """Say that the process answers; nothing else."""
    return Response(status_code=status.HTTP_200_OK)


def readyz(request: Request) -> Response:
    """Say whether the hub can do its work: 503 with the codes of what keeps it from that, and nothing else."""
    database: Database = request.app.state.database
    try:
        with database.read() as connection:
            found = work.look(connection, database, request.app.state.settings)
    except FlotillaError as error:
        return JSONResponse({"codes": [error.code]}, status.HTTP_503_SERVICE_UNAVAILABLE)
    codes = sorted({one.code for one in found if one.stops_work})
    if codes:
        return JSONResponse({"codes": codes}, status.HTTP_503_SERVICE_UNAVAILABLE)
    return Response(status_code=status.HTTP_200_OK)


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _flotilla_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    code = next((code for kind, code in _CODES if isinstance(error, kind)), status.HTTP_422_UNPROCESSABLE_CONTENT)
    assert isinstance(error, FlotillaError)  # noqa: S101 - registered for this class alone
    return JSONResponse({"code": error.code, "error": error.message, "remedy": error.remedy}, code)


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    answer = {"code": "request.invalid", "error": "; ".join(map(invalid, error.errors())), "remedy": ""}
    return JSONResponse(answer, status.HTTP_422_UNPROCESSABLE_CONTENT)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    if error.status_code == status.HTTP_401_UNAUTHORIZED and _wants_page(request):
        return RedirectResponse("/login", status.HTTP_303_SEE_OTHER)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


def in_process_client(app: FastAPI, token: str) -> httpx.AsyncClient:
    """Return a client that calls ``app`` without a network: the way the command line takes on the hub's own machine."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://hub", headers={"Authorization": f"Bearer {token}"})
