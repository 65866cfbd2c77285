"""What a pool's workers may reach in PostgreSQL: rows of their pool's clusters, and no past.

Policies say which rows, triggers what may be written into them; which columns, ``roles`` grants. Names inside of
functions are bound when these are made, or looked up in our schema alone: no search path of a caller's counts, nor a
temporary table of the same name. Whoever owns the tables is bounded by nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

POOL = "(SELECT flotilla_pool())"
"""Asked once for each statement, not for each row."""
_ANY_POOL = f"{POOL} IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rows of a table a pool's role may meet by one command; ``using`` those there, ``check`` those made."""

    table: str
    command: str
    using: str = ""
    check: str = ""

    @property
    def name(self) -> str:
        """Name of the policy."""
        return f"pool_{self.command.lower()}"

    @property
    def statement(self) -> str:
        """What makes it."""
        using = f" USING ({self.using})" if self.using else ""
        check = f" WITH CHECK ({self.check})" if self.check else ""
        return f"CREATE POLICY {self.name} ON {self.table} FOR {self.command}{using}{check}"


def _own(table: str, own: str) -> tuple[Policy, ...]:
    return (Policy(table, "ALL", own, own),)


def _own_cluster(name: str) -> str:
    return f"EXISTS (SELECT FROM clusters AS c WHERE c.name = {name} AND c.pool = {POOL})"


def _own_placement(table: str) -> str:
    """A placement of another pool is not seen, so that whatever belongs to it belongs to another pool too."""
    return f"EXISTS (SELECT FROM placements AS p WHERE p.id = {table}.placement_id)"


def _of_run(table: str, runs: str, key: str, standing: str = "") -> str:
    run = f"r.{key} = {table}.run_id AND r.placement_id = {table}.placement_id"
    return f"EXISTS (SELECT FROM {runs} AS r WHERE {run}{standing and ' AND '}{standing})"


_LEASE = f"""
CASE WHEN leases.name ~ '^(placement|check):[0-9]{{1,18}}$'
    THEN EXISTS (SELECT FROM placements AS p WHERE p.id = CAST(split_part(leases.name, ':', 2) AS bigint))
  WHEN leases.name ~ '^(sweep|observe):'
    THEN {_own_cluster("substring(leases.name FROM '^[a-z]+:(.*)$')")}
  WHEN leases.name ~ '^resolve:[0-9]{{1,18}}$'
    THEN EXISTS (SELECT FROM sources AS s
      WHERE s.id = CAST(split_part(leases.name, ':', 2) AS bigint) AND s.pool = {POOL})
  ELSE false END
"""  # noqa: S608 - constants
_SPENT = f"""
(placement_id = 0 AND objects = 0 AND {_ANY_POOL}) OR EXISTS (SELECT FROM placements AS p
  WHERE p.id = prune_spending.placement_id AND p.application = prune_spending.application)
"""
_CLAIMED = "r.state = 'running' AND r.attempts = number"
_OPEN_ATTEMPT = """
EXISTS (SELECT FROM attempts AS a
  WHERE a.run_id = object_results.run_id AND a.number = object_results.attempt AND a.outcome IS NULL)
"""
_SUBJECT = _own_cluster("split_part(approvals.subject, '/', 1)")
_DIGEST = f"EXISTS (SELECT FROM sources AS s WHERE s.id = source_digests.source_id AND s.pool = {POOL})"
_COMMIT = f"EXISTS (SELECT FROM sources AS s WHERE s.id = commits.source_id AND s.pool = {POOL})"
_FAULT = f"(faults.scope LIKE 'cluster:%' AND {_own_cluster('''split_part(faults.scope, ':', 2)''')})"
_REFUSED = f"(faults.scope = 'message' AND {_ANY_POOL})"
_QUEUES = f"""
jsonb_typeof(queues) = 'array' AND queues <> '[]' AND queues <@ jsonb_build_array({POOL}, {POOL} || '.now')
"""
_SIGNED = f"actor = 'worker:' || {POOL}"

