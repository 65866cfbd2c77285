"""Errors as they are answered: problem details (RFC 9457), all of them made here."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from common.domain.errors import FlotillaError, TransientError
from common.telemetry.logs import logger
from console.api.contract.errors import (
    NO_HEADERS,
    At,
    MalformedError,
    MethodError,
    NotFoundError,
    RequestError,
    ServerError,
    TooLargeError,
    pointer,
)
from console.api.contract.invalid import invalid
from console.api.serving.request_id import HEADER, request_id

log = logger(__name__)
MEDIA_TYPE = "application/problem+json"
MOST = 20
"""Parts of a request that are told to be wrong."""
_OURS = "the hub failed; its log has the cause by the id of this request"


class ProblemPart(BaseModel):
    """What is wrong with one part of the request; ``pointer`` is a JSON Pointer, as ``/query/limit``."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """Why a request was not answered.

    Attributes:
        type: always ``about:blank``: what kind of problem it is says ``code``.
        title: the phrase of the status.
        status: as in the answer's first line.
        detail: what is wrong with this request.
        code: for programs; docs/reference/reasons.md has them all.
        remedy: what the caller can do; may be empty.
        errors: parts of the request that are wrong, where that is known.
        request_id: as in the header ``X-Request-Id`` and in the hub's log.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    errors: tuple[ProblemPart, ...]
    request_id: str


def response(scope: Scope, error: FlotillaError, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """Return the answer to a request that failed with an error.

    Args:
        scope: of the request.
        error: it failed with.
        headers: beside those of the error.
    """
    return _answer(scope, _status(error), error, headers)


def register(app: FastAPI) -> None:
    """Let an application answer each error as a problem."""
    app.add_exception_handler(FlotillaError, _flotilla)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


def _answer(scope: Scope, status: HTTPStatus, error: FlotillaError, headers: Mapping[str, str]) -> Response:
    parts, own = (error.at, error.headers) if isinstance(error, RequestError) else ((), NO_HEADERS)
    body = Problem(
        type="about:blank",
        title=status.phrase,
        status=status,
        detail=error.message,
        code=error.code,
        remedy=error.remedy,
        errors=tuple(ProblemPart(pointer=at, detail=detail) for at, detail in parts),
        request_id=request_id(scope),
    )
    return Response(body.model_dump_json(), status, {**own, **headers}, MEDIA_TYPE)


def _status(error: FlotillaError) -> HTTPStatus:
    if isinstance(error, RequestError):
        return error.status
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, TransientError) else HTTPStatus.UNPROCESSABLE_ENTITY


async def _flotilla(request: Request, error: Exception) -> Response:
    assert isinstance(error, FlotillaError)  # noqa: S101 - registered for this class alone
    return response(request.scope, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    found = error.errors()[:MOST]
    at = tuple(At(pointer(*one["loc"]), invalid(one)) for one in found)
    return response(request.scope, RequestError("; ".join(one.detail for one in at), at=at))


_RAISED: Mapping[int, type[RequestError]] = {
    of.status: of for of in (MalformedError, NotFoundError, MethodError, TooLargeError)
}
"""What the framework refuses by itself, by status."""


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    status = HTTPStatus(error.status_code)
    raised = _RAISED.get(status, RequestError)(error.detail)
    return _answer(request.scope, status, raised, error.headers or NO_HEADERS)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw: the server logs its traceback, and this what it belongs to."""
    log.error("api.failed", request_id=request_id(request.scope), path=request.url.path, error=type(error).__name__)
    headers = {HEADER: request_id(request.scope), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return response(request.scope, ServerError(_OURS), headers)
