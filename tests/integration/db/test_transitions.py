"""No state follows another that it may not follow, whoever writes it."""

from __future__ import annotations

from enum import StrEnum
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from common.domain.approvals import OURS, ApprovalKind, ApprovalState
from common.domain.codes import ApprovalReason
from common.domain.placements import PlacementState
from common.domain.runs import RunState
from common.domain.status import Reason
from common.domain.transitions import MACHINES, RUN, Machine
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema.tables import ApprovalRow, OpenRunRow, PlacementRow, RunRow
from common.store.state import approvals
from common.store.state.approvals import Subject
from tests.integration.db.rows import NOW, add_placements, new_run, run_id

STATES: dict[str, type[StrEnum]] = {"approvals": ApprovalState, "placements": PlacementState}
ROWS: dict[str, Any] = {"open_runs": OpenRunRow, "approvals": ApprovalRow, "placements": PlacementRow}
OPEN = [state for state in RunState if state is not RunState.ENDED]
"""A run that has ended has no row in which a state could change."""
PAIRS = [
    pytest.param(machine, before.value, after.value, id=f"{machine.table}: {before} to {after}")
    for machine in MACHINES
    for before, after in permutations(OPEN if machine is RUN else STATES[machine.table], 2)
]


def template(connection: Connection, machine: Machine) -> dict[str, Any]:
    """Return the columns of a row of a table that could be added."""
    first, other = add_placements(connection, "eu/web", "us/web")
    runs.create(connection, new_run(first, "eu/web"), now=NOW)
    reason = Reason(ApprovalReason.LEAVING, {"placements": 1})
    approvals.ask(
        connection,
        ApprovalKind.LEAVING,
        Subject("eu/web", project="", asked_by=OURS),
        payload={},
        reason=reason,
        now=NOW,
    )
    stored = [column for column in ROWS[machine.table].__table__.columns if column.computed is None]
    row = dict(connection.execute(select(*stored)).mappings().first() or {})
    fresh: dict[str, dict[str, Any]] = {
        "open_runs": {"run_id": run_id(1), "placement_id": other, "cluster": "us"},
        "approvals": {"id": None, "subject": "us/web"},
        "placements": {"id": None, "cluster": "asia", "mark": "other"},
    }
    if machine is RUN:
        decided = dict(connection.execute(select(RunRow.__table__)).mappings().one())
        connection.execute(insert(RunRow).values(decided | {"id": run_id(1), "placement_id": other, "cluster": "us"}))
    return {name: value for name, value in (row | fresh[machine.table]).items() if (name, value) != ("id", None)}


@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_only_the_changes_of_the_diagram_can_be_written(
    database: Database, machine: Machine, before: str, after: str
) -> None:
    table = ROWS[machine.table].__table__
    (key,) = table.primary_key
    with database.write() as connection:
        row = template(connection, machine) | {"state": before}
        made = connection.execute(insert(table).values(row).returning(key)).scalar_one()
    write = update(table).where(key == made).values(state=after)
    if (before, after) in machine.changes:
        with database.write() as connection:
            assert connection.execute(write).rowcount == 1
    else:
        with pytest.raises(DatabaseError, match="no such change of state"), database.write() as connection:
            connection.execute(write)


@pytest.mark.parametrize("before", OPEN)
def test_a_run_ends_from_any_state_and_is_open_no_more(database: Database, before: RunState) -> None:
    assert (before, RunState.ENDED) in RUN.changes
    with database.write() as connection:
        row = template(connection, RUN) | {"state": before}
        connection.execute(insert(OpenRunRow).values(row))
    mine = select(OpenRunRow.run_id).where(OpenRunRow.run_id == run_id(1))
    end = update(RunRow).where(RunRow.id == run_id(1)).values(outcome="failed", ended_at=NOW)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(delete(OpenRunRow))
    with database.write() as connection:
        connection.execute(end)
        assert connection.execute(mine).first() is None
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(insert(OpenRunRow).values(row))
