"""One compromised worker, by its database role: it takes no other role, moves no row, and writes no past."""

# ruff: noqa: S608, PT012 - names of our own tables; a transaction is one statement

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError

from common.domain.approvals import OURS, ApprovalKind, ApprovalState
from common.domain.changes import Action
from common.domain.codes import CauseReason
from common.domain.refs import AttemptRef, ObjectId, PlacementRef, RunId
from common.domain.runs import AttemptOutcome, RunKind, Trigger
from common.domain.status import NONE, Reason
from common.store.engine.errors import DatabaseError
from common.store.events import audit
from common.store.queue import attempts, leases, runs
from common.store.queue.attempts import AttemptEnding
from common.store.schema.months import PARTED
from common.store.schema.tables import ApprovalRow, AuditRow, Base, FaultRow, Instant, PlacementRow
from common.store.state import approvals, clusters, faults, findings, observations, outcomes, prune_budget
from common.store.state.approvals import Subject
from common.store.state.findings import NewFinding
from tests.factories import cluster, revision, said
from tests.security.workers.conftest import TwoPools

LEASE = timedelta(seconds=20)
MINUTE = timedelta(minutes=1)
REVISION = revision()
UNKNOWN = "01990000-0000-7000-8000-000000000001"
"""A run that nobody made."""
COURSE = ("started_at", "attempts", "retries", "interruptions")


class _TakenBackError(Exception):
    """Ends a transaction whose attack, or whose work, was seen."""


def _refused(two_pools: TwoPools, *statements: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), two_pools.blue.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE flotilla_worker_green",
        "SET ROLE flotilla",
        "SET SESSION AUTHORIZATION flotilla_worker_green",
        "SET LOCAL session_replication_role = replica",
        "ALTER ROLE flotilla_worker_blue BYPASSRLS",
        "ALTER TABLE placements DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE runs DISABLE TRIGGER ALL",
        "ALTER POLICY pool_all ON placements USING (true)",
        "DROP POLICY pool_all ON placements",
        "CREATE POLICY mine ON placements USING (true)",
        "DROP TRIGGER guard_runs_update ON runs",
        "DROP TABLE audit",
        "CREATE TABLE mine (id integer)",
        "CREATE FUNCTION flotilla_pool() RETURNS text LANGUAGE sql AS $$ SELECT 'green' $$",
        "CREATE OR REPLACE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "ALTER FUNCTION flotilla_pool() OWNER TO flotilla_worker_blue",
        "UPDATE pool_roles SET pool = 'green'",
        "INSERT INTO pool_roles VALUES ('flotilla_worker_blue', 'green') ON CONFLICT DO NOTHING",
        "GRANT flotilla_worker_green TO flotilla_worker_blue",
        "SELECT lo_import('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT setval('audit_id_seq', 1)",
        "INSERT INTO audit (id, at, actor, action, subject) VALUES (9, now(), '', '', '')",
    ],
)
def test_a_role_does_not_become_more(two_pools: TwoPools, statement: str) -> None:
    _refused(two_pools, statement, match="permission denied|must be|must have|row-level")


