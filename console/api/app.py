"""The ASGI application: routes behind one door, and errors in one form."""

from __future__ import annotations

from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from common.domain.errors import FlotillaError, TransientError
from common.settings import Settings
from common.snapshots import Snapshots
from common.store.engine.session import Database
from console.api import answers, events, flower, metrics, pages, reads, ready, registry, writes
from console.api import status as standing
from console.api.auth import Gate
from console.api.door import Door
from console.api.invalid import invalid
from console.api.known import AmbiguousError, NotFoundError
from console.api.paths import STATIC
from console.api.throttle import Throttle, Tries
from console.api.viewer import viewer

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
        token: what callers must show.
    """
    app = FastAPI(title="Flotilla", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.database = database
    app.state.snapshots = Snapshots()
    app.state.readiness = ready.Readiness(settings, database)
    app.state.gate = Gate(token, database)
    app.state.throttle = Throttle(Tries())
    app.state.flower = flower.client(settings)
    app.add_middleware(Door, gate=app.state.gate, throttle=app.state.throttle)
    app.add_exception_handler(FlotillaError, _flotilla_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.include_router(ready.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(pages.login)
    for router in (
        standing.router,
        reads.router,
        answers.router,
        events.router,
        registry.router,
        writes.router,
        metrics.router,
        pages.router,
        flower.router,
    ):
        app.include_router(router, dependencies=[Depends(viewer)])
    return app


async def _flotilla_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    code = next((code for kind, code in _CODES if isinstance(error, kind)), status.HTTP_422_UNPROCESSABLE_CONTENT)
    assert isinstance(error, FlotillaError)  # noqa: S101 - registered for this class alone
    return JSONResponse({"code": error.code, "error": error.message, "remedy": error.remedy}, code)


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    answer = {"code": "request.invalid", "error": "; ".join(map(invalid, error.errors())), "remedy": ""}
    return JSONResponse(answer, status.HTTP_422_UNPROCESSABLE_CONTENT)


async def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's signature
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
