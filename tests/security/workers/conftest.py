"""Two pools on one PostgreSQL, each with a role of its own, and rows of both in every table that bounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from psycopg import sql
from sqlalchemy import insert

from common.store.engine import roles
from common.store.engine.roles import grant
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema.tables import (
    ApprovalRow,
    AttemptRow,
    AuditRow,
    Base,
    ClusterRow,
    CommitRow,
    FaultRow,
    FindingRow,
    InspectionRow,
    InventoryRow,
    LeaseRow,
    ObjectResultRow,
    OpenRunRow,
    PlacementRow,
    PlacementSourceRow,
    PlannedChangeRow,
    PruneSpendingRow,
    RunRow,
    SourceDigestRow,
    SourceRow,
    WorkerRow,
)
from tests.fixtures.postgres import PostgresServer

POOLS = ("blue", "green")
_OBJECT = {"group": "", "kind": "Pod", "namespace": "shop", "name": "web"}
_RESOLVED = {"credentials": "", "ref": "main", "commit": "c", "renderers": ["plain 2"]}


@dataclass(frozen=True, slots=True)
class TwoPools:
    """The database as its owner sees it, and as the workers of each pool do. The attacker is ``blue``."""

    owner: Database
    blue: Database
    green: Database
    running: dict[str, str]
    """A run that is under way, by pool."""
    ended: dict[str, str]
    """A run that has ended, by pool."""
    queued: dict[str, str]
    """A run that only looks and waits to be claimed, by pool."""


@pytest.fixture(scope="package")
def two_pools(postgres_server: PostgresServer, postgres_template: str) -> Iterator[TwoPools]:
    """Cluster ``blue`` in pool ``blue`` and ``green`` in ``green``, and all that belongs to them.

    One database for all attacks: what is refused changes nothing, and what is not is taken back.
    """
    name = postgres_server.fresh(template=postgres_template)
    owner = Database(postgres_server.url(name))
    opened = {}
    for pool in POOLS:
        with owner.write() as connection:
            grant(connection, pool, roles.default_role(pool), password="worker")
        opened[pool] = Database(postgres_server.url(name, user=roles.default_role(pool), password="worker"))
    filled = {pool: _fill(owner, pool, number) for number, pool in enumerate(POOLS, start=1)}
    running, ended, queued = ({pool: runs[place] for pool, runs in filled.items()} for place in range(3))
    yield TwoPools(owner, opened["blue"], opened["green"], running, ended, queued)
    for database in (owner, *opened.values()):
        database.dispose()
    for pool in POOLS:
        role = sql.Identifier(roles.default_role(pool))
        postgres_server.execute(sql.SQL("DROP OWNED BY {}").format(role), database=name)
    postgres_server.drop(name)


def _fill(database: Database, pool: str, number: int) -> tuple[str, str, str]:
    """Add one row of the pool to each table; return its run under way, the one that has ended, and a queued one."""
    now = datetime.now(UTC)
    under_way, over, waits = (str(runs.new_run_id(now)) for _ in range(3))
    decided = {"placement_id": number, "cluster": pool, "application": "web", "trigger": "revision", "priority": 2}
    decided |= {"queue": pool}
    of_run = decided | {"actor": "flotilla", "snapshot_id": 1, "created_at": now}
    began = {"attempts": 1, "started_at": now}
    stands = decided | {"not_before": now}
    placement = {"id": number, "cluster": pool, "application": "web", "state": "placed", "mark": f"m{number}"}
    approval = {
        "kind": "prune",
        "digest": "d",
        "payload": {},
        "reason_code": "told",
        "created_at": now,
        "state": "open",
    }
    source = {"id": number, "repo": f"https://git.example.com/{pool}", "credentials": "", "ref": "main", "pool": pool}
    digest = {"source_id": number, "application": "web", "commit": "c", "digest": "d", "resolved_at": now}
    worker = {"name": f"w-{pool}", "queues": [pool], "slots": 1, "started_at": now, "seen_at": now}
    spent = {"application": "web", "source_digest": "d", "placement_id": number, "objects": 1}
    fault = {"scope": f"cluster:{pool}:orphans", "digest": "d", "code": "x"}
    finding = {"placement_id": number, "trigger": "drift", "pool": pool, "cause_code": "told"} | dict.fromkeys(
        ("seen_at", "found_at"), now
    )
    inspection = {"placement_id": number, "cluster": pool, "application": "web", "project": "default", "pool": pool}
    inspection |= {"what": "tree", "actor": "someone", "state": "taken", "created_at": now, "expires_at": now}
    lease = {"name": f"placement:{number}", "holder": "w", "token": f"{under_way}.1", "expires_at": now}
    changed = {"attempt": 1, **_OBJECT, "action": "created"}
    rows: list[tuple[type[Base], dict[str, object]]] = [
        (
            ClusterRow,
            {"name": pool, "declared": True, "state": "active", "pool": pool, "server": "", "credentials": ""},
        ),
        (SourceRow, source | {"used": True, "due_at": now}),
        (SourceDigestRow, digest),
        (CommitRow, {"source_id": number, "commit": "c", "seen_at": now}),
        (PlacementRow, placement | {"source_id": number}),
        (PlacementSourceRow, {"placement_id": number, "position": 0, "repo": "", **_RESOLVED}),
        (InventoryRow, {"placement_id": number, **_OBJECT, "version": "v1", "desired_digest": ""}),
        (FindingRow, finding),
        (InspectionRow, inspection | {"id": f"00000000-0000-4000-8000-00000000000{number}"}),
        (RunRow, of_run | {"id": under_way}),
        (OpenRunRow, stands | began | {"run_id": under_way, "state": "running"}),
        (AttemptRow, {"run_id": under_way, "number": 1, "placement_id": number, "worker": "w", "started_at": now}),
        (ObjectResultRow, {"run_id": under_way, "ordinal": 0, **changed}),
        (PlannedChangeRow, {"run_id": under_way, "placement_id": number, **changed}),
        (RunRow, of_run | began | {"id": over, "outcome": "succeeded", "ended_at": now}),
        (RunRow, of_run | {"id": waits, "trigger": "check"}),
        (OpenRunRow, stands | {"run_id": waits, "trigger": "check", "state": "queued"}),
        (LeaseRow, lease),
        (PruneSpendingRow, spent),
        (ApprovalRow, approval | {"subject": f"{pool}/web"}),
        (FaultRow, fault | {"first_seen_at": now, "last_seen_at": now}),
        (WorkerRow, worker),
        (AuditRow, {"at": now, "actor": f"worker:{pool}", "action": "move", "subject": f"{pool}/web"}),
    ]
    with database.write() as connection:
        for table, row in rows:
            connection.execute(insert(table).values(row))
    return under_way, over, waits