@pytest.mark.parametrize("path", ["pg_temp, public", "pg_temp", "pg_temp, pg_catalog, public"])
def test_a_table_of_the_same_name_says_nothing(two_pools: TwoPools, path: str) -> None:
    """What policies and triggers read was bound when they were made, or is looked up in our schema alone."""
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        for statement in (
            "CREATE TEMPORARY TABLE pool_roles AS SELECT text 'flotilla_worker_blue' AS role, text 'green' AS pool",
            "CREATE TEMPORARY TABLE clusters AS SELECT text 'green' AS name, text 'blue' AS pool",
            "CREATE TEMPORARY TABLE runs (id uuid, outcome text, ended_at timestamptz)",
            "CREATE TEMPORARY TABLE open_runs AS SELECT run_id, placement_id, started_at, 7 AS attempts, retries, "
            "interruptions FROM public.open_runs",
            "CREATE FUNCTION pg_temp.flotilla_pool() RETURNS text LANGUAGE sql AS $$ SELECT 'green' $$",
            f"SET LOCAL search_path = {path}",
        ):
            connection.execute(text(statement))
        assert connection.execute(text("SELECT public.flotilla_pool()")).scalar_one() == "blue"
        assert connection.execute(text("SELECT cluster FROM public.placements")).scalars().all() == ["blue"]
        audited = "INSERT INTO public.audit (at, actor, action, subject) VALUES (now(), 'ann', 'x', '') RETURNING actor"
        assert connection.execute(text(audited)).scalar_one() == "worker:blue"
        late = (
            'INSERT INTO public.planned_changes (run_id, attempt, "group", kind, namespace, name, '
            f"placement_id, action) VALUES ('{two_pools.ended['blue']}', 1, '', 'Pod', '', 'x', 1, 'created')"
        )
        with pytest.raises(Exception, match="append-only"), connection.begin_nested():
            connection.execute(text(late))
        forged = _ending(attempts="7").format(run=two_pools.running["blue"])
        with pytest.raises(DBAPIError, match="another course"), connection.begin_nested():
            connection.execute(text(forged))
        raise _TakenBackError


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE placements SET cluster = 'green'",
        "UPDATE runs SET placement_id = 2",
        "UPDATE runs SET cluster = 'green'",
        "UPDATE open_runs SET placement_id = 2",
        "UPDATE open_runs SET cluster = 'green'",
        "UPDATE open_runs SET queue = 'green'",
        "UPDATE clusters SET pool = 'green'",
        "UPDATE clusters SET pool = 'blue' WHERE name = 'green'",
        "UPDATE sources SET pool = 'blue' WHERE id = 2",
        "UPDATE inventory SET placement_id = 2",
        "UPDATE attempts SET placement_id = 2",
        "UPDATE leases SET name = 'placement:2'",
        "UPDATE prune_spending SET placement_id = 2",
        "UPDATE approvals SET subject = 'green/web'",
        "UPDATE faults SET scope = 'cluster:green:orphans'",
        "UPDATE workers SET queues = '[\"green\"]'",
        'UPDATE workers SET queues = \'["blue", "green.now"]\'',
        "UPDATE workers SET queues = '\"blue\"'",
        "UPDATE prune_spending SET objects = 0 WHERE placement_id = 0 OR true; "
        "INSERT INTO prune_spending VALUES ('web', 'd', 0, 99)",
        "INSERT INTO leases VALUES ('leader', 'w', 't', now())",
        "INSERT INTO leases VALUES ('resolve:2', 'w', 't', now())",
        "INSERT INTO leases VALUES ('sweep:green', 'w', 't', now())",
        "INSERT INTO leases VALUES (E'sweep:blue\\n:green', 'w', 't', now())",
        "INSERT INTO leases VALUES ('check:2 ', 'w', 't', now())",
        "UPDATE placements SET state = 'left'",
        "UPDATE placements SET state = 'retained'",
        "UPDATE placements SET hold_code = 'x'",
        'UPDATE placements SET hold_params = \'{"message": "x"}\'',
        "UPDATE clusters SET identity = 'the-greens' WHERE name = 'blue'; UPDATE clusters SET identity = 'other'",
    ],
)
def test_no_row_changes_its_pool(two_pools: TwoPools, statement: str) -> None:
    _refused(two_pools, *statement.split("; "), match="row-level security|permission denied|a worker may not")


