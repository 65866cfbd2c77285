"""What was there before anybody knew whose it is, is filled where it is known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select, text, update

from common.domain.approvals import OURS, ApprovalKind
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.events import audit
from common.store.queue import runs
from common.store.schema.tables import ApprovalRow, AuditRow, FaultRow, IntentRow, PlacementRow, RunRow
from common.store.state import approvals, faults, intents
from common.store.state.approvals import Subject
from common.store.state.faults import StoredFault
from common.store.state.intents import IntentKind, NewIntent
from tests.factories import said
from tests.integration.db.rows import NOW, add_placements, new_run

NAMES = ("eu/shop", "eu/pay", "eu/new", "us/shop", "us/pay")
WROTE = {"shop": "shop", "pay": "pay", "new": None}
"""In whose name each application was written last."""


def _fill(database: Database) -> None:
    with database.write() as connection:
        ids = dict(zip(NAMES, add_placements(connection, *NAMES), strict=True))
        for name, project in WROTE.items():
            change = update(PlacementRow).where(PlacementRow.application == name)
            connection.execute(change.values(tenant_project=project))
        runs.create_many(connection, [new_run(ids[name], name) for name in NAMES], now=NOW)
        for name in (*NAMES, "gone/away", "broker"):
            audit.append(connection, audit.Deed("ann", "sync", name, project=""), now=NOW)
        moved = Subject("eu/pay", project="", asked_by=OURS)
        asked = approvals.ask(connection, ApprovalKind.MOVE, moved, payload={}, reason=said("x"), now=NOW)
        cluster = Subject("eu", project="", asked_by=OURS)
        approvals.ask(connection, ApprovalKind.IDENTITY, cluster, payload={}, reason=said("x"), now=NOW)
        wanted = ((IntentKind.SYNC, "eu/shop"), (IntentKind.APPROVE, str(asked)), (IntentKind.REFRESH, ""))
        for kind, subject in wanted:
            intents.add(connection, NewIntent(kind, subject, "", "ann", ""), now=NOW)
        for scope in ("placement:us/pay", "registry", "cluster:eu"):
            faults.add(connection, scope, StoredFault("x", {}, project=""), now=NOW)


def _snapshot(database: Database, kinds: tuple[str, ...]) -> None:
    documents = [{"kind": kind, "name": kind, "file": "f", "line": 1, "text": "", "removed": False} for kind in kinds]
    stored = json.dumps({"format": 1, "documents": documents, "selections": {}})
    with database.write() as connection:
        snapshot = "INSERT INTO fleet_snapshots (id, \"commit\", documents, created_at) VALUES (1, 'c', :docs, :now)"
        connection.execute(text(snapshot), {"docs": stored, "now": NOW})
        connection.execute(
            text("INSERT INTO fleet (id, name, snapshot_id, created_at) VALUES (1, 'f', 1, :now)"), {"now": NOW}
        )


def _again(database: Database) -> None:
    upgrade.downgrade(database, "0045")
    upgrade.upgrade(database)


def _all(database: Database, key: Any, project: Any) -> dict[str, str]:
    with database.read() as connection:
        return {name: whose for name, whose in connection.execute(select(key, project))}


@pytest.mark.parametrize("kinds", [("Application", "Project"), ("Application",)], ids=["projects", "none"])
def test_what_is_there_is_filled(database: Database, kinds: tuple[str, ...]) -> None:
    _fill(database)
    _snapshot(database, kinds)
    _again(database)
    # Without projects everything is in the one that there is then.
    unknown = "" if "Project" in kinds else "default"
    of = {"eu/shop": "shop", "us/shop": "shop", "eu/pay": "pay", "us/pay": "pay", "eu/new": unknown}
    with database.read() as connection:
        placed = connection.execute(select(PlacementRow.cluster, PlacementRow.application, PlacementRow.project)).all()
        made = connection.execute(select(RunRow.cluster, RunRow.application, RunRow.project)).all()
    assert {f"{one}/{other}": project for one, other, project in placed} == of
    assert {f"{one}/{other}": project for one, other, project in made} == of
    assert _all(database, AuditRow.subject, AuditRow.project).items() >= {**of, "gone/away": "", "broker": ""}.items()
    assert _all(database, ApprovalRow.kind, ApprovalRow.project) == {"move": "pay", "identity": ""}
    assert _all(database, IntentRow.kind, IntentRow.project) == {"sync": "shop", "approve": "pay", "refresh": ""}
    found = _all(database, FaultRow.scope, FaultRow.project)
    assert found == {"placement:us/pay": "pay", "registry": "", "cluster:eu": ""}


def test_filling_joins_and_looks_nothing_up_row_by_row(postgres_url: str) -> None:
    """Of a hub whose statistics are as old as its tables are large."""
    database = Database(postgres_url)
    names = [f"c{number // 50}/a{number % 50}" for number in range(2_000)]
    with database.write() as connection:
        add_placements(connection, *names)
        connection.execute(update(PlacementRow).values(tenant_project="shop"))
        deeds = [{"at": NOW, "actor": "ann", "action": "sync", "subject": name, "project": ""} for name in names]
        connection.execute(insert(AuditRow), deeds)
    upgrade.downgrade(database, "0045")
    plans: dict[str, str] = {}

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if statement.startswith("UPDATE") and " AS p " in statement:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans[statement] = "\n".join(row[0] for row in cursor.fetchall())

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        upgrade.upgrade(database)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
        database.dispose()
    assert len(plans) == 6
    for statement, plan in plans.items():
        inner = plan.partition("SubPlan")[2] + plan.partition("Nested Loop")[2]
        assert "Seq Scan on placements" not in inner, f"{statement}\n{plan}"
