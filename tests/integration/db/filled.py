"""Tables as a large hub has them, filled by the server itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, Float, Integer, String, Table, TypeDecorator, text

from common.store.schema.tables import Base

ROWS: Mapping[str, int] = {
    "placements": 10_000,
    "runs": 40_000,
    "open_runs": 400,
    "attempts": 40_000,
    "object_results": 40_000,
    "inventory": 40_000,
    "audit": 20_000,
    "events": 100_000,
    "intents": 20_000,
    "approvals": 10_000,
    "faults": 10_000,
    "findings": 10_000,
    "prune_spending": 10_000,
    "source_digests": 10_000,
    "placement_sources": 10_000,
    "planned_changes": 1_000,
    "leases": 1_000,
    "sources": 1_000,
    "clusters": 100,
    "workers": 20,
    "pool_roles": 5,
    "fleet": 1,
    "leadership": 1,
}
"""How many rows each table gets; one that is not named gets a thousand, and one that holds a single row that."""
_DEFAULT = 1_000
_UUID = 36
_ENDED = "g % 100 <> 0"
_RUN = "CAST('01990000-0000-7000-8000-' || lpad(({})::text, 12, '0') AS uuid)"
_VALUES: Mapping[str, str] = {
    "runs.id": _RUN.format("g"),
    "runs.placement_id": f"CASE WHEN {_ENDED} THEN g % 10000 + 1 ELSE g / 4 + 1 END",
    "runs.priority": "g % 4",
    "runs.sources": "'[]'::jsonb",
    "runs.queue": "(ARRAY['default', 'eu', 'us'])[g % 3 + 1]",
    "runs.cluster": "'c' || g % 100",
    "runs.application": "'a' || g % 10000 / 100",
    "runs.outcome": f"CASE WHEN {_ENDED} THEN CASE WHEN g % 50 = 1 THEN 'failed' ELSE 'succeeded' END END",
    "runs.ended_at": f"CASE WHEN {_ENDED} THEN now() END",
    "runs.trigger": f"CASE WHEN {_ENDED} THEN (ARRAY['revision', 'drift', 'check'])[g % 3 + 1] ELSE 'revision' END",
    "open_runs.run_id": _RUN.format("g * 100"),
    "open_runs.placement_id": "g * 25 + 1",
    "open_runs.priority": "g % 4",
    "open_runs.queue": "(ARRAY['default', 'eu', 'us'])[g % 3 + 1]",
    "open_runs.cluster": "'c' || g % 100",
    "open_runs.application": "'a' || g % 10000 / 100",
    "open_runs.state": "CASE WHEN g % 3 = 0 THEN 'running' ELSE 'queued' END",
    "open_runs.sent_at": "CASE WHEN g % 2 = 0 AND g % 3 <> 0 THEN now() END",
    "open_runs.trigger": "'revision'",
    "attempts.run_id": _RUN.format("g"),
    "attempts.outcome": "CASE WHEN g % 300 <> 0 THEN 'succeeded' END",
    "attempts.ended_at": "CASE WHEN g % 300 <> 0 THEN now() END",
    "object_results.action": "'created'",
    "planned_changes.action": "'created'",
    "object_results.run_id": _RUN.format("g / 4"),
    "placements.cluster": "'c' || g % 100",
    "placements.application": "'a' || g / 100",
    "placements.project": "'p' || g % 20",
    "runs.project": "'p' || g % 20",
    "placements.state": "CASE WHEN g % 100 = 0 THEN 'leaving' ELSE 'placed' END",
    "placements.sync_status": "CASE WHEN g % 50 = 0 THEN 'failed' ELSE 'synced' END",
    "placements.retry_at": "CASE WHEN g % 20 = 0 THEN now() END",
    "placements.observe_until": "CASE WHEN g % 20 = 0 THEN now() END",
    "placements.paused_by": "NULL",
    "placement_sources.repo": "'https://git.example.com/' || g % 1000",
    "placements.hold_code": "CASE WHEN g % 50 = 0 THEN 'placement.paused' ELSE '' END",
    "findings.placement_id": "g",
    "findings.trigger": "(ARRAY['drift', 'check'])[g % 2 + 1]",
    "findings.pool": "(ARRAY['default', 'eu'])[g % 2 + 1]",
    "inventory.backoff_step": "CASE WHEN g % 500 = 0 THEN 1 ELSE 0 END",
    "inventory.placement_id": "g / 4 + 1",
    "inventory.hook_state": "''",
    "inventory.wanted": "g % 100 <> 0",
    "intents.handled_at": "CASE WHEN g % 1000 <> 0 THEN now() END",
    "approvals.state": "CASE WHEN g % 100 = 0 THEN 'open' ELSE 'done' END",
    "faults.cleared_at": "CASE WHEN g % 100 <> 0 THEN now() END",
    "approvals.kind": "'prune'",
    "intents.kind": "'sync'",
    "inspections.placement_id": "g",
    "inspections.what": "'tree'",
    "inspections.state": "CASE WHEN g % 100 = 0 THEN 'asked' ELSE 'answered' END",
    "inspections.pool": "(ARRAY['default', 'eu'])[g % 2 + 1]",
    "inspections.cluster": "'c' || g % 100",
    "inspections.application": "'a' || g / 100",
    "inspections.params": """'{"object": "", "container": "", "lines": 200}'::jsonb""",
    "intents.outcome": "'done'",
    "clusters.state": "'active'",
    "clusters.name": "'c' || g % 100",
    "clusters.pool": "(ARRAY['default', 'eu'])[g % 2 + 1]",
    "pool_roles.role": "'nobody_' || g",
    "placements.health": "'healthy'",
    "placements.failure_remedy": "CASE WHEN g % 50 = 0 THEN 'permanent' ELSE 'transient' END",
    "inventory.health": "'healthy'",
    "inventory.ended": "''",
    "events.tx": "g",
    "events.kind": "(ARRAY['run.ended', 'health.changed'])[g % 2 + 1]",
    "events.cluster": "'c' || g % 100",
    "events.application": "'a' || g / 1000",
    "events.params": """'{"outcome": "succeeded", "trigger": "drift", "seconds": 1}'::jsonb""",
    "event_clock.last": "1000000",
    "event_cursors.reader": "'reader-' || g",
    "fleet.id": "1",
    "leadership.id": "1",
    "leases.name": "'placement:' || g",
    "prune_spending.placement_id": "g",
}
"""What columns hold that decide which index is of use; all others hold something of their type."""


def fill(connection: Connection) -> None:
    """Fill every table of a database, and count it for the planner."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    for table in Base.metadata.sorted_tables:
        given = [column for column in table.columns if column.computed is None]
        columns = ", ".join(f'"{column.name}"' for column in given)
        values = ", ".join(_value(table, column) for column in given)
        single = any("single" in str(constraint.name) for constraint in table.constraints)
        rows = 1 if single else ROWS.get(table.name, _DEFAULT)
        statement = f'INSERT INTO "{table.name}" ({columns}) SELECT {values} FROM generate_series(1, {rows}) AS g'  # noqa: S608 - our own tables
        connection.execute(text(statement.replace(":", r"\:")))
        if "id" in table.columns and isinstance(table.columns["id"].type, Integer) and not single:
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {rows})"))
    connection.execute(text("ANALYZE"))


def _value(table: Table, column: Column[object]) -> str:
    given = _VALUES.get(f"{table.name}.{column.name}")
    if given is not None:
        return given
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, Integer | Float):
        return "g"
    if isinstance(kind, Boolean):
        return "false"
    if isinstance(kind, DateTime):
        return "now() - g * interval '1 second'"
    if isinstance(kind, JSON):
        return "'{}'::jsonb"
    if isinstance(kind, String) and kind.length == _UUID:
        return _RUN.format("g")
    length = getattr(kind, "length", None)
    return f"left('x' || g, {length})" if length else "'x' || g"