@pytest.mark.parametrize("trigger", list(Trigger))
def test_no_run_is_made(two_pools: TwoPools, trigger: Trigger) -> None:
    new = runs.NewRun(1, PlacementRef("blue", "web"), trigger, "flotilla", NONE, "blue", REVISION, 1, 1, project="")
    match = "permission denied for table open_runs"
    with pytest.raises(DatabaseError, match=match), two_pools.blue.write() as connection:
        _end_own(connection, two_pools)
        runs.create(connection, new, now=two_pools.blue.now(connection))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO runs SELECT * FROM runs",
        "INSERT INTO runs (id) VALUES ('{ended}') ON CONFLICT (id) DO UPDATE SET outcome = NULL",
        "MERGE INTO runs USING placements AS p ON false WHEN NOT MATCHED THEN INSERT (id) VALUES ('{unknown}')",
        "UPDATE runs SET id = '{unknown}' WHERE id = '{queued}'",
        "INSERT INTO open_runs SELECT * FROM open_runs",
        "INSERT INTO open_runs (run_id) VALUES ('{queued}') ON CONFLICT (run_id) DO UPDATE SET state = 'queued'",
        "INSERT INTO open_runs (run_id, placement_id, cluster, application, trigger, priority, queue, state) "
        "SELECT id, placement_id, cluster, application, trigger, priority, queue, 'queued' FROM runs",
        "MERGE INTO open_runs USING placements AS p ON false WHEN NOT MATCHED THEN INSERT (run_id) VALUES ('{ended}')",
        "UPDATE open_runs SET run_id = '{ended}' WHERE run_id = '{queued}'",
        "UPDATE open_runs SET trigger = 'manual' WHERE run_id = '{queued}'",
        "UPDATE open_runs SET priority = 0 WHERE run_id = '{queued}'",
        "UPDATE open_runs SET source_digest = 'd' WHERE run_id = '{queued}'",
        "DELETE FROM open_runs WHERE run_id = '{queued}'",
        "MERGE INTO open_runs AS o USING placements AS p ON p.id = o.placement_id WHEN MATCHED THEN DELETE",
        "UPDATE runs SET trigger = 'manual' WHERE id = '{queued}'",
        "UPDATE runs SET snapshot_id = 7 WHERE id = '{queued}'",
        "UPDATE runs SET outcome = NULL, ended_at = NULL WHERE id = '{ended}'",
        "UPDATE runs SET outcome = 'failed' WHERE id = '{ended}'",
    ],
)
def test_no_run_is_made_of_another(two_pools: TwoPools, statement: str) -> None:
    of = {"queued": two_pools.queued["blue"], "ended": two_pools.ended["blue"], "unknown": UNKNOWN}
    _refused(two_pools, statement.format(**of), match="permission denied|append-only")


_FINDING = "INSERT INTO findings (placement_id, trigger, pool, cause_code, cause_params, found_at, seen_at) VALUES "
_AGAIN = " ON CONFLICT (placement_id, trigger) DO UPDATE SET cause_params = excluded.cause_params"


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        (_FINDING + "(2, 'check', 'blue', 'cause.take-over', NULL, now(), now())", "row-level security"),
        (_FINDING + "(2, 'drift', 'green', 'cause.drifted', NULL, now(), now())" + _AGAIN, "row-level security"),
        (_FINDING + "(99, 'drift', 'blue', 'cause.drifted', NULL, now(), now())", "row-level security|foreign key"),
        (_FINDING + "(1, 'manual', 'blue', 'cause.drifted', NULL, now(), now())", "ck_findings_trigger"),
        (_FINDING + "(1, 'leaving', 'blue', 'cause.drifted', NULL, now(), now())", "ck_findings_trigger"),
        (_FINDING + "(1, 'check', 'blue', repeat('x', 101), NULL, now(), now())", "too long"),
        (_FINDING + "(1, 'check', 'blue', 'x', '{\"first\": \"\\u0000\"}', now(), now())", "Unicode escape"),
        (_FINDING + "(1, 'check', 'blue', 'x', to_jsonb(repeat('x', 20000)), now(), now())", "a worker may not write"),
        (
            _FINDING + "(1, 'drift', 'blue', 'x', to_jsonb(repeat('x', 20000)), now(), now())" + _AGAIN,
            "a worker may not",
        ),
        ("UPDATE findings SET cause_params = to_jsonb(repeat('x', 20000))", "a worker may not write"),
        ("UPDATE findings SET hint = repeat('x', 65)", "too long"),
        ("UPDATE findings SET placement_id = 2", "permission denied"),
        ("UPDATE findings SET trigger = 'check'", "permission denied"),
        ("UPDATE findings SET found_at = '2020-01-01'", "permission denied"),
        ("DELETE FROM findings", "permission denied"),
    ],
)
def test_no_finding_is_of_another_pool_or_without_bound(two_pools: TwoPools, statement: str, match: str) -> None:
    _refused(two_pools, statement.replace(":", "\\:"), match=match)


