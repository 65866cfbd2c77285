"""``GET /api/v1/audit``: who did what, when: in pages, or whole as a file."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from common.domain.rights import Scope, Verb
from common.store.engine.session import Database
from common.store.events.audit import Asked
from common.store.reads import audit
from common.store.reads.audit import AuditFilter, AuditView
from common.store.reads.page import MAX_PAGE, Page
from console.api.contract.errors import UnknownValueError
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads.files import CSV_TYPE, NDJSON_TYPE, as_csv, as_ndjson

router = api_router("events")
COLUMNS = (
    "id", "at", "actor", "action", "subject", "project", "outcome", "verb", "credential", "address", "reason", "detail",
)  # fmt: skip
_LONGEST = 300
Word = Annotated[str, Query(max_length=_LONGEST)]
When = Annotated[AwareDatetime | None, Query()]


class Form(StrEnum):
    """How a list comes as a file."""

    NDJSON = "ndjson"
    CSV = "csv"


def _filter(  # noqa: PLR0913 - each is one query parameter
    actor: Word = "",
    action: Word = "",
    subject: Word = "",
    project: Word = "",
    outcome: Asked | None = None,
    since: When = None,
    until: When = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject, project, outcome.value if outcome is not None else "", since, until)


Which = Annotated[AuditFilter, Depends(_filter)]


@router.get("/audit", dependencies=[needs(Verb.READ)])
def get_audit(
    request: Request,
    which: Which,
    scope: Reading,
    after: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Page[AuditView]:
    """Return who did what in the projects in which the caller may read, the latest first.

    What belongs to no project sees who may read the whole fleet.
    """
    if after and not (after.isascii() and after.isdigit() and int(after) < 2**63):
        message = f"after is {after!r}, which ended no page"
        raise UnknownValueError(message, remedy="give what the page before gave as after")
    database: Database = request.app.state.database
    with database.read() as connection:
        return audit.audit(connection, which, scope, after=int(after) if after else None, limit=limit)


@router.get(
    "/audit/export",
    dependencies=[needs(Verb.READ)],
    status_code=200,
    response_class=Response,
    responses={
        200: {
            "description": "All rows, the latest first.",
            "content": {"text/csv": {"schema": {"type": "string"}}, NDJSON_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
def get_audit_export(request: Request, which: Which, scope: Reading, form: Form = Form.CSV) -> Response:
    """Return the same whole, as CSV for a spreadsheet or with a row of JSON a line."""
    rows = _rows(request.app.state.database, which, scope)
    body, media = (as_csv(COLUMNS, rows), CSV_TYPE) if form is Form.CSV else (as_ndjson(rows), NDJSON_TYPE)
    headers = {"Content-Disposition": f'attachment; filename="audit.{form.value}"'}
    return StreamingResponse(body, media_type=media, headers=headers)


def _rows(database: Database, which: AuditFilter, scope: Scope) -> Iterator[AuditView]:
    """Yield page by page, each read by itself: whoever reads slowly holds no connection of the database."""
    after: int | None = None
    while True:
        with database.read() as connection:
            page = audit.audit(connection, which, scope, after=after, limit=1_000)
        yield from page.items
        if not page.after:
            return
        after = int(page.after)
