"""projects: whose each placement, run, request, fault and audited deed is.

What is there is filled where it is known: a placement's from whoever wrote its objects last, the rest from the
placement it is about. What is of no placement belongs to nobody.

Revision 0046, after 0045.
"""

from __future__ import annotations

import re
from collections import Counter

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_TABLES = ("placements", "approvals", "faults", "intents", "audit", "runs")
_OPEN = sa.text("cleared_at IS NULL")
_INDEXES: tuple[tuple[str, tuple[str, ...], sa.TextClause | None], ...] = (
    ("placements", ("project", "cluster", "application"), None),
    ("approvals", ("project", "id"), None),
    ("faults", ("project", "scope", "id"), _OPEN),
    ("intents", ("project", "id"), None),
    ("audit", ("project", "id"), None),
)
_BESIDE = (("runs", ("project", "id")), ("events", ("project", "tx", "id")))
"""Those of large tables: PostgreSQL builds them beside the work, once all else is done."""
_SNAPSHOT = sa.text("SELECT s.documents FROM fleet_snapshots AS s JOIN fleet AS f ON f.snapshot_id = s.id")
_OF_PLACEMENT = "(SELECT p.project FROM placements AS p WHERE p.id = runs.placement_id)"
_FILLED = (
    ("approvals", "placements", "approvals.subject", "approvals.kind IN ('prune', 'move')"),
    ("faults", "placements", "substr(faults.scope, 11)", "faults.scope LIKE 'placement:%'"),
    ("audit", "placements", "audit.subject", "audit.subject LIKE '%/%'"),
    ("intents", "placements", "intents.subject", "intents.kind NOT IN ('refresh', 'approve', 'reject')"),
    ("intents", "approvals", "intents.subject", "intents.kind IN ('approve', 'reject')"),
)
"""Of each table: where its rows' project is found, which text of theirs names it, and for which rows."""


def upgrade() -> None:
    """Make the change; nothing guards the past while an upgrade is under way."""
    _add("placements", "")
    _fill_placements()
    for table in _TABLES[1:-1]:
        _add(table, "")
    for filled in _FILLED:
        _fill(*filled)
    _fill_runs()
    for table, columns, where in _INDEXES:
        op.create_index(f"ix_{table}_project", table, columns, sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "sqlite":
        for table, columns in _BESIDE:
            op.create_index(f"ix_{table}_project", table, columns)


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_events_project", table_name="events", if_exists=True)
    for table in reversed(_TABLES):
        op.drop_index(f"ix_{table}_project", table_name=table, if_exists=True)
        op.drop_column(table, "project")


def _add(table: str, filled: str) -> None:
    op.add_column(table, sa.Column("project", sa.String(length=253), server_default=filled, nullable=False))


def _fill_placements() -> None:
    """Give each the project in whose name its objects were written last; the next plan says what the registry says."""
    unknown = "''" if _knows_projects() else "'default'"
    op.execute(f"UPDATE placements SET project = coalesce(tenant_project, {unknown})")  # noqa: S608 - constants


def _fill(table: str, source: str, name: str, which: str) -> None:
    """Give rows the project of what they name; of what is gone they keep the column's default."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # By columns as they are, which hash and have indexes: a text made of two would be made for every pair of rows.
    if source == "placements":
        slash = f"instr({name}, '/')" if is_sqlite else f"strpos({name}, '/')"
        cluster = f"substr({name}, 1, {slash} - 1)" if is_sqlite else f"split_part({name}, '/', 1)"
        named = f"{slash} > 0 AND p.cluster = {cluster} AND p.application = substr({name}, {slash} + 1)"
    else:
        named = f"p.id = CAST({name} AS integer)" if is_sqlite else f"CAST(p.id AS varchar(20)) = {name}"
    op.execute(
        f"UPDATE {table} SET project = p.project FROM {source} AS p "  # noqa: S608 - constants
        f"WHERE {which} AND {named} AND p.project <> ''"
    )


def _fill_runs() -> None:
    """Give the runs their placements' project.

    PostgreSQL adds a column with a default without touching a row: with the project that most are in, only the runs of
    the others have to be written, of what may be millions.
    """
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT project, count(*) FROM placements GROUP BY project")).all()
    most = max(Counter(dict(map(tuple, found))).items(), key=lambda one: (one[1], one[0]), default=("", 0))[0]
    if connection.dialect.name == "sqlite" or not re.fullmatch("[a-z0-9.-]*", most):
        most = ""
    _add("runs", most)
    if most:
        op.alter_column("runs", "project", server_default="")
    others = sa.text(
        f"UPDATE runs SET project = coalesce({_OF_PLACEMENT}, '') "  # noqa: S608 - constants
        "WHERE placement_id IN (SELECT id FROM placements WHERE project <> :most)"
    )
    op.execute(others.bindparams(most=most))


def _knows_projects() -> bool:
    """Return whether the registry in force has projects."""
    stored = op.get_bind().execute(_SNAPSHOT.columns(documents=JSON)).scalar()
    return stored is None or any(one["kind"] == "Project" for one in stored.get("documents", ()))