def test_however_often_it_is_filed_a_placement_has_one_finding_of_a_trigger(two_pools: TwoPools) -> None:
    cause = Reason(CauseReason.DRIFTED)
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        now = two_pools.blue.now(connection)
        for trigger in (Trigger.DRIFT, Trigger.CHECK):
            for _ in range(20):
                findings.file(connection, [NewFinding(1, trigger, cause)], pool="blue", now=now)
        assert connection.execute(text("SELECT count(*) FROM findings")).scalar_one() == 2
        raise _TakenBackError


def test_what_was_found_on_a_cluster_that_goes_to_another_pool_is_found_again_there(two_pools: TwoPools) -> None:
    finding = NewFinding(1, Trigger.DRIFT, Reason(CauseReason.DRIFTED))
    with pytest.raises(_TakenBackError), two_pools.owner.write() as connection:
        now = two_pools.owner.now(connection)
        declared = [replace(cluster("blue"), pool="green"), replace(cluster("green"), pool="green")]
        clusters.declare(connection, declared, now=now)
        connection.execute(text("SET LOCAL ROLE flotilla_worker_green"))
        findings.file(connection, [finding], pool="green", now=now)
        filed = text("SELECT pool, filed FROM findings WHERE placement_id = 1")
        assert connection.execute(filed).one() == ("green", 2)
        connection.execute(text("SET LOCAL ROLE flotilla_worker_blue"))
        assert connection.execute(filed).one_or_none() is None
        raise _TakenBackError


def test_who_and_when_are_the_databases_word(two_pools: TwoPools) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        finding = NewFinding(1, Trigger.CHECK, Reason(CauseReason.TAKE_OVER))
        findings.file(connection, [finding], pool="green", now=long_ago)
        filed = text("SELECT pool, found_at FROM findings WHERE trigger = 'check'")
        pool, at = connection.execute(filed).one()
        assert pool == "blue"
        assert datetime.now(UTC) - at < MINUTE
        connection.execute(text("UPDATE findings SET pool = 'green', seen_at = '2100-01-01'"))
        assert connection.execute(filed).one() == (pool, at)
        (seen_at,) = connection.execute(text("SELECT seen_at FROM findings WHERE trigger = 'check'")).one()
        assert seen_at - datetime.now(UTC) < MINUTE, "nothing is seen that is still to come"
        audit.append(connection, audit.Deed("ann", "approve", "green/web", project=""), now=long_ago)
        actor, at = connection.execute(text("SELECT actor, at FROM audit ORDER BY id DESC LIMIT 1")).one()
        assert actor == "worker:blue"
        assert datetime.now(UTC) - at < MINUTE
        raise _TakenBackError


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET started_at = '2026-01-01' WHERE id = '{running}'",
        "UPDATE runs SET attempts = 7 WHERE id = '{running}'",
        "UPDATE open_runs SET started_at = '2026-01-01' WHERE run_id = '{running}'",
        "UPDATE open_runs SET started_at = NULL WHERE run_id = '{running}'",
        "UPDATE open_runs SET started_at = '2026-01-01' WHERE run_id = '{queued}'",
        "UPDATE open_runs SET interruptions = 0 WHERE run_id = '{running}'",
        "UPDATE runs SET created_at = '2026-01-01' WHERE id = '{running}'",
        "UPDATE runs SET actor = 'ann' WHERE id = '{running}'",
        "UPDATE runs SET outcome = NULL, ended_at = NULL WHERE id = '{ended}'",
        "UPDATE attempts SET outcome = 'succeeded', ended_at = '2026-01-01'",
        "UPDATE attempts SET outcome = 'interrupted', ended_at = now()",
        "UPDATE attempts SET started_at = '2026-01-01'",
        "INSERT INTO attempts (run_id, number, placement_id, worker, started_at, error_code) "
        "VALUES ('{ended}', 1, 1, 'w', now(), '')",
        "INSERT INTO attempts (run_id, number, placement_id, worker, started_at, error_code) "
        "VALUES ('{running}', 7, 1, 'w', now(), '')",
        "INSERT INTO attempts (run_id, number, placement_id, worker, started_at, error_code) "
        "VALUES ('{theirs}', 2, 1, 'w', now(), '')",
        "INSERT INTO object_results VALUES ('{ended}', 1, 5, '', 'Pod', '', 'x', 'created', '', '', NULL)",
        "INSERT INTO object_results VALUES ('{running}', 2, 5, '', 'Pod', '', 'x', 'created', '', '', NULL)",
        "INSERT INTO object_results VALUES ('{theirs}', 1, 5, '', 'Pod', '', 'x', 'created', '', '', NULL)",
        "UPDATE object_results SET action = 'unchanged'",
        "DELETE FROM object_results",
        "UPDATE audit SET actor = 'ann'",
        "DELETE FROM runs",
        "DELETE FROM open_runs",
    ],
)
def test_no_past_is_written(two_pools: TwoPools, statement: str) -> None:
    of = {"running": two_pools.running["blue"], "ended": two_pools.ended["blue"], "theirs": two_pools.running["green"]}
    of["queued"] = two_pools.queued["blue"]
    match = "row-level security|permission denied|a worker may not|append-only"
    _refused(two_pools, statement.format(**of), match=match)