POLICIES = (
    # The registry's documents, which every worker reads, name all clusters; two that are one are found by their UIDs.
    Policy("clusters", "SELECT", _ANY_POOL),
    Policy("clusters", "UPDATE", f"pool = {POOL}", f"pool = {POOL}"),
    *_own("placements", _own_cluster("placements.cluster")),
    *_own("inventory", _own_placement("inventory")),
    Policy("placement_sources", "SELECT", _own_placement("placement_sources")),
    Policy("findings", "ALL", f"pool = {POOL}", f"pool = {POOL} AND {_own_placement('findings')}"),
    Policy("inspections", "SELECT", f"pool = {POOL}"),
    Policy("inspections", "UPDATE", f"pool = {POOL}", f"pool = {POOL}"),
    Policy("runs", "SELECT", _own_cluster("runs.cluster")),
    Policy("runs", "UPDATE", _own_cluster("runs.cluster"), _own_cluster("runs.cluster")),
    Policy("open_runs", "SELECT", _own_cluster("open_runs.cluster")),
    Policy("open_runs", "UPDATE", _own_cluster("open_runs.cluster"), _own_cluster("open_runs.cluster")),
    Policy("attempts", "SELECT", _own_placement("attempts")),
    Policy("attempts", "INSERT", check=_of_run("attempts", "open_runs", "run_id", _CLAIMED)),
    Policy("attempts", "UPDATE", _own_placement("attempts"), _own_placement("attempts")),
    Policy("object_results", "SELECT", "EXISTS (SELECT FROM runs AS r WHERE r.id = object_results.run_id)"),
    Policy("object_results", "INSERT", check=_OPEN_ATTEMPT),
    Policy("planned_changes", "ALL", _own_placement("planned_changes"), _of_run("planned_changes", "runs", "id")),
    *_own("leases", _LEASE),
    # What a revision may remove is bounded over all clusters.
    Policy("prune_spending", "SELECT", _ANY_POOL),
    Policy("prune_spending", "INSERT", check=_SPENT),
    Policy("prune_spending", "UPDATE", _SPENT, _SPENT),
    Policy("prune_spending", "DELETE", _own_placement("prune_spending")),
    # A source is resolved by one pool, and rendered by all whose clusters need it.
    Policy("sources", "SELECT", _ANY_POOL),
    Policy("sources", "UPDATE", f"pool = {POOL}", f"pool = {POOL}"),
    Policy("source_digests", "SELECT", _ANY_POOL),
    Policy("source_digests", "INSERT", check=_DIGEST),
    Policy("source_digests", "UPDATE", _DIGEST, _DIGEST),
    Policy("source_digests", "DELETE", _DIGEST),
    *_own("commits", _COMMIT),
    Policy("approvals", "SELECT", _SUBJECT),
    Policy("approvals", "INSERT", check=f"{_SUBJECT} AND state = 'open' AND kind IN ('prune', 'move', 'identity')"),
    # Nobody decides on a request of their own: it is withdrawn, or what was allowed is used up.
    Policy(
        "approvals",
        "UPDATE",
        f"{_SUBJECT} AND state IN ('open', 'approved')",
        f"{_SUBJECT} AND state IN ('void', 'done')",
    ),
    Policy("faults", "ALL", f"{_FAULT} OR {_REFUSED}", f"{_FAULT} OR ({_REFUSED} AND cleared_at IS NULL)"),
    *_own("workers", _QUEUES),
    Policy("audit", "SELECT", _SIGNED),
    Policy("audit", "INSERT", check=_SIGNED),
)
BOUNDED = tuple(dict.fromkeys(policy.table for policy in POLICIES))
"""Tables whose rows have a pool behind them."""

