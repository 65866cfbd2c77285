"""Who may act now: on a placement, a cluster being swept or observed, a source, or as the leader.

A lease that ran out is still its holder's until somebody takes it or the reaper clears it: only then could another
have acted. So an outage of the database, in which no worker could do either, costs no worker its lease. Whether it may
still *act* the holder decides by its own clock, from when it last sent a renewal.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update

from common.domain.refs import AttemptRef
from common.domain.runs import RunKind
from common.store.engine.dialect import insert
from common.store.schema.tables import LeaseRow

LEADER = "leader"
PLACEMENT = "placement:"
CHECK = "check:"
_HOLDS = (
    select(LeaseRow.name)
    .where(LeaseRow.name.in_((bindparam("write"), bindparam("check"))), LeaseRow.token == bindparam("proof"))
    .with_for_update()
)


def of_placement(placement_id: int) -> str:
    """Return the name of the lease under which a placement is written to; its token is ``str(AttemptRef)``."""
    return f"{PLACEMENT}{placement_id}"


def of_run(kind: RunKind, placement_id: int) -> str:
    """Return the name of the lease that a run is carried out under: one that only looks keeps no writer waiting."""
    return f"{CHECK}{placement_id}" if kind is RunKind.CHECK else of_placement(placement_id)


def take(connection: Connection, name: str, *, holder: str, lease: timedelta, now: datetime) -> str | None:
    """Take a lease that is free or ran out; return its token, or None while another holds it.

    Args:
        connection: of a writing transaction.
        name: see ``LeaseRow.name``.
        holder: who takes it, for people to read; the token is what counts, so not even the same holder takes it twice.
        lease: how long it lasts unless renewed.
        now: by the database's clock.
    """
    token = secrets.token_hex(16)
    taken = insert(connection, LeaseRow).values(name=name, holder=holder, token=token, expires_at=now + lease)
    taken = taken.on_conflict_do_update(
        index_elements=[LeaseRow.name],
        set_={"holder": holder, "token": token, "expires_at": now + lease},
        where=LeaseRow.expires_at <= now,
    )
    return connection.execute(taken.returning(LeaseRow.token)).scalar_one_or_none()


def renew(connection: Connection, tokens: Mapping[str, str], *, lease: timedelta, now: datetime) -> frozenset[str]:
    """Prolong the leases in ``tokens`` (name to token) until ``now`` plus ``lease``; return the names still held.

    A name that is not returned was taken by another or cleared by the reaper: its holder must stop.
    """
    if not tokens:
        return frozenset()
    # Locked in the order of placement ids, as the reaper does, so that the two never wait for each other.
    rows = select(LeaseRow.name, LeaseRow.token).where(LeaseRow.name.in_(tokens))
    ordered = rows.order_by(func.length(LeaseRow.name), LeaseRow.name).with_for_update()
    held = frozenset(name for name, token in connection.execute(ordered) if tokens[name] == token)
    if held:
        connection.execute(update(LeaseRow).where(LeaseRow.name.in_(held)).values(expires_at=now + lease))
    return held


def is_held(connection: Connection, name: str, *, now: datetime) -> bool:
    """Return whether somebody holds the lease now."""
    held = select(LeaseRow.name).where(LeaseRow.name == name, LeaseRow.expires_at > now)
    return connection.execute(held).first() is not None


def release(connection: Connection, name: str, token: str) -> bool:
    """Give a lease back; return False if it was no longer ours, which changes nothing."""
    given = delete(LeaseRow).where(LeaseRow.name == name, LeaseRow.token == token)
    return connection.execute(given.returning(LeaseRow.name)).first() is not None


def holds(connection: Connection, attempt: AttemptRef, *, placement_id: int) -> bool:
    """Return whether ``attempt`` still holds its placement, and keep it so until this transaction ends."""
    mine = {"write": of_placement(placement_id), "check": of_run(RunKind.CHECK, placement_id), "proof": str(attempt)}
    return connection.execute(_HOLDS, mine).first() is not None