def _ending(**other: str) -> str:
    """Return what ends ``{run}`` with the course that its open row has, but for what is given otherwise."""
    values = {"outcome": "'succeeded'", "ended_at": "now()", **{name: f"o.{name}" for name in COURSE}, **other}
    given = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"UPDATE public.runs AS r SET {given} FROM public.open_runs AS o WHERE o.run_id = r.id AND r.id = '{{run}}'"


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ({"ended_at": "'2026-01-01'"}, "when a run ended"),
        ({"ended_at": "now() + interval '1 day'"}, "when a run ended"),
        ({"outcome": "'interrupted'"}, "that a run was interrupted"),
        ({"started_at": "'2026-01-01'"}, "another course of a run"),
        ({"started_at": "NULL"}, "another course of a run"),
        ({"attempts": "0"}, "another course of a run"),
        ({"attempts": "7"}, "another course of a run"),
        ({"retries": "3"}, "another course of a run"),
        ({"interruptions": "2"}, "another course of a run"),
    ],
    ids=str,
)
def test_no_run_ends_otherwise_than_it_stood(two_pools: TwoPools, other: dict[str, str], match: str) -> None:
    _refused(two_pools, _ending(**other).format(run=two_pools.running["blue"]), match=f"a worker may not.*{match}")


def test_a_run_that_ends_as_it_stood_is_open_no_more_and_stays_ended(two_pools: TwoPools) -> None:
    run = two_pools.running["blue"]
    still_open = text(f"SELECT count(*) FROM open_runs WHERE run_id = '{run}'")
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        assert connection.execute(text(_ending().format(run=run))).rowcount == 1
        assert connection.execute(still_open).scalar_one() == 0
        for again in ("outcome = NULL, ended_at = NULL", "outcome = 'failed'", "attempts = 0"):
            with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
                connection.execute(text(f"UPDATE runs SET {again} WHERE id = '{run}'"))
        raise _TakenBackError


