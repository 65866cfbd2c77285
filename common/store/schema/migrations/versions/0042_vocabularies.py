"""vocabularies: PostgreSQL refuses a state, an outcome or the like that no version knows.

No version so far had another word. SQLite takes no CHECK later on.

Revision 0042, after 0041.
"""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("runs", "trigger"): ("revision", "drift", "manual", "approval", "leaving", "retry", "check"),
    ("runs", "outcome"): ("succeeded", "failed", "superseded", "interrupted", "skipped", "needs-approval"),
    ("open_runs", "trigger"): ("revision", "drift", "manual", "approval", "leaving", "retry", "check"),
    ("open_runs", "state"): ("queued", "running", "waiting"),
    ("attempts", "outcome"): (
        "succeeded",
        "failed",
        "retrying",
        "waiting",
        "superseded",
        "skipped",
        "needs-approval",
        "interrupted",
    ),
    ("object_results", "action"): (
        "created",
        "configured",
        "adopted",
        "unchanged",
        "pruned",
        "skipped",
        "conflict",
        "failed",
    ),
    ("planned_changes", "action"): (
        "created",
        "configured",
        "adopted",
        "unchanged",
        "pruned",
        "skipped",
        "conflict",
        "failed",
        "late",
    ),
    ("placements", "state"): ("placed", "retained", "leaving", "left"),
    ("placements", "sync_status"): ("synced", "out-of-sync", "failed", "unknown"),
    ("placements", "health"): ("healthy", "suspended", "progressing", "missing", "degraded", "unknown"),
    ("inventory", "health"): ("healthy", "suspended", "progressing", "missing", "degraded", "unknown"),
    ("approvals", "kind"): ("prune", "leaving", "drain", "identity", "move"),
    ("approvals", "state"): ("open", "approved", "rejected", "done", "void"),
    ("intents", "kind"): ("sync", "check", "pause", "resume", "refresh", "approve", "reject"),
}


def upgrade() -> None:
    """Make the change."""
    for (table, column), words in _words().items():
        known = ", ".join(f"'{word}'" for word in words)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({known}))")


def downgrade() -> None:
    """Take the change back."""
    for table, column in _words():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}")


def _words() -> dict[tuple[str, str], tuple[str, ...]]:
    return WORDS if op.get_bind().dialect.name == "postgresql" else {}
