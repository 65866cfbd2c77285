"""history: what is open is in a table of its own, ids are UUIDs, and PostgreSQL keeps history in partitions by month.

What is there becomes the first partition as it is: only ids change, from texts to their bytes. SQLite, which has
neither, gets the tables anew, because it takes no CHECK away.

Revision 0041, after 0040.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.String(36).with_variant(UUID(as_uuid=False), "postgresql")
_AT = sa.DateTime(timezone=True)
_PARTED = {"runs": "id", "attempts": "run_id", "object_results": "run_id", "events": "id"}
"""Tables with partitions, those first that others refer to; each by the id that tells its time."""
_OF_RUN = ("attempts", "object_results", "planned_changes")
_IDS = (
    ("runs", "id"),
    *((table, "run_id") for table in (*_OF_RUN, "approvals", "intents")),
    ("events", "id"),
    ("events", "run_id"),
    ("event_cursors", "id"),
)
_MOVED = ("state", "not_before", "sent_at", "parked", "deadline_at", "awaits", "hook_active", "fail_hooks")
"""Columns of ``runs`` that only an open run has."""
_SHARED = (
    "placement_id", "cluster", "application", "trigger", "source_digest", "parameters_digest", "priority", "queue",
    "reason_code", "reason_params", "error_code", "error_params", "attempts", "retries", "interruptions",
    "manifest_digest", "counts", "started_at",
)  # fmt: skip
_CAME_TO = "reason_code = '', reason_params = NULL, error_code = '', error_params = NULL, attempts = 0, retries = 0, "
_CAME_TO += "interruptions = 0, manifest_digest = NULL, counts = NULL, started_at = NULL"
_UNSENT = "state = 'queued' AND sent_at IS NULL"
_OPEN_INDEXES = (
    ("uq_open_runs_writing", ("placement_id",), "trigger <> 'check'"),
    ("uq_open_runs_checking", ("placement_id",), "trigger = 'check'"),
    ("ix_open_runs_due", ("queue", "priority", "not_before", "run_id"), _UNSENT),
    ("ix_open_runs_due_application", ("queue", "priority", "application", "not_before", "run_id"), _UNSENT),
    ("ix_open_runs_due_cluster", ("queue", "priority", "cluster", "not_before", "run_id"), _UNSENT),
    ("ix_open_runs_sent", ("queue", "sent_at"), "sent_at IS NOT NULL"),
    ("ix_open_runs_running", ("cluster", "application"), "state = 'running'"),
    ("ix_open_runs_waiting", ("cluster",), "state = 'waiting'"),
)
_RUN_INDEXES = (
    ("uq_runs_unended", ("placement_id",), "state <> 'ended' AND trigger <> 'check'"),
    ("uq_runs_checking", ("placement_id",), "state <> 'ended' AND trigger = 'check'"),
    ("ix_runs_open", ("state", "id"), "state <> 'ended'"),
    ("ix_runs_due", ("queue", "priority", "not_before", "id"), _UNSENT),
    ("ix_runs_due_application", ("queue", "priority", "application", "not_before", "id"), _UNSENT),
    ("ix_runs_due_cluster", ("queue", "priority", "cluster", "not_before", "id"), _UNSENT),
    ("ix_runs_sent", ("queue", "sent_at"), "sent_at IS NOT NULL"),
    ("ix_runs_running", ("cluster", "application"), "state = 'running'"),
    ("ix_runs_waiting", ("cluster",), "state = 'waiting'"),
)
"""Those of ``runs`` that are of open ones."""
_HELD = "{} BETWEEN '1970-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"


def upgrade() -> None:
    """Make the change."""
    if op.get_bind().dialect.name == "postgresql":
        _to_uuids()
    _open_runs()
    shared = ", ".join(_SHARED)
    op.execute(
        f"INSERT INTO open_runs (run_id, {shared}, {', '.join(_MOVED)}) "  # noqa: S608 - constants
        f"SELECT id, {shared}, {', '.join(_MOVED)} FROM runs WHERE state <> 'ended'"
    )
    op.execute(f"UPDATE runs SET {_CAME_TO} WHERE state <> 'ended'")  # noqa: S608 - constants
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_runs("SELECT * FROM runs", _columns(), (("ck_runs_time_at_end", _ENDS),), ())
        return
    for column in _MOVED:
        op.drop_column("runs", column)
    op.create_check_constraint(op.f("ck_runs_time_at_end"), "runs", _ENDS)
    # With a column goes what is checked of it.
    op.create_check_constraint(op.f("ck_runs_instants"), "runs", _held("created_at", "started_at", "ended_at"))
    for column in ("attempts", "retries", "interruptions"):
        op.alter_column("runs", column, server_default="0")
    op.alter_column("runs", "error_code", server_default="")
    bound = _bound()
    for table, key in _PARTED.items():
        _part(table, key, bound)
    _refer("attempts", "object_results", "planned_changes")
    op.create_foreign_key(
        op.f("fk_open_runs_run_id"), "open_runs", "runs", ["run_id"], ["id"], deferrable=True, initially="DEFERRED"
    )


_TO_RUNS = re.compile(r'(?<=REFERENCES )"?runs"?')
_ENDS = "(ended_at IS NULL) = (outcome IS NULL)"


def _columns() -> list[sa.Column[Any]]:
    """Return the columns of ``runs`` in SQLite, as they are from now on."""
    return [
        sa.Column("id", _ID, nullable=False),
        sa.Column("placement_id", _BIG, nullable=False),
        sa.Column("cluster", sa.String(63), nullable=False),
        sa.Column("application", sa.String(63), nullable=False),
        sa.Column("trigger", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("cause_code", sa.String(100), server_default="", nullable=False),
        sa.Column("cause_params", JSON, nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("source_digest", sa.String(64), nullable=True),
        sa.Column("parameters_digest", sa.String(64), nullable=True),
        sa.Column("sources", JSON, nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("approval_id", sa.Integer(), nullable=True),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        *_course(),
        sa.Column("ended_at", _AT, nullable=True),
    ]


def _course() -> list[sa.Column[Any]]:
    return [
        sa.Column("reason_code", sa.String(100), server_default="", nullable=False),
        sa.Column("reason_params", JSON, nullable=True),
        sa.Column("error_code", sa.String(80), server_default="", nullable=False),
        sa.Column("error_params", JSON, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("interruptions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("manifest_digest", sa.String(64), nullable=True),
        sa.Column("counts", JSON, nullable=True),
        sa.Column("started_at", _AT, nullable=True),
    ]


def _standing(*, null: bool = False) -> list[sa.Column[Any]]:
    """Return the columns that only an open run has; ``null`` where they are added to rows that are there."""
    return [
        sa.Column("state", sa.String(8), nullable=null),
        sa.Column("not_before", _AT, nullable=null),
        sa.Column("sent_at", _AT, nullable=True),
        sa.Column("parked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("deadline_at", _AT, nullable=True),
        sa.Column("awaits", JSON, nullable=True),
        sa.Column("hook_active", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("fail_hooks", sa.Boolean(), server_default=sa.false(), nullable=False),
    ]


def _open_runs() -> None:
    constraints: list[sa.Constraint] = [
        sa.CheckConstraint("state <> 'ended'", name=op.f("ck_open_runs_open")),
        sa.CheckConstraint("sent_at IS NULL OR state = 'queued'", name=op.f("ck_open_runs_sent_while_queued")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_open_runs_placement_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_open_runs")),
    ]
    if op.get_bind().dialect.name == "sqlite":
        of_run = op.f("fk_open_runs_run_id")
        constraints.append(
            sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=of_run, deferrable=True, initially="DEFERRED")
        )
    else:
        instants = _held("not_before", "sent_at", "deadline_at", "started_at")
        constraints.append(sa.CheckConstraint(instants, name=op.f("ck_open_runs_instants")))
    op.create_table(
        "open_runs",
        sa.Column("run_id", _ID, nullable=False),
        *(column for column in _columns() if column.name in _SHARED[:8]),
        *_course(),
        *_standing(),
        *constraints,
    )
    _index("open_runs", _OPEN_INDEXES)


def _held(*columns: str) -> str:
    return " AND ".join(map(_HELD.format, columns))


def _index(table: str, indexes: tuple[tuple[str, tuple[str, ...], str], ...]) -> None:
    for name, columns, where in indexes:
        condition = sa.text(where)
        unique = name.startswith("uq_")
        op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _refer(*tables: str) -> None:
    for table in tables:
        op.create_foreign_key(op.f(f"fk_{table}_run_id"), table, "runs", ["run_id"], ["id"])


# PostgreSQL


def _to_uuids() -> None:
    # Of a reader that began before there was any event.
    op.execute(f"UPDATE event_cursors SET id = '{uuid.UUID(int=0)}' WHERE id = ''")  # noqa: S608 - a constant
    for table in _OF_RUN:
        op.drop_constraint(op.f(f"fk_{table}_run_id"), table)
    _ids_become("uuid")


def _ids_become(kind: str) -> None:
    by_table: dict[str, list[str]] = {}
    for table, column in _IDS:
        by_table.setdefault(table, []).append(f"ALTER {column} TYPE {kind} USING CAST({column} AS {kind})")
    for table, changes in by_table.items():
        op.execute(f"ALTER TABLE {table} {', '.join(changes)}")


def _bound() -> str:
    """Return the lowest id of the month after the last that has an id: below it is all that is there."""
    connection = op.get_bind()
    newest = [int(connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one().timestamp() * 1000)]
    for table in ("runs", "events"):
        found = connection.execute(sa.text(f"SELECT CAST(id AS text) FROM {table} ORDER BY id DESC LIMIT 1")).scalar()  # noqa: S608 - constants
        if found is not None:
            newest.append(uuid.UUID(found).int >> 80)
    last = datetime.fromtimestamp(min(max(newest) / 1000, 253_370_764_800), UTC)  # in what a month comes after
    first = datetime(last.year + last.month // 12, last.month % 12 + 1, 1, tzinfo=UTC)
    return str(uuid.UUID(int=int(first.timestamp() * 1000) << 80))


def _part(table: str, key: str, bound: str) -> None:
    """Make a table the first partition of one that has its name, indexes and constraints."""
    before = f"{table}_before"
    constraints, indexes = _made_of(table)
    for name in constraints:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {name}_before")
    for name in indexes:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_before")
    op.execute(f"ALTER TABLE {table} RENAME TO {before}")
    op.execute(
        f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ({key})"
    )
    _make(table, constraints, indexes)
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{bound}')")
    op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def _whole(table: str) -> None:
    """Make one table of a partitioned one."""
    constraints, indexes = _made_of(table)
    op.execute(f"CREATE TABLE {table}_whole (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    op.execute(f"INSERT INTO {table}_whole SELECT * FROM {table}")  # noqa: S608 - constants
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_whole RENAME TO {table}")
    _make(table, constraints, indexes)


def _made_of(table: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return what makes the keys of a table and its other indexes, by name."""
    keys = sa.text(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) "
        "AND contype IN ('p', 'f') AND conparentid = 0 ORDER BY contype DESC, conname"
    )
    constraints = {name: definition for name, definition in op.get_bind().execute(keys, {"table": table})}
    listed = sa.text(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :table"
    )
    indexes = {name: made for name, made in op.get_bind().execute(listed, {"table": table}) if name not in constraints}
    return constraints, indexes


