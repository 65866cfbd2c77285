"""What may never happen, written into the database itself.

Ended things do not change, nothing young vanishes, and no state follows another that it may not follow, as
``common.domain.transitions`` says.

What is old may be deleted: before the horizon that the deleting transaction itself has put into ``retention``, and
takes out again. Outside of such a transaction there is no horizon, and nothing is old.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from common.domain.transitions import MACHINES, Machine


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses one operation on one table.

    Attributes:
        when: refused are rows that meet it; all if empty.
        unless: of a deletion: rows that meet it may go. May ask other tables.
    """

    table: str
    operation: str
    when: str = ""
    unless: str = ""

    @property
    def name(self) -> str:
        """Name of the trigger."""
        return f"guard_{self.table}_{self.operation.lower()}"


HORIZON = "(SELECT horizon FROM retention)"


def expendable(run: str) -> str:
    """Return the condition on a row of ``runs``, by its alias, under which it may be deleted once it is old.

    Kept are the last run of each placement that could write, the last one that succeeded, and what an approval is of.
    """
    later = (
        f"SELECT 1 FROM runs AS later WHERE later.placement_id = {run}.placement_id AND later.id > {run}.id "  # noqa: S608 - constants
        "AND later.trigger <> 'check'"
    )
    replaced = (
        f"EXISTS ({later}) AND ({run}.outcome <> 'succeeded' OR EXISTS ({later} AND later.outcome = 'succeeded'))"
    )
    asked = f"SELECT 1 FROM approvals AS asked WHERE asked.run_id = {run}.id"  # noqa: S608 - constants
    old = f"{run}.ended_at < {HORIZON} AND ({run}.trigger = 'check' OR ({replaced}))"
    return f"{old} AND NOT EXISTS ({asked})"


_OF_EXPENDABLE = f"EXISTS (SELECT 1 FROM runs AS mine WHERE mine.id = OLD.run_id AND {expendable('mine')})"  # noqa: S608 - constants
_HAS_ENDED = "EXISTS (SELECT 1 FROM runs AS mine WHERE mine.id = {run} AND mine.outcome IS NOT NULL)"
GUARDS = (
    Guard("runs", "UPDATE", "OLD.outcome IS NOT NULL"),
    Guard("runs", "DELETE", unless=expendable("OLD")),
    Guard("open_runs", "DELETE", unless=_HAS_ENDED.format(run="OLD.run_id")),
    Guard("attempts", "UPDATE", "OLD.outcome IS NOT NULL"),
    Guard("attempts", "DELETE", unless=_OF_EXPENDABLE),
    Guard("object_results", "UPDATE"),
    Guard("object_results", "DELETE", unless=_OF_EXPENDABLE),
    Guard("audit", "UPDATE"),
    Guard("audit", "DELETE"),
    Guard("events", "UPDATE"),
    Guard("events", "DELETE", unless=f"OLD.at < {HORIZON}"),
)
NEWER = tuple(Guard(table, "INSERT") for table in ("attempts", "object_results", "open_runs", "planned_changes"))
"""Nothing is added to a run that has ended."""
STATE_GUARDS = {f"guard_{machine.table}_update_state": machine for machine in MACHINES}
"""By the names of their triggers."""
TRUNCATED = tuple(dict.fromkeys(guard.table for guard in GUARDS))
_MESSAGE = "history is append-only"
_NO_CHANGE = "no such change of state"
_ENDED = (
    f"EXISTS (SELECT 1 FROM runs WHERE id = NEW.run_id AND outcome IS NOT NULL AND (ended_at < {HORIZON}) IS NOT TRUE)"  # noqa: S608 - constants
)
_CLOSES = "AFTER UPDATE OF outcome ON runs FOR EACH ROW WHEN (OLD.outcome IS NULL AND NEW.outcome IS NOT NULL)"
_CLOSE = "DELETE FROM open_runs WHERE run_id = NEW.id"
CLOSER = "guard_runs_close"
"""The trigger that takes a run out of those that are open, once it has an outcome. Nobody else may."""
_FUNCTION = f"""
CREATE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_MESSAGE}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""

# With the owner's rights: a pool's role, which adds to runs, may not read the horizon.
_NEWER_FUNCTION = f"""
CREATE FUNCTION flotilla_refuse_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, {{schema}}, pg_temp AS $$
BEGIN
  IF {_ENDED} THEN
    RAISE EXCEPTION '{_MESSAGE}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""

_CLOSE_FUNCTION = f"""
CREATE FUNCTION flotilla_close_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, {{schema}}, pg_temp AS $$
BEGIN {_CLOSE}; RETURN NULL; END $$
"""

