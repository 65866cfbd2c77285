"""What workers found and the scheduler has not decided on yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.store.schema.tables.base import Base, Code, Params


class FindingRow(Base):
    """Why a placement should have a run, as a worker saw it. At most one row for each placement and trigger."""

    __tablename__ = "findings"
    __table_args__ = (
        CheckConstraint("trigger IN ('drift', 'check')", name="trigger"),
        # By which the oldest of each pool are found.
        Index("ix_findings_pool", "pool", "found_at", "placement_id"),
    )

    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    trigger: Mapped[str] = mapped_column(String(16), primary_key=True)
    """Of the run that it asks for: ``drift`` or ``check``."""
    pool: Mapped[str] = mapped_column(String(63))
    """Whose worker filed it."""
    cause_code: Mapped[str] = mapped_column(Code(100))
    """What was found, see ``CauseReason``."""
    cause_params: Mapped[dict[str, Any] | None] = mapped_column(Params)
    hint: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Digest of what the sweep saw that is not as we left it; empty for nothing."""
    filed: Mapped[int] = mapped_column(default=1, server_default="1")
    """How often it was filed since there is a row: whoever decides on it removes just what was read."""
    seen_at: Mapped[datetime]
    """When whoever filed it last had begun to look: a run that has ended since has seen it too."""
    found_at: Mapped[datetime]
    """When it was filed first."""
