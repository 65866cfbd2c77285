"""``GET /api/v1/audit``: who did what, when: in pages, or whole as a file."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import AwareDatetime

from common.domain.rights import Verb
from common.store.events.audit import Asked
from common.store.reads import audit
from common.store.reads.audit import AuditFilter, AuditView
from common.store.reads.page import Page
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads.listing import FILES, Listed

router = api_router("events")
_LONGEST = 300
Word = Annotated[str, Query(max_length=_LONGEST)]
When = Annotated[AwareDatetime | None, Query()]


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


@router.get("/audit", dependencies=[needs(Verb.READ)], response_model=Page[AuditView], status_code=200, responses=FILES)
def get_audit(which: Which, scope: Reading, listed: Listed) -> Page[AuditView] | Response:
    """Return who did what in the projects in which the caller may read, the latest first.

    What belongs to no project sees who may read the whole fleet.
    """
    return listed.answer(
        AuditView, lambda connection, after, limit: audit.audit(connection, which, scope, after=after, limit=limit)
    )