def _make(table: str, constraints: dict[str, str], indexes: dict[str, str]) -> None:
    for name, definition in constraints.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for definition in indexes.values():
        op.execute(definition.replace(" ON ONLY ", " ON "))


# SQLite


def _rebuild_runs(
    query: str,
    columns: list[sa.Column[Any]],
    checks: tuple[tuple[str, str], ...],
    indexes: tuple[tuple[str, tuple[str, ...], str], ...],
) -> None:
    """Make ``runs`` anew, of what a query gives, and with it the tables that refer to it."""
    connection = op.get_bind()
    referring = ("open_runs", *_OF_RUN)
    texts = {
        table: connection.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL AND type = :kind"),
            {"table": table, "kind": "table"},
        ).scalar_one()
        for table in referring
    }
    kept = [
        row.sql
        for table in ("runs", *referring)
        for row in connection.execute(
            sa.text("SELECT name, sql FROM sqlite_master WHERE tbl_name = :t AND type = 'index' AND sql IS NOT NULL"),
            {"t": table},
        )
        if row.name not in _OF_OPEN
    ]
    op.create_table(
        "new_runs",
        *columns,
        *(sa.CheckConstraint(check, name=op.f(name)) for name, check in checks),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_runs_placement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    names = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO new_runs ({names}) SELECT {names} FROM ({query})")  # noqa: S608 - constants
    for table, text in texts.items():
        _, opened, definition = text.partition("(")
        op.execute(f"CREATE TABLE new_{table} {opened}{_TO_RUNS.sub('new_runs', definition)}")
        op.execute(f"INSERT INTO new_{table} SELECT * FROM {table}")  # noqa: S608 - constants
    for table in (*referring, "runs"):
        op.drop_table(table)
    for table in ("runs", *referring):
        op.rename_table(f"new_{table}", table)
    for statement in kept:
        op.execute(statement)
    _index("runs", indexes)


_OF_OPEN = frozenset(name for name, _, _ in _RUN_INDEXES)


def downgrade() -> None:
    """Take the change back."""
    if op.get_bind().dialect.name == "sqlite":
        _join_runs()
        return
    for table in ("open_runs", *_OF_RUN):
        op.drop_constraint(op.f(f"fk_{table}_run_id"), table)
    for table in reversed(_PARTED):
        _whole(table)
    op.drop_constraint(op.f("ck_runs_time_at_end"), "runs")
    for column in _standing(null=True):
        op.add_column("runs", column)
    stands = ", ".join(f"{name} = o.{name}" for name in (*_SHARED, *_MOVED))
    op.execute(f"UPDATE runs SET {stands} FROM open_runs AS o WHERE o.run_id = runs.id")  # noqa: S608 - constants
    op.execute("UPDATE runs SET state = 'ended', not_before = created_at WHERE outcome IS NOT NULL")
    for name in ("state", "not_before"):
        op.alter_column("runs", name, nullable=False)
    op.drop_table("open_runs")
    op.drop_constraint(op.f("ck_runs_instants"), "runs")
    instants = ("not_before", "sent_at", "deadline_at", "created_at", "started_at", "ended_at")
    for name, check in (*_CHECKED, ("ck_runs_instants", _held(*instants))):
        op.create_check_constraint(op.f(name), "runs", check)
    _index("runs", _RUN_INDEXES)
    _ids_become("varchar(36)")
    _refer(*_OF_RUN)


_CHECKED = (
    ("ck_runs_outcome_at_end", "(state = 'ended') = (outcome IS NOT NULL)"),
    ("ck_runs_sent_while_queued", "sent_at IS NULL OR state = 'queued'"),
    ("ck_runs_time_at_end", "(state = 'ended') = (ended_at IS NOT NULL)"),
)


def _join_runs() -> None:
    decided = [column.name for column in _columns() if column.name not in _SHARED]
    stands = [f"CASE WHEN o.run_id IS NULL THEN r.{name} ELSE o.{name} END AS {name}" for name in _SHARED]
    moved = {"state": "'ended'", "not_before": "r.created_at", "parked": "0", "hook_active": "0", "fail_hooks": "0"}
    stands += [f"coalesce(o.{name}, {moved.get(name, 'NULL')}) AS {name}" for name in _MOVED]
    query = f"SELECT {', '.join(f'r.{name}' for name in decided)}, {', '.join(stands)} "
    query += "FROM runs AS r LEFT JOIN open_runs AS o ON o.run_id = r.id"
    _rebuild_runs(query, [*_columns(), *_standing()], _CHECKED, _RUN_INDEXES)
    op.drop_table("open_runs")