_STATE_FUNCTION = f"""
CREATE FUNCTION flotilla_refuse_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{_NO_CHANGE}: % to % on %', OLD.state, NEW.state, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


_KEPT_FUNCTION = f"""
CREATE FUNCTION flotilla_keep_{{table}}() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, {{schema}}, pg_temp AS $$
BEGIN
  IF {{unless}} THEN RETURN OLD; END IF;
  RAISE EXCEPTION '{_MESSAGE}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def statements(dialect: str, schema: str = "") -> tuple[str, ...]:
    """Return what makes the guards, in order; ``schema`` is where our tables are in PostgreSQL, quoted."""
    if dialect == "sqlite":
        states = tuple(f"{_on_state(name)} {_raised(f'{_NO_CHANGE}: {of.table}')}" for name, of in STATE_GUARDS.items())
        ends = f"CREATE TRIGGER {CLOSER} {_CLOSES} BEGIN {_CLOSE}; END"
        return (*map(_of_sqlite, GUARDS), *map(_newer_of_sqlite, NEWER), ends, *states)
    kept = [
        _KEPT_FUNCTION.format(table=guard.table, schema=schema, unless=guard.unless).strip()
        for guard in GUARDS
        if guard.unless
    ]
    rows = [
        f"CREATE TRIGGER {g.name} BEFORE {g.operation} ON {g.table} FOR EACH ROW "
        f"{f'WHEN ({g.when}) ' if g.when else ''}EXECUTE FUNCTION "
        f"{f'flotilla_keep_{g.table}' if g.unless else 'flotilla_refuse'}()"
        for g in GUARDS
    ]
    emptied = [
        f"CREATE TRIGGER guard_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION flotilla_refuse()"
        for table in TRUNCATED
    ]
    newer = [
        f"CREATE TRIGGER {g.name} BEFORE INSERT ON {g.table} FOR EACH ROW EXECUTE FUNCTION flotilla_refuse_ended()"
        for g in NEWER
    ]
    own = (_FUNCTION, _NEWER_FUNCTION.format(schema=schema), _STATE_FUNCTION, _CLOSE_FUNCTION.format(schema=schema))
    close = (
        "REVOKE ALL ON FUNCTION flotilla_close_run(), flotilla_refuse_ended() FROM PUBLIC",
        f"CREATE TRIGGER {CLOSER} {_CLOSES} EXECUTE FUNCTION flotilla_close_run()",
    )
    states = tuple(f"{_on_state(name)} EXECUTE FUNCTION flotilla_refuse_state()" for name in STATE_GUARDS)
    return (*(one.strip() for one in own), *kept, *rows, *emptied, *newer, *close, *states)


def schema_of(connection: Connection) -> str:
    """Return the PostgreSQL schema in which our tables are, quoted."""
    name: str = connection.execute(text("SELECT current_schema()")).scalar_one()
    return connection.dialect.identifier_preparer.quote_identifier(name)


def missing(connection: Connection) -> tuple[str, ...]:
    """Return the names of guards that are not in force, sorted; empty is right."""
    return tuple(sorted(name for table, name in _wanted(connection.dialect.name) - present(connection)))


def present(connection: Connection) -> set[tuple[str, str]]:
    """Return the triggers that are in force, whoever made them, each with its table."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        )
    else:
        query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    return {(table, name) for table, name in connection.execute(text(query))}


def _wanted(dialect: str) -> set[tuple[str, str]]:
    wanted = {(guard.table, guard.name) for guard in (*GUARDS, *NEWER)}
    wanted |= {(machine.table, name) for name, machine in STATE_GUARDS.items()} | {("runs", CLOSER)}
    if dialect == "postgresql":
        wanted |= {(table, f"guard_{table}_truncate") for table in TRUNCATED}
    return wanted


def _of_sqlite(guard: Guard) -> str:
    when = f"WHEN {guard.when} " if guard.when else ""
    if guard.unless:
        when = f"WHEN ({guard.unless}) IS NOT TRUE "
    return f"CREATE TRIGGER {guard.name} BEFORE {guard.operation} ON {guard.table} {when}{_refusal(guard)}"


def _newer_of_sqlite(guard: Guard) -> str:
    return f"CREATE TRIGGER {guard.name} BEFORE INSERT ON {guard.table} WHEN {_ENDED} {_refusal(guard)}"


def _on_state(name: str) -> str:
    """Return how the trigger begins that refuses every change of state that its table's machine does not have."""
    machine: Machine = STATE_GUARDS[name]
    may = " OR ".join(f"OLD.state = '{before}' AND NEW.state = '{after}'" for before, after in machine.changes)
    when = f"OLD.state <> NEW.state AND NOT ({may})"
    return f"CREATE TRIGGER {name} BEFORE UPDATE OF state ON {machine.table} FOR EACH ROW WHEN ({when})"


def _refusal(guard: Guard) -> str:
    return _raised(f"{_MESSAGE}: {guard.operation} on {guard.table}")


def _raised(message: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