@pytest.mark.parametrize("which", ["running", "queued", "ended"])
def test_no_run_of_another_pool_is_met(two_pools: TwoPools, which: str) -> None:
    theirs = getattr(two_pools, which)["green"]
    both = "runs AS r LEFT JOIN open_runs AS o ON o.run_id = r.id"
    there = text(f"SELECT to_jsonb(r), to_jsonb(o) FROM {both} ORDER BY r.id")
    with two_pools.owner.read() as connection:
        before = connection.execute(there).all()
    for statement in (
        _ending().format(run=theirs),
        f"UPDATE runs SET outcome = 'failed', ended_at = now() WHERE id = '{theirs}'",
        f"UPDATE open_runs SET state = 'waiting', deadline_at = now() WHERE run_id = '{theirs}'",
        f"UPDATE open_runs SET sent_at = now(), parked = true WHERE run_id = '{theirs}'",
    ):
        with two_pools.blue.write() as connection:
            assert connection.execute(text(statement)).rowcount == 0
    with two_pools.owner.read() as connection:
        assert connection.execute(there).all() == before


@pytest.mark.parametrize("function", ["flotilla_close_run", "flotilla_refuse_ended"])
def test_what_has_the_owners_rights_is_put_on_no_table_of_a_workers_own(two_pools: TwoPools, function: str) -> None:
    """One takes the run that a row names out of those that are open, the other says whether a run has ended."""
    _refused(
        two_pools,
        "CREATE TEMPORARY TABLE mine AS SELECT id, id AS run_id, outcome FROM runs",
        f"CREATE TRIGGER forged BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION {function}()",
        match="permission denied for function",
    )


def _partitions(two_pools: TwoPools, table: str) -> list[str]:
    query = text("SELECT CAST(inhrelid AS regclass) FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)")
    with two_pools.owner.read() as connection:
        return sorted(map(str, connection.execute(query, {"table": table}).scalars()))


