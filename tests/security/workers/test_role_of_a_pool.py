"""One compromised worker, by its database role: every table, by every command, in its own pool and another's."""

# ruff: noqa: S608 - names of our own tables

from __future__ import annotations

import json
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Connection, text

from common.store.engine.errors import DatabaseError
from common.store.engine.roles import RIGHTS
from common.store.schema import pools
from common.store.schema.tables import Base
from tests.security.workers.conftest import TwoPools

NOBODYS = {
    "event_clock", "event_cursors", "events", "idempotency_keys", "intents", "leadership", "placement_counts",
    "retention", "run_tallies",
    "sessions", "tokens", "users",
}  # fmt: skip
"""Tables that no worker may even read."""
EVERYBODYS = {"alembic_version", "fleet", "fleet_snapshots", "pool_roles", "sending"}
"""Tables without a pool behind their rows, which workers read."""
READ_BY_ALL = {"clusters", "prune_spending", "sources", "source_digests"}
"""Tables with a pool behind their rows whose rows all workers read, and why is said in ``pools``."""
KEPT = {
    "approvals": {
        "asked_by", "created_at", "decision_reason", "digest", "id", "kind", "payload", "project", "reason_code",
        "reason_params", "run_id", "subject",
    },
    "attempts": {"number", "placement_id", "run_id", "started_at", "worker"},
    "clusters": {"credentials", "declared", "name", "pool", "server", "state"},
    "commits": {"at", "author", "commit", "id", "seen_at", "source_id", "subject", "version"},
    "faults": {"code", "digest", "file", "first_seen_at", "id", "params", "project", "scope"},
    "findings": {"found_at", "placement_id", "trigger"},
    "inspections": {
        "actor", "application", "cluster", "created_at", "expires_at", "id", "params", "placement_id", "pool",
        "project", "sent_at", "what",
    },
    "inventory": {"group", "kind", "name", "namespace", "placement_id"},
    "leases": {"name"},
    "placements": {
        "application", "cluster", "desired_at", "desired_parameters_digest",
        "desired_source_digest", "id", "mark", "pause_reason", "paused_at", "paused_by", "project", "severity",
        "source_id",
    },
    "open_runs": {
        "application", "cluster", "interruptions", "parameters_digest", "placement_id", "priority", "queue", "run_id",
        "source_digest", "trigger",
    },
    "planned_changes": {"attempt", "group", "kind", "name", "namespace", "placement_id", "run_id"},
    "prune_spending": {"application", "placement_id", "source_digest"},
    "runs": {
        "actor", "application", "approval_id", "cause_code", "cause_params", "cluster", "created_at", "id",
        "parameters_digest", "placement_id", "priority", "project", "queue", "snapshot_id", "source_digest",
        "source_id", "sources", "trigger",
    },
    "source_digests": {"application", "source_id"},
    "sources": {"credentials", "id", "poked_at", "pool", "ref", "repo", "used"},
    "workers": {"name"},
}  # fmt: skip
"""Columns that workers never change: a new one belongs here, or into the rights."""


REFUSED = "row-level security|permission denied|a worker may not|append-only"


def _theirs(table: str, pool: str) -> str:
    """Return the condition for rows of a pool's, which its owner alone can be asked by everywhere."""
    number = {"blue": 1, "green": 2}[pool]
    by_column = {
        "approvals": f"subject = '{pool}/web'",
        "audit": f"subject = '{pool}/web'",
        "clusters": f"name = '{pool}'",
        "commits": f"source_id = {number}",
        "faults": f"scope = 'cluster:{pool}:orphans'",
        "leases": f"name = 'placement:{number}'",
        "object_results": f"run_id IN (SELECT id FROM runs WHERE cluster = '{pool}')",
        "placements": f"cluster = '{pool}'",
        "runs": f"cluster = '{pool}'",
        "source_digests": f"source_id = {number}",
        "sources": f"id = {number}",
        "workers": f"name = 'w-{pool}'",
    }
    return by_column.get(table, f"placement_id = {number}")


def _count(connection: Connection, table: str, pool: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table} WHERE {_theirs(table, pool)}")).scalar_one())


def test_every_table_and_column_has_a_word() -> None:
    tables = set(Base.metadata.tables)
    assert tables | {"alembic_version"} == set(RIGHTS) | NOBODYS
    assert set(RIGHTS) == set(pools.BOUNDED) | EVERYBODYS
    for name, rights in RIGHTS.items():
        if rights.update:
            columns = {column.name for column in Base.metadata.tables[name].columns}
            assert set(rights.update) | KEPT[name] == columns, name
            assert not set(rights.update) & KEPT[name], name


