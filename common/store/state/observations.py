"""What workers see of placements without a run: whether they can be read, and whether they are as runs left them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from common.domain.health import Health
from common.domain.reasons import nested
from common.domain.runs import RetryPolicy, own_back_off
from common.domain.status import NO_CONTACT, NONE, Contact, Found, Reason
from common.store.engine.dialect import batched
from common.store.schema.tables import PlacementRow
from common.store.state.placement_rows import ONE, PLACEMENT, set_columns
from common.store.state.retries import want_again
from common.store.state.status import settle
from common.store.state.stored_reasons import columns_of

_BY_CONTACT = (
    *sorted(NO_CONTACT),
    "cluster.unauthorised",
    "cluster.untrusted",
    "cluster.proxy-refused",
    "cluster.blocked",
)
_CREDENTIALS = "credentials."


def mark_observed(connection: Connection, placement_ids: Sequence[int], *, now: datetime) -> None:
    """Note that a sweep found everything as we left it. Whether that is what is wanted, others know."""
    for batch in batched(placement_ids):
        connection.execute(update(PlacementRow).where(PlacementRow.id.in_(batch)).values(confirmed_at=now))
        settle(connection, batch)


def reached(connection: Connection, placement_ids: Sequence[int], *, now: datetime) -> None:
    """Note that these placements can be read; who failed for want of that, or of credentials, is tried again.

    Now, where contact was lost. Where only runs met the fault it may be theirs alone, so that it is tried later and
    later: what they lacked was mended before a sweep missed it, or is still lacking.
    """
    at_fault = or_(PlacementRow.failure_code.in_(_BY_CONTACT), PlacementRow.failure_code.startswith(_CREDENTIALS))
    for batch in batched(placement_ids):
        unnoticed = select(PlacementRow.id, PlacementRow.failure_last_at, PlacementRow.failures).where(
            PlacementRow.id.in_(batch), PlacementRow.contact_code == "", at_fault, PlacementRow.retry_at.is_(None)
        )
        for row in connection.execute(unnoticed).all():
            pause = own_back_off(max(row.failures - 1, 0), RetryPolicy())
            want_again(connection, row.id, at=max(now, row.failure_last_at + pause))
        lost = (PlacementRow.id.in_(batch), PlacementRow.contact_code != "")
        sooner = or_(PlacementRow.retry_at.is_(None), PlacementRow.retry_at > now)
        connection.execute(update(PlacementRow).where(*lost, at_fault, sooner).values(retry_at=now))
        again = update(PlacementRow).where(*lost).values(columns_of("contact", NONE)).returning(PlacementRow.id)
        settle(connection, connection.execute(again).scalars())


def lose_contact(connection: Connection, placement_ids: Sequence[int], *, code: str, message: str) -> None:
    """Note that nothing can be known of these placements now; ``confirmed_at`` says since when."""
    reason = Reason(Contact.LOST, {"code": code, "message": message})
    health = {"health": Health.UNKNOWN, **columns_of("health_reason", reason)}
    for batch in batched(placement_ids):
        mine = update(PlacementRow).where(PlacementRow.id.in_(batch))
        connection.execute(mine.values(**columns_of("contact", reason), **health))
        settle(connection, batch)


def read_in_part(connection: Connection, placement_id: int, what: Reason) -> None:
    """Note that not all of a placement's objects could be read."""
    set_columns(connection, placement_id, columns_of("contact", Reason(Contact.PARTIAL, {"what": nested(what)})))
    settle(connection, [placement_id])


def record_hint(connection: Connection, placement_id: int, hint: str) -> None:
    """Note what a sweep saw that is not as we left it; what that means a run decides."""
    set_columns(connection, placement_id, {"hint": hint})


def nothing_held(connection: Connection, placement_id: int) -> None:
    """Note that nothing that was removed is kept by finalizers any more, unless a run has found something else."""
    held = PLACEMENT.c.found_code == Found.PRUNE_HELD.value
    connection.execute(ONE.where(held).values(columns_of("found", NONE)), {"of_placement": placement_id})
    settle(connection, [placement_id])


def without_access(code: str) -> bool:
    """Return whether an error says that nothing of the cluster could be read, by its code."""
    return code in _BY_CONTACT or code.startswith(_CREDENTIALS)
