"""What people asked to see of clusters as they are now, and what was seen; gone after some minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, Code, Params, Uuid

_OPEN = "ended_at IS NULL"


class InspectionRow(Base):
    """One look at a placement on its cluster, carried out once by a worker of the cluster's pool."""

    __tablename__ = "inspections"
    __table_args__ = (
        # By which those that are to be sent are found, and those of a viewer, and those that are over.
        Index("ix_inspections_open", "created_at", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_inspections_actor", "actor", "created_at"),
        Index("ix_inspections_expires", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    """By chance, so that nobody guesses another's."""
    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id", ondelete="CASCADE"), index=True)
    project: Mapped[str] = mapped_column(String(253))
    """That it was asked in."""
    cluster: Mapped[str] = mapped_column(String(63))
    application: Mapped[str] = mapped_column(String(63))
    pool: Mapped[str] = mapped_column(String(63))
    """Whose worker looks."""
    what: Mapped[str] = mapped_column(String(16))
    params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    actor: Mapped[str] = mapped_column(Code(200))
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    answer: Mapped[dict[str, Any] | None]
    error_code: Mapped[str] = mapped_column(Code(80), default="", server_default="")
    error_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
