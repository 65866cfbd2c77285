"""PostgreSQL knows the words that the domain has, and refuses every other."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from sqlalchemy import text

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.changes import Action
from common.domain.health import Health
from common.domain.inspections import Inspected, InspectionState
from common.domain.placements import PlacementState
from common.domain.runs import AttemptOutcome, Outcome, RunState, SyncStatus, Trigger
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.state.intents import IntentKind
from tests.integration.db.rows import claimed

WORDS: dict[str, Iterable[str]] = {
    "ck_approvals_kind": ApprovalKind,
    "ck_approvals_state": ApprovalState,
    "ck_attempts_outcome": AttemptOutcome,
    "ck_inspections_state": InspectionState,
    "ck_inspections_what": Inspected,
    "ck_intents_kind": IntentKind,
    "ck_inventory_health": Health,
    "ck_object_results_action": Action,
    "ck_open_runs_state": set(RunState) - {RunState.ENDED},
    "ck_open_runs_trigger": Trigger,
    "ck_placements_health": Health,
    "ck_placements_state": PlacementState,
    "ck_placements_sync_status": SyncStatus,
    "ck_planned_changes_action": {*Action, "late"},
    "ck_runs_outcome": Outcome,
    "ck_runs_trigger": Trigger,
}
"""Whoever gives one of these a word more writes a migration that tells the database."""


def test_each_word_of_the_domain_is_known_and_no_other(postgres_database: Database) -> None:
    with postgres_database.read() as connection:
        found = connection.execute(
            text(
                "SELECT DISTINCT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' "
                "AND conrelid IN (SELECT oid FROM pg_class WHERE NOT relispartition) "
                "AND pg_get_constraintdef(oid) LIKE '%ANY%ARRAY%'"
            )
        )
        known = {name: set(re.findall(r"'([^']*)'::", definition)) for name, definition in found}
    known.pop("ck_findings_trigger")  # of those that a worker may file
    assert known == {name: set(map(str, words)) for name, words in WORDS.items()}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE open_runs SET trigger = 'whim'",
        "UPDATE runs SET outcome = 'splendid', ended_at = now()",
        "UPDATE attempts SET outcome = 'gone', ended_at = now()",
        "UPDATE placements SET health = 'fine'",
    ],
)
def test_another_word_is_refused(postgres_database: Database, statement: str) -> None:
    claimed(postgres_database)
    with pytest.raises(DatabaseError, match="violates check constraint"), postgres_database.write() as connection:
        connection.execute(text(statement))