@pytest.mark.parametrize("table", sorted(pools.BOUNDED))
def test_rows_of_other_pools_are_not_read(two_pools: TwoPools, table: str) -> None:
    with two_pools.blue.read() as connection:
        assert _count(connection, table, "blue") > 0
        others = connection.execute(text(f"SELECT count(*) FROM {table} WHERE {_theirs(table, 'green')}")).scalar_one()
    assert (others > 0) == (table in READ_BY_ALL)


@pytest.mark.parametrize("table", sorted(NOBODYS))
def test_what_is_nobodys_is_not_read(two_pools: TwoPools, table: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), two_pools.blue.read() as connection:
        connection.execute(text(f"SELECT FROM {table}"))


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_column_of_another_pools_row_is_changed(two_pools: TwoPools, table: str) -> None:
    rights = RIGHTS.get(table)
    for column in Base.metadata.tables[table].columns:
        if column.computed is not None:
            continue  # the server lets nobody write it
        where = _theirs(table, "green") if table in pools.BOUNDED else "true"
        statement = text(f'UPDATE {table} SET "{column.name}" = "{column.name}" WHERE {where}')
        if rights is None or column.name not in rights.update:
            with pytest.raises(DatabaseError, match="permission denied"), two_pools.blue.write() as connection:
                connection.execute(statement)
        else:
            with two_pools.blue.write() as connection:
                assert connection.execute(statement).rowcount == 0, column.name


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_row_of_another_pool_is_deleted(two_pools: TwoPools, table: str) -> None:
    where = _theirs(table, "green") if table in pools.BOUNDED else "true"
    statement = text(f"DELETE FROM {table} WHERE {where}")
    if table in RIGHTS and RIGHTS[table].delete:
        with two_pools.blue.write() as connection:
            assert connection.execute(statement).rowcount == 0
    else:
        with pytest.raises(DatabaseError, match="permission denied"), two_pools.blue.write() as connection:
            connection.execute(statement)


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_table_is_emptied(two_pools: TwoPools, table: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), two_pools.blue.write() as connection:
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


@pytest.mark.parametrize("way", ["insert", "ignore", "overwrite"])
@pytest.mark.parametrize("table", sorted(set(pools.BOUNDED) - {"audit"}))
def test_no_row_is_made_in_another_pool(two_pools: TwoPools, table: str, way: str) -> None:
    """It is one of the other pool's own: no key is in its way but where it is to be overwritten."""
    with two_pools.owner.write() as connection:
        query = f"SELECT to_jsonb({table}) FROM {table} WHERE {_theirs(table, 'green')}"
        derived = {column.name for column in Base.metadata.tables[table].columns if column.computed is not None}
        found = connection.execute(text(query)).scalars()
        rows = [{name: value for name, value in row.items() if name not in derived} for row in found]
        if way != "overwrite":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"DELETE FROM {table} WHERE {_theirs(table, 'green')}"))
    try:
        with pytest.raises(DatabaseError, match=REFUSED), two_pools.blue.write() as connection:
            _make(connection, table, rows[0], way)
        with two_pools.owner.read() as connection:
            assert _count(connection, table, "green") == (len(rows) if way == "overwrite" else 0)
    finally:
        with two_pools.owner.write() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for row in rows if way != "overwrite" else ():
                connection.execute(text(_insert(table, list(row))), {"row": json.dumps(row)})


def _insert(table: str, columns: list[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, CAST(:row AS jsonb))"
    )


def _make(connection: Connection, table: str, row: dict[str, Any], way: str) -> None:
    given = [name for name in row if name in RIGHTS[table].insert] or list(row)
    key = ", ".join(f'"{column.name}"' for column in Base.metadata.tables[table].primary_key)
    changed = next(iter(RIGHTS[table].update), given[0])
    overwrite = f' ON CONFLICT ({key}) DO UPDATE SET "{changed}" = excluded."{changed}"'
    ending = {"insert": "", "ignore": " ON CONFLICT DO NOTHING", "overwrite": overwrite}[way]
    connection.execute(text(_insert(table, given) + ending), {"row": json.dumps(row)})


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_row_is_copied_in(two_pools: TwoPools, table: str) -> None:
    """PostgreSQL copies into no table under row-level security, and refuses rights that are not there before that."""
    refused = (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege)
    columns = ", ".join(f'"{name}"' for name in RIGHTS[table].insert) if table in RIGHTS else ""
    with two_pools.blue.write() as connection:
        cursor = cast("psycopg.Cursor[Any]", connection.connection.cursor())
        statement = f"COPY {table} {f'({columns})' if columns else ''} FROM STDIN"
        with pytest.raises(refused), cursor.copy(statement.encode()):
            pass
        connection.connection.rollback()
