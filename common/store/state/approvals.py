"""What waits for a person, and what was decided: an approval allows exactly what its payload lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, insert, or_, select, update

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.refs import RunId
from common.domain.status import Reason
from common.store.engine.dialect import batched, fixed, table_of
from common.store.schema.tables import ApprovalRow
from common.store.state.stored_reasons import columns_of, reason_in


@dataclass(frozen=True, slots=True)
class Subject:
    """What asks.

    Attributes:
        name: of the placement or the cluster, or ``fleet``.
        project: the placement's, now; empty for a cluster and the fleet.
        asked_by: whose request led to it; ``OURS`` for nobody's.
    """

    name: str
    project: str
    asked_by: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Approval:
    """One request; ``payload`` is exactly what is, or would be, allowed.

    Attributes:
        project: the placement's when it was asked; empty for what is of a cluster or of the fleet.
        asked_by: whose request led to it; empty where that was not kept.
    """

    id: int
    kind: ApprovalKind
    subject: str
    project: str
    payload: Mapping[str, Any]
    reason: Reason
    state: ApprovalState
    asked_by: str = ""
    decided_by: str = ""
    decision_reason: str = ""


def ask(
    connection: Connection,
    kind: ApprovalKind,
    subject: Subject,
    *,
    payload: Mapping[str, Any],
    reason: Reason,
    now: datetime,
) -> int:
    """Return the open request for exactly this payload, made if there is none; others of the subject become void.

    Args:
        connection: of a writing transaction.
        kind: of what is asked for.
        subject: what asks.
        payload: what exactly would be allowed.
        reason: why a person is asked.
        now: by the database's clock.
    """
    return ask_each(connection, kind, subject, payloads=[payload], reason=reason, now=now)[0]


def ask_each(
    connection: Connection,
    kind: ApprovalKind,
    subject: Subject,
    *,
    payloads: Sequence[Mapping[str, Any]],
    reason: Reason,
    now: datetime,
) -> list[int]:
    """Return the open requests for exactly these payloads, those made that are missing; all others become void."""
    asked = {_digest(payload): payload for payload in payloads}
    mine = (ApprovalRow.kind == kind, ApprovalRow.subject == subject.name, ApprovalRow.state == ApprovalState.OPEN)
    void = update(ApprovalRow).where(*mine, ApprovalRow.digest.not_in(asked))
    connection.execute(void.values(state=ApprovalState.VOID, decided_at=now, decided_by="flotilla"))
    known = {digest: id_ for id_, digest in connection.execute(select(ApprovalRow.id, ApprovalRow.digest).where(*mine))}
    for digest, payload in asked.items():
        if digest not in known:
            values: dict[str, Any] = {"kind": kind, "subject": subject.name, "project": subject.project}
            values |= {
                "asked_by": subject.asked_by,
                "digest": digest,
                "payload": dict(payload),
                **columns_of("reason", reason),
            }
            made = insert(ApprovalRow).values(**values, state=ApprovalState.OPEN, created_at=now)
            known[digest] = connection.execute(made.returning(ApprovalRow.id)).scalar_one()
    return [known[digest] for digest in asked]


def rejected(connection: Connection, kind: ApprovalKind, subject: str, payload: Mapping[str, Any]) -> Approval | None:
    """Return the last request of a subject for exactly this payload if it was rejected, else None.

    Requests for other payloads in between say nothing of this one.
    """
    found = last(connection, kind, subject, payload)
    return found if found is not None and found.state is ApprovalState.REJECTED else None


def last(connection: Connection, kind: ApprovalKind, subject: str, payload: Mapping[str, Any]) -> Approval | None:
    """Return the last request of a subject for exactly this payload, whatever came of it; None where there is none."""
    return _last(
        connection, ApprovalRow.kind == kind, ApprovalRow.subject == subject, ApprovalRow.digest == _digest(payload)
    )


def last_of(connection: Connection, kind: ApprovalKind, subject: str) -> Approval | None:
    """Return the last request of a subject, whatever for and whatever came of it; None where there is none."""
    return _last(connection, ApprovalRow.kind == kind, ApprovalRow.subject == subject)


def _last(connection: Connection, *mine: ColumnElement[bool]) -> Approval | None:
    query = select(*ApprovalRow.__table__.c).where(*mine).order_by(ApprovalRow.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _approval(row)


def void(connection: Connection, kind: ApprovalKind, subject: str, *, now: datetime) -> None:
    """Withdraw the open requests of a subject: nothing is asked for any more."""
    mine = (ApprovalRow.kind == kind, ApprovalRow.subject == subject, ApprovalRow.state == ApprovalState.OPEN)
    values = {"state": ApprovalState.VOID, "decided_at": now, "decided_by": "flotilla"}
    connection.execute(update(ApprovalRow).where(*mine).values(values))


def get(connection: Connection, approval_id: int) -> Approval | None:
    """Return a request; None where there is none."""
    row = connection.execute(select(*ApprovalRow.__table__.c).where(ApprovalRow.id == approval_id)).one_or_none()
    return None if row is None else _approval(row)


def decide(
    connection: Connection, approval_id: int, state: ApprovalState, *, actor: str, reason: str, now: datetime
) -> bool:
    """Close an open request; return False, and change nothing, when it is not open (any more)."""
    mine = update(ApprovalRow).where(ApprovalRow.id == approval_id, ApprovalRow.state == ApprovalState.OPEN)
    values = {"state": state, "decided_at": now, "decided_by": actor, "decision_reason": reason}
    return connection.execute(mine.values(values).returning(ApprovalRow.id)).first() is not None


def approved(connection: Connection, kind: ApprovalKind) -> tuple[Approval, ...]:
    """Return what was allowed and is still to be carried out, oldest first."""
    query = select(*ApprovalRow.__table__.c).where(
        ApprovalRow.kind == kind, ApprovalRow.state == fixed(ApprovalState.APPROVED.value), ApprovalRow.run_id.is_(None)
    )
    return tuple(_approval(row) for row in connection.execute(query.order_by(ApprovalRow.id)))


_TABLE = table_of(ApprovalRow)
_IS_OPEN = _TABLE.c.state == fixed(ApprovalState.OPEN.value)
_CLOSE = (
    update(_TABLE)
    .where(
        _TABLE.c.kind == bindparam("of_kind"),
        _TABLE.c.subject == bindparam("of_subject"),
        or_(_IS_OPEN, _TABLE.c.state == fixed(ApprovalState.APPROVED.value)),
    )
    .values(
        state=case((_IS_OPEN, ApprovalState.VOID.value), else_=ApprovalState.DONE.value),
        decided_at=case((_IS_OPEN, bindparam("now", type_=_TABLE.c.decided_at.type)), else_=_TABLE.c.decided_at),
        decided_by=case((_IS_OPEN, "flotilla"), else_=_TABLE.c.decided_by),
    )
)
"""Built once: every run needs it, and building it costs more than sending it."""


def use_up(connection: Connection, approval_ids: Sequence[int]) -> None:
    """Note that these were carried out, so that they allow nothing again later."""
    mine = (ApprovalRow.id.in_(approval_ids), ApprovalRow.state == ApprovalState.APPROVED)
    connection.execute(update(ApprovalRow).where(*mine).values(state=ApprovalState.DONE))


def close(connection: Connection, kind: ApprovalKind, subject: str, *, now: datetime) -> None:
    """Close what a subject asked for and has come through without, or with: it allows nothing any more."""
    connection.execute(_CLOSE, {"of_kind": kind.value, "of_subject": subject, "now": now})


def follow(connection: Connection, projects: Mapping[str, str]) -> None:
    """Have what is asked of placements follow them to another project; what the former one allowed, nobody has.

    Args:
        connection: of a writing transaction.
        projects: by placement, the one that it belongs to now.
    """
    of_placements = ApprovalRow.kind.in_([ApprovalKind.PRUNE, ApprovalKind.MOVE])
    live = ApprovalRow.state.in_([ApprovalState.OPEN, ApprovalState.APPROVED])
    rows: list[dict[str, Any]] = []
    for batch in batched(sorted(projects)):
        query = select(ApprovalRow.id, ApprovalRow.subject).where(of_placements, ApprovalRow.subject.in_(batch), live)
        rows += [{"row": id_, "of": projects[subject]} for id_, subject in connection.execute(query)]
    if rows:
        decided = case((_IS_OPEN, _TABLE.c.state), else_=ApprovalState.DONE.value)
        follows = update(_TABLE).where(_TABLE.c.id == bindparam("row"))
        connection.execute(
            follows.values(project=case((_IS_OPEN, bindparam("of")), else_=_TABLE.c.project), state=decided), rows
        )


def note_run(connection: Connection, approval_id: int, run_id: RunId) -> None:
    """Note the run that carries the approval out."""
    connection.execute(update(ApprovalRow).where(ApprovalRow.id == approval_id).values(run_id=run_id))


def _approval(row: Any) -> Approval:
    return Approval(
        row.id,
        ApprovalKind(row.kind),
        row.subject,
        row.project,
        row.payload,
        reason_in(row, "reason"),
        ApprovalState(row.state),
        row.asked_by,
        row.decided_by,
        row.decision_reason,
    )


def _digest(payload: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
