"""The diagrams and the table of states, made from the code and compared with the pages."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from common.domain.approvals import ApprovalState
from common.domain.placements import PlacementState
from common.domain.runs import RunState, SyncStatus
from common.domain.status import Contact, Found, StatusFacts, sync_status
from common.domain.transitions import MACHINES, Machine

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
STATES = {"open_runs": RunState, "approvals": ApprovalState, "placements": PlacementState}
WANTED, OTHER = ("a", "b"), ("c", "d")
WELL = StatusFacts(PlacementState.PLACED, WANTED, WANTED, confirmed=True, failed=False)
CLAUSES: dict[str, dict[str, Any]] = {
    "its cluster cannot be read": {"contact": Contact.LOST},
    "the last run for what is wanted failed": {"failed": True},
    "it has left its cluster": {"state": PlacementState.LEFT},
    "nothing is wanted, or it is not resolved": {"desired": None},
    "another revision is in": {"applied": OTHER},
    "the last run that judged its objects found something": {"found": Found.DRIFTED},
    "a part of its cluster could not be read": {"contact": Contact.PARTIAL},
    "what is in was never confirmed": {"confirmed": False},
    "none of these": {},
}
"""In the order in which they are asked."""


def diagram(machine: Machine) -> str:
    """Return a table's states as the page draws them."""
    begun = [f"    [*] --> {state}" for state in machine.first]
    steps = [f"    {before} --> {after}: {why}" for (before, after), why in machine.changes.items()]
    left = {before for before, _ in machine.changes}
    ended = [f"    {state} --> [*]" for state in STATES[machine.table] if state not in left]
    return "\n".join(["```mermaid", "stateDiagram-v2", *begun, *steps, *ended, "```"]) + "\n"


def status_of(*clauses: str) -> SyncStatus:
    """Return the status of a placement of which all these hold; of two that speak of one fact, the first."""
    changes: dict[str, Any] = {}
    for clause in clauses:
        changes = CLAUSES[clause] | changes
    return sync_status(replace(WELL, **changes))


def truth_table() -> str:
    """Return the table of statuses: the first row that fits decides."""
    rows = [f"| {clause} | `{status_of(clause)}` |" for clause in CLAUSES]
    return "\n".join(["| the first of these that holds | status |", "| --- | --- |", *rows]) + "\n"


def part(page: str, name: str) -> str:
    """Return what stands between two marks of a page."""
    text = (REFERENCE / page).read_text()
    return text.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->\n")[0]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.table)
def test_the_page_draws_the_states_that_the_database_holds_everybody_to(machine: Machine) -> None:
    assert part("states.md", machine.table) == diagram(machine)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.table)
def test_every_state_can_be_reached_and_is_known(machine: Machine) -> None:
    assert {*machine.first, *(after for _, after in machine.changes)} == set(STATES[machine.table])
    assert {before for before, _ in machine.changes} <= set(STATES[machine.table])


def test_the_page_has_the_table_of_statuses() -> None:
    assert part("status.md", "statuses") == truth_table()


def test_of_two_rows_that_fit_the_first_decides() -> None:
    names = list(CLAUSES)
    for one, other in product(names, names):
        assert status_of(one, other) == status_of(min(one, other, key=names.index)), (one, other)


def test_whatever_was_found_but_a_retry_is_out_of_sync() -> None:
    found = {code: sync_status(replace(WELL, found=code)) for code in Found}
    synced = {code for code, status in found.items() if status is SyncStatus.SYNCED}
    assert synced == {Found.RETRIES}
    assert {status for code, status in found.items() if code not in synced} == {SyncStatus.OUT_OF_SYNC}