@pytest.mark.parametrize("table", list(PARTED))
def test_no_partition_is_touched_but_by_its_table(two_pools: TwoPools, table: str) -> None:
    """Its rows are those of every pool: no policy is on a partition, so no right may be either."""
    found = _partitions(two_pools, table)
    assert f"{table}_default" in found
    assert any(name.startswith(f"{table}_y") for name in found)
    for name in found:
        for statement in (
            f"SELECT FROM {name}",
            f"INSERT INTO {name} SELECT * FROM {name}",
            f"UPDATE {name} SET {PARTED[table]} = {PARTED[table]}",
            f"DELETE FROM {name}",
            f"TRUNCATE {name}",
            f"COPY {name} FROM STDIN",
            f"LOCK TABLE {name} IN SHARE MODE",
            f"DROP TABLE {name}",
            f"ALTER TABLE {table} DETACH PARTITION {name}",
            f"ALTER TABLE {name} DISABLE TRIGGER ALL",
            f"CREATE TRIGGER mine BEFORE INSERT ON {name} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ):
            _refused(two_pools, statement, match="permission denied|must be owner")
    bound = "FOR VALUES FROM ('f0000000-0000-7000-8000-000000000000') TO (MAXVALUE)"
    _refused(two_pools, f"CREATE TABLE mine PARTITION OF {table} {bound}", match="permission denied|must be owner")
    _refused(two_pools, f"CREATE TEMPORARY TABLE mine PARTITION OF {table} {bound}", match="must be owner|temporary")


@pytest.mark.parametrize(
    "change",
    ["state = 'approved'", "state = 'approved', decided_by = 'ann'", "state = 'rejected'", "state = 'open'"],
)
def test_nobody_decides_on_a_request_of_their_own(two_pools: TwoPools, change: str) -> None:
    _refused(two_pools, f"UPDATE approvals SET {change}", match="row-level security|a worker may not")


@pytest.mark.parametrize("state", ["done", "approved"])
def test_a_request_is_not_made_as_if_decided(two_pools: TwoPools, state: str) -> None:
    columns = "kind, subject, digest, payload, state, decided_by, created_at, decision_reason"
    row = f"'prune', 'blue/web', 'x', '{{}}', '{state}', 'ann', now(), ''"
    match = "row-level security|a worker may not"
    _refused(two_pools, f"INSERT INTO approvals ({columns}) VALUES ({row})", match=match)


def test_whose_anything_is_no_worker_says(two_pools: TwoPools) -> None:
    mine, theirs = (
        Subject("blue/web", project="theirs", asked_by=OURS),
        Subject("blue", project="theirs", asked_by=OURS),
    )
    with two_pools.owner.write() as connection:
        connection.execute(update(PlacementRow).values(project="mine"))
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        now = two_pools.blue.now(connection)
        for kind, asks in ((ApprovalKind.PRUNE, mine), (ApprovalKind.IDENTITY, theirs)):
            asked = approvals.ask(connection, kind, asks, payload={}, reason=said("x"), now=now)
            stored = approvals.get(connection, asked)
            assert stored is not None
            assert stored.project == ("mine" if kind is ApprovalKind.PRUNE else "")
        for subject in ("blue/web", "green/web", "message"):
            audit.append(connection, audit.Deed("flotilla", "refuse", subject, project="theirs"), now=now)
        for scope in (faults.of_cluster("blue"), faults.MESSAGES):
            faults.add(connection, scope, faults.StoredFault("x", {}, project="theirs"), now=now)
        noted = connection.execute(select(AuditRow.subject, AuditRow.project).where(AuditRow.action == "refuse"))
        assert set(map(tuple, noted)) >= {("blue/web", "mine"), ("green/web", ""), ("message", "")}
        for row in (ApprovalRow, AuditRow, FaultRow):
            assert "theirs" not in set(connection.scalars(select(row.project))), row
        raise _TakenBackError
    for table in ("placements", "runs", "faults", "approvals", "audit"):
        _refused(two_pools, f"UPDATE {table} SET project = 'theirs'", match="permission denied")


def test_what_was_allowed_is_used_up_and_stays_whose_word_it_was(two_pools: TwoPools) -> None:
    with two_pools.owner.write() as connection:
        now = two_pools.owner.now(connection)
        asked = approvals.ask(
            connection,
            ApprovalKind.MOVE,
            Subject("blue/web", project="", asked_by=OURS),
            payload={"a": 1},
            reason=said("x"),
            now=now,
        )
        approvals.decide(connection, asked, ApprovalState.APPROVED, actor="ann", reason="", now=now)
    with two_pools.blue.write() as connection:
        approvals.use_up(connection, [asked])
    with two_pools.owner.read() as connection:
        stored = approvals.get(connection, asked)
    assert stored is not None
    assert (stored.state, stored.decided_by) == ("done", "ann")


def test_a_worker_can_do_its_work(two_pools: TwoPools) -> None:
    with pytest.raises(_TakenBackError), two_pools.blue.write() as connection:
        now = two_pools.blue.now(connection)
        _end_own(connection, two_pools)
        finding = NewFinding(1, Trigger.DRIFT, Reason(CauseReason.FULL_CHECK))
        findings.file(connection, [finding, replace(finding, trigger=Trigger.CHECK)], pool="blue", now=now)
        found = runs.claim(connection, RunId(two_pools.queued["blue"]), worker="w", lease=LEASE, now=now)
        assert found is not None
        change = (ObjectId("", "Pod", "shop", "web"), Action.CREATED)
        assert attempts.plan(connection, found.attempt, placement_id=1, changes=[change])
        assert leases.renew(connection, {leases.of_run(RunKind.CHECK, 1): str(found.attempt)}, lease=LEASE, now=now)
        assert prune_budget.spend(connection, "web", "d", 1, 2, budget=9) == 1
        observations.record_hint(connection, 1, "x")
        outcomes.record_left(connection, 1)
        assert clusters.record_identity(connection, "blue", "uid") == NONE
        clusters.swept(connection, "blue", next_at=now, step=0, now=now)
        audit.append(connection, audit.Deed("flotilla", "refuse", "message", project=""), now=now)
        faults.add(connection, faults.MESSAGES, faults.StoredFault("broker.forged", {}, project=""), now=now)
        first = approvals.ask(
            connection,
            ApprovalKind.PRUNE,
            Subject("blue/web", project="", asked_by=OURS),
            payload={"b": 1},
            reason=said("over"),
            now=now,
        )
        second = approvals.ask(
            connection,
            ApprovalKind.PRUNE,
            Subject("blue/web", project="", asked_by=OURS),
            payload={"c": 1},
            reason=said("over"),
            now=now,
        )
        states = [stored.state for id_ in (first, second) if (stored := approvals.get(connection, id_))]
        assert states == ["void", "open"]
        assert attempts.end_attempt(connection, found.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=now)
        raise _TakenBackError


def _end_own(connection: Connection, two_pools: TwoPools) -> None:
    """End the run under way, which would be in the way of the next."""
    now = two_pools.blue.now(connection)
    attempt = AttemptRef(RunId(two_pools.running["blue"]), 1)
    assert attempts.end_attempt(connection, attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=now)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("INSERT INTO events SELECT * FROM events LIMIT 1", "permission denied"),
        (
            "INSERT INTO events (tx, id, at, kind, subject, cluster, application, project, code, params, actor) "
            "VALUES (1, NULL, now(), 'run.ended', 'blue/web', 'blue', 'web', '', '', '{}', 'flotilla')",
            "permission denied",
        ),
        ("UPDATE events SET code = 'x'", "permission denied"),
        ("DELETE FROM events", "permission denied"),
        ("UPDATE event_clock SET last = 1000000000", "permission denied"),
        ("UPDATE event_cursors SET tx = 1000000000", "permission denied"),
        ("SELECT nextval('event_numbers')", "permission denied"),
        ("SELECT event_run_ended()", "permission denied|trigger functions can only be called"),
        ("DROP TRIGGER event_run_ended ON runs", "must be owner"),
    ],
)
def test_nothing_is_told_by_hand(two_pools: TwoPools, statement: str, match: str) -> None:
    _refused(two_pools, statement, match=match)


