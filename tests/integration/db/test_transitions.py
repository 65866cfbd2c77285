"""No state follows another that it may not follow, whoever writes it."""

from __future__ import annotations

from enum import StrEnum
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.codes import ApprovalReason
from common.domain.placements import PlacementState
from common.domain.runs import RunState
from common.domain.status import Reason
from common.domain.transitions import MACHINES, RUN, Machine
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema.tables import ApprovalRow, PlacementRow, RunRow
from common.store.state import approvals
from tests.integration.db.rows import NOW, add_placements, new_run

STATES: dict[str, type[StrEnum]] = {"runs": RunState, "approvals": ApprovalState, "placements": PlacementState}
ROWS: dict[str, Any] = {"runs": RunRow, "approvals": ApprovalRow, "placements": PlacementRow}
PAIRS = [
    pytest.param(machine, before.value, after.value, id=f"{machine.table}: {before} to {after}")
    for machine in MACHINES
    for before, after in permutations(STATES[machine.table], 2)
]


def template(connection: Connection, machine: Machine) -> dict[str, Any]:
    """Return the columns of a row of a table that could be added."""
    first, other = add_placements(connection, "eu/web", "us/web")
    runs.create(connection, new_run(first, "eu/web"), now=NOW)
    reason = Reason(ApprovalReason.LEAVING, {"placements": 1})
    approvals.ask(connection, ApprovalKind.LEAVING, "eu/web", payload={}, reason=reason, now=NOW)
    row = dict(connection.execute(select(ROWS[machine.table].__table__)).mappings().first() or {})
    fresh: dict[str, dict[str, Any]] = {
        "runs": {"id": "other", "placement_id": other, "cluster": "us"},
        "approvals": {"id": None, "subject": "us/web"},
        "placements": {"id": None, "cluster": "asia", "mark": "other"},
    }
    return {name: value for name, value in (row | fresh[machine.table]).items() if (name, value) != ("id", None)}


@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_only_the_changes_of_the_diagram_can_be_written(
    database: Database, machine: Machine, before: str, after: str
) -> None:
    table = ROWS[machine.table].__table__
    with database.write() as connection:
        row = template(connection, machine) | {"state": before}
        if (machine, before) == (RUN, RunState.ENDED):
            row |= {"outcome": "failed", "ended_at": NOW}
        key = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
    change: dict[str, Any] = {"state": after}
    if (machine, after) == (RUN, RunState.ENDED):
        change |= {"outcome": "failed", "ended_at": NOW}
    write = update(table).where(table.c.id == key).values(change)
    if (before, after) in machine.changes:
        with database.write() as connection:
            assert connection.execute(write).rowcount == 1
    else:
        refused = pytest.raises(DatabaseError, match=r"no such change of state|append-only")
        with refused, database.write() as connection:
            connection.execute(write)
