"""What was kept of runs in words becomes a code with parameters that says the same, of what has ended too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text

from common.domain.reasons import hold_sentence, sentence
from common.domain.rights import ALL
from common.store.engine import upgrade
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.reads import fleet, leftovers
from common.store.reads import runs as reads
from common.store.reads.runs import RunFilter
from common.store.schema.tables import Params, RunRow
from common.store.state import intents
from common.store.state.stored_reasons import reason_in
from tests.integration.db.rows import NOW, add_placements, run_id, whole_row

BEFORE = "0026"
ENDED = {"state": "ended", "outcome": "succeeded", "error_code": "", "error": ""}
FAILED = ENDED | {"outcome": "failed"}
RUNS: dict[str, tuple[dict[str, str], str]] = {
    # words of the reason: what else was stored, the code
    "a newer revision": (ENDED | {"outcome": "superseded"}, "run.newer-revision"),
    "asked for by ann": (ENDED | {"outcome": "superseded"}, "run.asked-for"),
    "paused": (ENDED | {"outcome": "skipped"}, "placement.paused"),
    "blocked: the same cluster as eu": (ENDED | {"outcome": "skipped"}, "told"),
    "3 objects differ from Git, 1 object is to be adopted": (ENDED, "run.differs"),
    "Replace=true is not carried out (1 object)": (ENDED, "run.warnings"),
    "14 objects would be removed, more than maxObjects 10": (ENDED | {"outcome": "needs-approval"}, "run.asks"),
    "wave 1: Deployment web: 0 of 1": (ENDED | {"state": "waiting", "outcome": ""}, "run.waits"),
    "no answer": (ENDED | {"state": "queued", "outcome": "", "error_code": "x.y", "error": "no answer"}, "x.y"),
    "": (FAILED | {"error_code": "cluster.invalid", "error": "Deployment web: no"}, ""),
}
_RUN = (
    "INSERT INTO runs (id, placement_id, cluster, application, trigger, actor, cause, priority, queue, snapshot_id, "
    "state, reason, outcome, error_code, error, attempts, retries, interruptions, not_before, parked, created_at, "
    "ended_at) VALUES (:id, :placement, 'eu', 'web', 'manual', 'ann', '', 0, 'q', 1, :state, :words, :outcome, "
    ":error_code, :error, 1, 0, 0, :now, false, :now, :ended)"
)
_ATTEMPT = (
    "INSERT INTO attempts (run_id, number, placement_id, worker, started_at, ended_at, outcome, error_code, error) "
    "VALUES (:id, 1, 1, 'w', :now, :now, 'failed', 'interrupted', 'worker w died during this attempt')"
)

_FAULT = (
    'INSERT INTO faults (scope, digest, code, file, line, what, remedy, "commit", first_seen_at, last_seen_at) '
    "VALUES ('cluster:eu:orphans', :digest, :code, '', 0, :what, '', '', :now, :now)"
)
_APPROVAL = (
    "INSERT INTO approvals (kind, subject, digest, payload, reason, state, created_at, decided_by, decision_reason) "
    "VALUES ('prune', 'eu/web', 'd', '{}', '14 objects would be removed', 'open', :now, '', '')"
)
_INTENT = (
    "INSERT INTO intents (id, kind, subject, actor, reason, created_at, outcome, result) "
    "VALUES (1, 'pause', 'eu/web', 'ann', '', :now, 'done', 'paused; it ends')"
)
_SOURCE = (
    "INSERT INTO sources (repo, credentials, ref, pool, used, due_at, failures, error_code, error) "
    "VALUES ('r', '', 'main', 'p', true, :now, 1, 'git.gone', 'gone')"
)


def _fill(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, *(f"eu/a{number}" for number in range(len(RUNS) + 1)))
    upgrade.downgrade(database, BEFORE)
    late = ("not in time: health", (FAILED | {"error_code": "sync.deadline"}, ""))
    now = NOW if database.dialect == "postgresql" else NOW.replace(tzinfo=None).isoformat(" ")
    with database.write() as connection:
        for number, (words, (row, _)) in enumerate([*RUNS.items(), late]):
            run: dict[str, Any] = {**row, "id": run_id(number), "words": words, "outcome": row["outcome"] or None}
            run |= {"now": now, "ended": now if row["state"] == "ended" else None, "placement": number + 1}
            if number == 0:
                connection.execute(text(_RUN), run | {"state": "running", "outcome": None, "ended": None})
                connection.execute(text(_ATTEMPT), {"id": run_id(0), "now": now})
                end = "UPDATE runs SET state = 'ended', outcome = 'superseded', ended_at = :now WHERE id = :id"
                connection.execute(text(end), {"id": run_id(0), "now": now})
            else:
                connection.execute(text(_RUN), run)


def test_words_become_codes_that_say_the_same(database: Database) -> None:
    _fill(database)
    upgrade.upgrade(database)
    with database.read() as connection:
        ids = connection.execute(select(RunRow.id)).scalars().all()
        found = {id_: SimpleNamespace(**whole_row(connection, id_)) for id_ in ids}
        seen = {view.id: view for view in reads.runs(connection, ALL, RunFilter()).items}
        attempt = connection.execute(text("SELECT error_code FROM attempts")).scalar_one()
    for number, (words, (row, code)) in enumerate(RUNS.items()):
        run = found[run_id(number)]
        assert (run.reason_code, hold_sentence(reason_in(run, "reason"))) == (code, words)
        assert (run.error_code, sentence(reason_in(run, "error"))) == (row["error_code"], row["error"])
    late = seen[run_id(len(RUNS))]
    assert (late.reason, late.error_code, late.error) == ("", "sync.deadline", "not in time: health")
    assert (seen[run_id(1)].reason_params, attempt) == ({"by": "ann"}, "interrupted")


def test_history_is_guarded_after_going_there_and_back(database: Database) -> None:
    _fill(database)
    upgrade.upgrade(database)
    upgrade.downgrade(database, BEFORE)
    with database.read() as connection:
        words = {row.id: row.reason for row in connection.execute(text("SELECT id, reason FROM runs"))}
        error = connection.execute(text("SELECT error FROM attempts")).scalar_one()
    assert {words[run_id(number)] for number in (0, 2, 4, 6)} == {list(RUNS)[number] for number in (0, 2, 4, 6)}
    assert error == "worker w died during this attempt"
    upgrade.upgrade(database)
    for breach in ("UPDATE runs SET error_code = 'x'", "UPDATE attempts SET error_code = 'x'"):
        with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
            connection.execute(text(breach))


def test_what_was_asked_and_what_is_wrong_says_the_same(database: Database) -> None:
    upgrade.downgrade(database, BEFORE)
    now = NOW if database.dialect == "postgresql" else NOW.replace(tzinfo=None).isoformat(" ")
    orphan = "/ConfigMap:shop/old carries the mark of eu/web, which does not own it"
    faults = {
        "d1": ("cluster.orphan", orphan),
        "d2": ("registry.fault", "no such field"),
        "d3": ("cluster.orphan", "?"),
    }
    with database.write() as connection:
        for digest, (code, what) in faults.items():
            fault = {"digest": digest, "code": code, "what": what, "now": now}
            connection.execute(text(_FAULT), fault)
        for statement in (_APPROVAL, _INTENT, _SOURCE):
            connection.execute(text(statement), {"now": now})
    upgrade.upgrade(database)
    with database.read() as connection:
        assert {one.what for one in fleet.faults(connection, ALL).items} == {what for _, what in faults.values()}
        (approval,), (source,) = fleet.approvals(connection, ALL).items, fleet.sources(connection, ALL)
        intent = intents.get(connection, 1)
        orphans = [one for one in leftovers.leftovers(connection, ALL).items if one.placement]
    assert (approval.reason_code, approval.reason) == ("run.asks", "14 objects would be removed")
    assert intent is not None
    assert (intent.result, source.error, source.error_code) == ("paused; it ends", "gone", "git.gone")
    assert [(one.object, one.placement) for one in orphans] == [("/ConfigMap:shop/old", "eu/web")]
    upgrade.downgrade(database, BEFORE)
    with database.read() as connection:
        found = connection.execute(text("SELECT digest, code, what FROM faults"))
        assert {row.digest: (row.code, row.what) for row in found} == faults
        assert connection.execute(text("SELECT reason FROM approvals")).scalar_one() == "14 objects would be removed"
        assert connection.execute(text("SELECT result FROM intents")).scalar_one() == "paused; it ends"
        assert connection.execute(text("SELECT error FROM sources")).scalar_one() == "gone"
    upgrade.upgrade(database)


def test_parameters_are_bounded(database: Database) -> None:
    with database.read() as connection:
        bind = Params().bind_processor(connection.dialect)
        assert bind is not None
        stored = bind({"a": "x" * 100_000, "b": ["y"] * 5_000, "c": [["z" * 9_000]] * 20})
    assert len(str(stored)) < 80_000