def test_what_tells_is_put_on_no_table_of_a_workers_own(two_pools: TwoPools) -> None:
    """The functions have the owner's rights, and say what a row holds: a worker's own row would say anything."""
    _refused(
        two_pools,
        "CREATE TEMPORARY TABLE mine (LIKE faults)",
        "CREATE TRIGGER forged AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION event_fault_raised()",
        match="permission denied for function",
    )


def test_what_a_worker_does_is_told_of_its_own_cluster(two_pools: TwoPools) -> None:
    with two_pools.owner.read() as connection:
        begun = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
    changed = "UPDATE placements SET health = 'degraded' WHERE cluster IN ('blue', 'green')"
    with two_pools.owner.write() as connection:
        connection.execute(text("SET LOCAL ROLE flotilla_worker_blue"))
        connection.execute(text(changed))
        connection.execute(text("RESET ROLE"))
        told = connection.execute(text("SELECT cluster, kind, actor FROM events ORDER BY tx, id")).all()
        assert [tuple(row) for row in told[begun:]] == [("blue", "health.changed", "flotilla")]
        connection.rollback()


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE placements SET retry_at = '{}'",
        "UPDATE clusters SET sweep_due_at = '{}'",
        "UPDATE leases SET expires_at = '{}'",
        "UPDATE sources SET due_at = '{}'",
        "UPDATE workers SET seen_at = '{}'",
        "UPDATE inventory SET heal_after = '{}'",
    ],
)
def test_no_instant_is_written_that_nobody_can_read(two_pools: TwoPools, statement: str, instant: str) -> None:
    """One of them ends the turn of whoever reads it: of the scheduler, and so of all pools, again and again."""
    _refused(two_pools, statement.format(instant), match="_instants")


def test_every_instant_has_a_bound(two_pools: TwoPools) -> None:
    bounds = text("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'ck_%_instants'")
    with two_pools.owner.read() as connection:
        bounded = {name: definition for name, definition in connection.execute(bounds)}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Instant):
                assert f"({column.name} <=" in bounded[f"ck_{table.name}_instants"], (table.name, column.name)
