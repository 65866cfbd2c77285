"""A long history is brought up to date by statements of bounded size, whose number grows as the history does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event, select, text

from common.domain.codes import CauseReason, ObjectReason
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.schema.tables import ObjectResultRow, RunRow
from tests.integration.db.rows import NOW, add_placements

BEFORE = "0033"
BATCH = 5_000
"""Rows that one statement may change; the migrations say it too, and import nothing."""
APPLICATIONS = ("one", "three")
"""Of one source, and of three."""
RUNS = 10_000
"""Of which half have several sources, each another; and twice as many objects."""
_SOURCE = (
    'INSERT INTO sources (id, repo, credentials, ref, pool, used, "commit", due_at, failures, error_code) '
    "VALUES (:id, :repo, '', 'refs/heads/main', 'p', true, '', :now, 0, '')"
)
_DIGEST = (
    'INSERT INTO source_digests (source_id, application, "commit", digest, renderer, error_code, resolved_at) '
    "VALUES (:id, :application, :commit, 'd', 'plain 2', '', :now)"
)
_RUNS = (
    "WITH RECURSIVE each(n) AS (SELECT CAST(:first AS integer) UNION ALL SELECT n + 1 FROM each WHERE n < :last) "
    "INSERT INTO runs (id, placement_id, cluster, application, trigger, actor, cause, priority, queue, snapshot_id, "
    'source_id, source_digest, parameters_digest, "commit", state, outcome, error_code, attempts, retries, '
    "interruptions, not_before, parked, created_at, ended_at) "
    "SELECT '01990000-0000-7000-8000-0000' || (10000000 + n), 1 + n % 2, 'eu', "
    "CASE n % 2 WHEN 0 THEN 'one' ELSE 'three' END, "
    "CASE n % 5 WHEN 0 THEN 'manual' ELSE 'revision' END, 'ann', CASE n % 3 WHEN 0 THEN 'a new revision' ELSE "
    "'said ' || n END, 0, 'q', 1, 1, 's', 'p', CASE n % 2 WHEN 0 THEN 'a' || n ELSE 'a' || n || '+b+c' END, "
    "'ended', 'succeeded', '', 1, 0, 0, :now, false, :now, :now FROM each"
)
_OBJECTS = (
    "WITH RECURSIVE each(n) AS (SELECT CAST(:first AS integer) UNION ALL SELECT n + 1 FROM each WHERE n < :last) "
    'INSERT INTO object_results (run_id, attempt, ordinal, "group", kind, namespace, name, action, detail, diff) '
    "SELECT '01990000-0000-7000-8000-0000' || (10000000 + (n + 1) / 2), 1, (n + 1) % 2, '', 'ConfigMap', '', 'm', "
    "'adopted', "
    "CASE n % 2 WHEN 0 THEN 'adopted' ELSE 'told ' || n END, '' FROM each"
)


@dataclass
class Statements:
    """What a database was told meanwhile: how many statements, and the most rows that one of them changed."""

    number: int = 0
    most: int = 0

    def add(self, _connection: Connection, cursor: Any, statement: str, *_given: object) -> None:
        self.number += 1
        if statement.startswith("UPDATE"):
            self.most = max(self.most, cursor.rowcount)


def _place(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, *(f"eu/{name}" for name in APPLICATIONS))
    upgrade.downgrade(database, BEFORE)
    with database.write() as connection:
        for id_, commit in enumerate("xbc", 1):
            source = {"id": id_, "repo": f"https://git.example.com/{commit}.git", "now": _now(database)}
            connection.execute(text(_SOURCE), source)
            digest = {"id": id_, "application": "three", "commit": commit, "now": _now(database)}
            connection.execute(text(_DIGEST), digest)


def _now(database: Database) -> object:
    return NOW if database.dialect == "postgresql" else NOW.replace(tzinfo=None).isoformat(" ")


def _grown(database: Database, *, before: int) -> Statements:
    """Return what it took to bring a history up to date that has ``RUNS`` runs more than ``before``."""
    if before:
        upgrade.downgrade(database, BEFORE)
    with database.write() as connection:
        run = {"first": before + 1, "last": before + RUNS, "now": _now(database)}
        connection.execute(text(_RUNS), run)
        connection.execute(text(_OBJECTS), {"first": 2 * before + 1, "last": 2 * (before + RUNS)})
    seen = Statements()
    add = seen.add
    event.listen(Engine, "after_cursor_execute", add)
    try:
        upgrade.upgrade(database)
    finally:
        event.remove(Engine, "after_cursor_execute", add)
    return seen


def test_no_statement_changes_many_rows_and_twice_the_history_takes_no_more_than_twice_as_many(
    database: Database,
) -> None:
    _place(database)
    once = _grown(database, before=0)
    twice = _grown(database, before=RUNS)
    # Objects of one run stay together.
    assert max(once.most, twice.most) <= BATCH + 2
    # Of each batch of runs: what parts it, two for causes, two for sources, one of objects, of which there are two.
    assert twice.number - once.number <= 12 * RUNS // BATCH


def _cause(number: int) -> tuple[str, dict[str, str] | None]:
    words = f"said {number}" if number % 3 else "a new revision"
    if number % 5 == 0:
        return CauseReason.ASKED, {"why": words}
    return ("told", {"text": words}) if number % 3 else (CauseReason.NEW_REVISION, None)


def _sources(number: int) -> list[dict[str, Any]]:
    none = {"repo": "", "credentials": "", "ref": "", "renderers": []}
    followed = {
        name: none | {"repo": f"https://git.example.com/{name}.git", "ref": "refs/heads/main", "commit": name}
        for name in "xbc"
    }
    if number % 2:
        return [none | {"commit": f"a{number}"}, followed["b"], followed["c"]]
    return [followed["x"] | {"commit": f"a{number}"}]


def _detail(number: int) -> tuple[str, dict[str, str] | None]:
    return ("told", {"text": f"told {number}"}) if number % 2 else (ObjectReason.ADOPTED, None)


def test_every_row_of_a_long_history_is_mapped(database: Database) -> None:
    _place(database)
    _grown(database, before=0)
    run, result = RunRow.__table__.c, ObjectResultRow.__table__.c
    with database.read() as connection:
        runs = connection.execute(select(run.cause_code, run.cause_params, run.sources).order_by(run.id)).all()
        details = select(result.detail_code, result.detail_params).order_by(result.run_id, result.ordinal)
        results = connection.execute(details).all()
    assert [tuple(row) for row in runs] == [(*_cause(number), _sources(number)) for number in range(1, RUNS + 1)]
    assert [tuple(row) for row in results] == [_detail(number) for number in range(1, 2 * RUNS + 1)]
