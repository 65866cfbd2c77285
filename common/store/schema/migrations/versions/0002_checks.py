"""Runs that only look, beside the one that may write.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNENDED = "state <> 'ended'"
_WRITES = "state <> 'ended' AND trigger <> 'check'"
_CHECKS = "state <> 'ended' AND trigger = 'check'"
_RUNS = sa.table("runs", *map(sa.column, ("id", "state", "trigger", "outcome", "ended_at", "sent_at")))
_ATTEMPTS = sa.table("attempts", *map(sa.column, ("run_id", "outcome", "ended_at")))
_LEASES = sa.table("leases", sa.column("name"))


def upgrade() -> None:
    """Make the change."""
    op.drop_index("uq_runs_unended", table_name="runs")
    _unique("uq_runs_unended", _WRITES)
    _unique("uq_runs_checking", _CHECKS)


def downgrade() -> None:
    """Take it back. What only looks, and has not ended, is ended: the version before knows no such run."""
    looking = sa.text(_CHECKS)
    ended = {"ended_at": sa.func.current_timestamp()}
    theirs = _ATTEMPTS.c.run_id.in_(sa.select(_RUNS.c.id).where(looking))
    op.execute(_LEASES.delete().where(_LEASES.c.name.like("check:%")))
    op.execute(_ATTEMPTS.update().where(_ATTEMPTS.c.outcome.is_(None), theirs).values(outcome="interrupted", **ended))
    op.execute(_RUNS.update().where(looking).values(state="ended", outcome="superseded", sent_at=None, **ended))
    op.drop_index("uq_runs_checking", table_name="runs")
    op.drop_index("uq_runs_unended", table_name="runs")
    _unique("uq_runs_unended", _UNENDED)


def _unique(name: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "runs", ["placement_id"], unique=True, sqlite_where=condition, postgresql_where=condition)