_OF_ROLE = """
CREATE FUNCTION flotilla_pool() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC SELECT pool FROM pool_roles WHERE role = CAST(current_user AS text); END
"""
_NEAR = """
CREATE FUNCTION flotilla_near(at timestamptz) RETURNS boolean LANGUAGE sql VOLATILE
BEGIN ATOMIC SELECT abs(extract(epoch FROM at - clock_timestamp())) < 120; END
"""
"""Whether an instant is now, but for what a statement may have waited for a lock."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What a pool's role may write into rows of its own; other roles are let through.

    Attributes:
        body: in PL/pgSQL; ``mine`` is the pool, and ``lies`` is set to what is refused.
        when: a condition on OLD and NEW, so that rows it says nothing of cost nothing.
    """

    table: str
    event: str
    body: str
    when: str = ""

    @property
    def name(self) -> str:
        """Name of the trigger and its function. After ``guard``, by which triggers are fired before it."""
        return f"pool_{self.table}_{self.event.lower()}"

    def statements(self, schema: str) -> tuple[str, str]:
        """Return what makes it, for tables in ``schema``, quoted."""
        condition = f"WHEN ({self.when}) " if self.when else ""
        return (
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path = pg_catalog, {schema}, pg_temp AS $$\n"
            f"DECLARE mine text = flotilla_pool(); lies text;\nBEGIN\n  IF mine IS NULL THEN RETURN NEW; END IF;\n"
            f"{self.body}  IF lies IS NOT NULL THEN\n"
            f"    RAISE EXCEPTION 'a worker may not write this: %', lies USING ERRCODE = 'insufficient_privilege';\n"
            f"  END IF;\n  RETURN NEW;\nEND $$",
            f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} FOR EACH ROW {condition}"
            f"EXECUTE FUNCTION {self.name}()",
        )


_PROJECT = """
  NEW.project := coalesce((SELECT p.project FROM placements AS p
    WHERE p.cluster = split_part(NEW.subject, '/', 1) AND p.application = split_part(NEW.subject, '/', 2)), '');
"""
"""Whose it is decides who may see it, and decide on it: that is not for a worker to say."""
_AUDIT = f"""
  NEW.actor := 'worker:' || mine;
  NEW.at := clock_timestamp();
{_PROJECT}"""
_FAULT_OF_NONE = """
  NEW.project := '';
"""
_FIND_AGAIN = """
  NEW.pool := mine;
  NEW.seen_at := greatest(least(NEW.seen_at, clock_timestamp()), clock_timestamp() - interval '1 day');
  lies := CASE
    WHEN octet_length(CAST(NEW.cause_params AS text)) > 16384 THEN 'a finding that long'
    WHEN jsonb_typeof(NEW.cause_params) <> 'object' THEN 'parameters that are no mapping'
    WHEN EXISTS (SELECT FROM jsonb_each(NEW.cause_params) AS one
      WHERE jsonb_typeof(one.value) NOT IN ('string', 'number', 'boolean')
        OR jsonb_typeof(one.value) = 'number' AND length(CAST(one.value AS text)) > 18)
      THEN 'parameters that are not plain'
  END;
"""
_FIND = f"""
  NEW.found_at := clock_timestamp();
{_FIND_AGAIN}"""
_BEGIN_RUN = """
  lies := CASE WHEN OLD.started_at IS NOT NULL OR NOT flotilla_near(NEW.started_at) THEN 'when a run began' END;
"""
_AS_IT_STOOD = " AND ".join(
    f"o.{name} IS NOT DISTINCT FROM NEW.{name}" for name in ("started_at", "attempts", "retries", "interruptions")
)
_END_RUN = f"""
  lies := CASE
    WHEN NOT flotilla_near(NEW.ended_at) THEN 'when a run ended'
    WHEN NEW.outcome = 'interrupted' THEN 'that a run was interrupted'
    WHEN NOT EXISTS (SELECT FROM open_runs AS o WHERE o.run_id = NEW.id AND {_AS_IT_STOOD})
      THEN 'another course of a run'
  END;
"""
_BEGIN_ATTEMPT = """
  lies := CASE
    WHEN NOT flotilla_near(NEW.started_at) THEN 'when an attempt began'
    WHEN NEW.outcome IS NOT NULL THEN 'an attempt that has ended'
  END;
"""
_END_ATTEMPT = """
  lies := CASE
    WHEN NEW.ended_at IS NOT NULL AND NOT flotilla_near(NEW.ended_at) THEN 'when an attempt ended'
    WHEN NEW.outcome = 'interrupted' THEN 'that an attempt was interrupted'
  END;
"""
_LEAVE = """
  lies := CASE
    WHEN NEW.state <> OLD.state AND NOT (OLD.state = 'leaving' AND NEW.state = 'left')
      THEN format('a placement that was %s is %s', OLD.state, NEW.state)
    WHEN (NEW.hold_code, NEW.hold_params) IS DISTINCT FROM (OLD.hold_code, OLD.hold_params)
      AND NOT (OLD.state = 'leaving' AND NEW.state = 'left' AND NEW.hold_code = '' AND NEW.hold_params IS NULL)
      THEN 'what holds a placement'
  END;
"""
_LEAVES = "NEW.state <> OLD.state OR (NEW.hold_code, NEW.hold_params) IS DISTINCT FROM (OLD.hold_code, OLD.hold_params)"
_IDENTIFY = """
  lies := CASE WHEN OLD.identity IS NOT NULL THEN 'another identity of a cluster' END;
"""
_ASK = f"""
  NEW.created_at := clock_timestamp();
{_PROJECT}  lies := CASE WHEN NEW.decided_at IS NOT NULL OR NEW.decided_by <> '' OR NEW.decision_reason <> ''
    THEN 'that a request was decided' END;
"""
_WITHDRAW = """
  lies := CASE WHEN (OLD.state, NEW.state) NOT IN (('open', 'void'), ('approved', 'done'))
    THEN format('a request that was %s is %s', OLD.state, NEW.state) END;
  NEW.decided_at := CASE OLD.state WHEN 'open' THEN clock_timestamp() ELSE OLD.decided_at END;
  NEW.decided_by := CASE OLD.state WHEN 'open' THEN 'worker:' || mine ELSE OLD.decided_by END;
"""
_LOOK = """
  lies := CASE
    WHEN (OLD.state, NEW.state) NOT IN (('asked', 'taken'), ('taken', 'answered'), ('taken', 'failed'))
      THEN format('an inspection that was %s is %s', OLD.state, NEW.state)
    WHEN octet_length(CAST(NEW.answer AS text)) > 2097152 OR octet_length(CAST(NEW.error_params AS text)) > 262144
      THEN 'an answer that long'
    WHEN jsonb_typeof(NEW.answer) <> 'object' THEN 'an answer that is no mapping'
  END;
"""
WRITINGS = (
    Writing("audit", "INSERT", _AUDIT),
    Writing("faults", "INSERT", _FAULT_OF_NONE),
    Writing("findings", "INSERT", _FIND),
    Writing("findings", "UPDATE", _FIND_AGAIN),
    Writing("inspections", "UPDATE", _LOOK),
    Writing("open_runs", "UPDATE", _BEGIN_RUN, "NEW.started_at IS DISTINCT FROM OLD.started_at"),
    Writing("runs", "UPDATE", _END_RUN),
    Writing("attempts", "INSERT", _BEGIN_ATTEMPT),
    Writing("attempts", "UPDATE", _END_ATTEMPT),
    Writing("placements", "UPDATE", _LEAVE, _LEAVES),
    Writing("clusters", "UPDATE", _IDENTIFY, "NEW.identity IS DISTINCT FROM OLD.identity"),
    Writing("approvals", "INSERT", _ASK),
    Writing("approvals", "UPDATE", _WITHDRAW),
)


