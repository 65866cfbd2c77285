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

_TRIGGERS = ("revision", "drift", "manual", "approval", "leaving", "retry", "check")
_ACTIONS = ("created", "configured", "adopted", "unchanged", "pruned", "skipped", "conflict", "failed")
_HEALTH = ("healthy", "suspended", "progressing", "missing", "degraded", "unknown")
WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("runs", "trigger"): _TRIGGERS,
    ("runs", "outcome"): ("succeeded", "failed", "superseded", "interrupted", "skipped", "needs-approval"),
    ("open_runs", "trigger"): _TRIGGERS,
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
    ("object_results", "action"): _ACTIONS,
    ("planned_changes", "action"): (*_ACTIONS, "late"),
    ("placements", "state"): ("placed", "retained", "leaving", "left"),
    ("placements", "sync_status"): ("synced", "out-of-sync", "failed", "unknown"),
    ("placements", "health"): _HEALTH,
    ("inventory", "health"): _HEALTH,
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
