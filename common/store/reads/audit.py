"""The audit as the console shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, false, or_, select

from common.domain.rights import Scope
from common.store.engine.dialect import batched, table_of
from common.store.events.audit import Asked
from common.store.reads.page import Page, number_in, page_of
from common.store.schema.tables import ApprovalRow, AuditRow

_AUDIT = table_of(AuditRow)
_DECISIONS = ("approve", "reject")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows; empty fields do not filter.

    Attributes:
        since: not before it.
        until: before it.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    project: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditView:
    """Who did what, when.

    Attributes:
        actor: ``flotilla``, or the person or token that asked.
        project: that of the subject when it was done; empty where that belongs to none.
        outcome: ``asked`` or ``refused`` for what a person asked of the API; empty for what was done.
        verb: the right that it takes; empty where it takes none.
        credential: id of the session or token that was shown; empty for the hub's own token.
        address: of the network that it came from, as far as known.
        reason: why, in the words of who asked.
        detail: whatever else is known; of a decision the placement that it was about.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    project: str
    outcome: str
    verb: str
    credential: str
    address: str
    reason: str
    detail: dict[str, Any]


def audit(
    connection: Connection, which: AuditFilter, scope: Scope, *, after: str = "", limit: int = 100
) -> Page[AuditView]:
    """Return rows that a scope covers, the latest first.

    Args:
        connection: to read by.
        which: of them.
        scope: where the caller may read; what belongs to no project is in none but everything.
        after: number of the last row of the page before.
        limit: rows of the page.

    Raises:
        ValueError: ``after`` ended no page.
    """
    found = connection.execute(_query(which, scope, number_in(after) if after else None).limit(limit + 1)).all()
    placements = _decided(connection, found)
    rows = tuple(_view(row, placements.get(row.id, "")) for row in found)
    return page_of(rows, limit, lambda row: str(row.id))


def _query(which: AuditFilter, scope: Scope, after: int | None) -> Select[Any]:
    named = ((_AUDIT.c.actor, which.actor), (_AUDIT.c.action, which.action), (_AUDIT.c.subject, which.subject))
    more = ((_AUDIT.c.project, which.project),)
    found: list[ColumnElement[bool]] = [column == wanted for column, wanted in (*named, *more) if wanted]
    if which.outcome:
        # What Flotilla refuses by itself, as a message of the broker, nobody asked of the API: its action says it.
        own = _AUDIT.c.action.endswith(".refused", autoescape=True) if which.outcome == Asked.REFUSED else false()
        found.append(or_(_AUDIT.c.outcome == which.outcome, own))
    if which.since is not None:
        found.append(_AUDIT.c.at >= which.since)
    if which.until is not None:
        found.append(_AUDIT.c.at < which.until)
    if scope.projects is not None:
        found.append(_AUDIT.c.project.in_(sorted(scope.projects)) if scope.projects else false())
    if after is not None:
        found.append(_AUDIT.c.id < after)
    return select(*_AUDIT.c).where(*found).order_by(_AUDIT.c.id.desc())


def _decided(connection: Connection, rows: Sequence[Any]) -> dict[int, str]:
    """Return which placement a decision was about, by row: its subject is the approval's number."""
    decisions = {
        row.id: int(row.subject) for row in rows if row.action in _DECISIONS and _NUMBER.fullmatch(row.subject)
    }
    about: dict[int, str] = {}
    for ids in batched(sorted(set(decisions.values()))):
        query = select(ApprovalRow.id, ApprovalRow.subject).where(ApprovalRow.id.in_(ids))
        about |= {row.id: row.subject for row in connection.execute(query)}
    return {id_: about[number] for id_, number in decisions.items() if number in about}


def _view(row: Any, placement: str) -> AuditView:
    detail = dict(row.detail) if isinstance(row.detail, dict) else {}
    if placement:
        detail["placement"] = placement
    return AuditView(
        id=row.id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        project=row.project,
        outcome=row.outcome,
        verb=row.verb,
        credential=row.credential,
        address=row.address,
        reason=str(detail.get("reason", "")),
        detail={name: value for name, value in detail.items() if name != "reason"},
    )
