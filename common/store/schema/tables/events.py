"""What came about, told once each; who has read how far."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import BESIDE, Base, Code, Uuid


class EventRow(Base):
    """One event, written by the trigger of what it tells, and by nothing else. Append-only by a trigger."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_order", "tx", "id"),
        Index("ix_events_cluster", "cluster", "tx", "id"),
        Index("ix_events_application", "application", "tx", "id"),
        Index("ix_events_kind", "kind", "tx", "id"),
        Index("ix_events_project", "project", "tx", "id", info={BESIDE: True}),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    tx: Mapped[int] = mapped_column(BigInteger)
    """Number of the transaction that wrote it, see ``EventClockRow``; on SQLite, where they follow each other, its own.
    """
    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    """A UUID of version 7, with a running number in its last bits: orders the events of one transaction."""
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(300))
    cluster: Mapped[str] = mapped_column(String(63))
    application: Mapped[str] = mapped_column(String(63))
    project: Mapped[str] = mapped_column(String(253))
    """That of what it tells of, as of then; empty where that belongs to none."""
    code: Mapped[str] = mapped_column(Code(100))
    params: Mapped[dict[str, Any]]
    run_id: Mapped[str | None] = mapped_column(Uuid)
    actor: Mapped[str] = mapped_column(Code(200))


class EventClockRow(Base):
    """What the numbers of events' transactions are made with; no row is 0."""

    __tablename__ = "event_clock"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger)
    """On SQLite the last number given. On PostgreSQL it is added to the server's own number of a transaction: a copy of
    the database that is on another server goes on from where it was."""


class EventCursorRow(Base):
    """How far a reader has come."""

    __tablename__ = "event_cursors"

    reader: Mapped[str] = mapped_column(String(63), primary_key=True)
    tx: Mapped[int] = mapped_column(BigInteger)
    id: Mapped[str] = mapped_column(Uuid)
    moved_at: Mapped[datetime]
