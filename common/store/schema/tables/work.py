"""Who works, how the work goes, and what came of it in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, Code


class WorkerRow(Base):
    """A worker process that lives: what dispatch counts slots by, and how an interruption tells death from delay."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    queues: Mapped[list[Any]]
    slots: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    render_cache: Mapped[dict[str, Any] | None]
    """How often its cache of renderings had one (in memory, on disk) or had none, since it was started."""
    sandbox: Mapped[dict[str, Any] | None]
    """Which layers of its renderers' sandbox hold, by name, as it tried at its start."""
    stuck: Mapped[int] = mapped_column(default=0, server_default="0")
    """Slots whose work makes no progress and is not expected back."""
    clock_ahead: Mapped[float] = mapped_column(default=0.0, server_default="0")
    """Seconds by which its clock is ahead of this database's; negative when it is behind."""
    refused: Mapped[int] = mapped_column(default=0, server_default="0")
    """Messages it refused since it last accepted one."""
    refused_code: Mapped[str] = mapped_column(Code(100), default="", server_default="")
    """Why the last of them was refused, see ``MessageReason``; empty for none."""
    deaf_for: Mapped[float] = mapped_column(default=0.0, server_default="0")
    """Seconds since the broker last answered it; 0 while it has no room for more work, and asks for none."""


class SendingRow(Base):
    """How the sending of the leading scheduler goes, as it notes itself: the api may have no way to the broker."""

    __tablename__ = "sending"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    """Since when the broker takes nothing; None while it does."""
    error_code: Mapped[str] = mapped_column(Code(80), default="")
    clock_ahead: Mapped[float] = mapped_column(default=0.0)
    """Seconds by which the scheduler's clock is ahead of this database's."""


class RunTallyRow(Base):
    """How many runs ended so, and how long they took: counted once each, so that nobody counts the history again."""

    __tablename__ = "run_tallies"

    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    trigger: Mapped[str] = mapped_column(String(16), primary_key=True)
    runs: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
    """Sum, from a run's first claim to its end; a run that was never claimed took none."""
    within: Mapped[dict[str, Any]]
    """Runs by the upper bound, in seconds, of the narrowest bucket that holds them."""


class RetentionRow(Base):
    """Until when history may be deleted. There is a row only inside of a transaction that deletes what is old."""

    __tablename__ = "retention"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    horizon: Mapped[datetime]