def statements(schema: str) -> tuple[str, ...]:
    """Return what makes all of it in PostgreSQL, in order; ``schema`` is where our tables lie, quoted."""
    return (
        _OF_ROLE.strip(),
        _NEAR.strip(),
        *(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in BOUNDED),
        *(policy.statement for policy in POLICIES),
        *(statement for writing in WRITINGS for statement in writing.statements(schema)),
    )


def missing(connection: Connection) -> tuple[str, ...]:
    """Return what of it is not in force, sorted; empty is right, and on SQLite always."""
    if connection.dialect.name != "postgresql":
        return ()
    here = "c.relnamespace = CAST(current_schema() AS regnamespace)"
    policies = f"SELECT c.relname, p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE {here}"  # noqa: S608 - constants
    triggers = (
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "  # noqa: S608 - constants
        f"WHERE t.tgenabled IN ('O', 'A') AND {here}"
    )
    secured = f"SELECT c.relname, 'row level security' FROM pg_class c WHERE c.relrowsecurity AND {here}"  # noqa: S608 - constants
    present = {tuple(row) for query in (policies, triggers, secured) for row in connection.execute(text(query))}
    wanted = {(policy.table, policy.name) for policy in POLICIES}
    wanted |= {(writing.table, writing.name) for writing in WRITINGS}
    wanted |= {(table, "row level security") for table in BOUNDED}
    return tuple(sorted(f"{name} of {table}" for table, name in wanted - present))
