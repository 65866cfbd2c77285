"""What history may never do, written into the database itself: ended things do not change, nothing vanishes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses one operation on one table, for rows that meet ``when`` (all rows if empty)."""

    table: str
    operation: str
    when: str = ""

    @property
    def name(self) -> str:
        """Name of the trigger."""
        return f"guard_{self.table}_{self.operation.lower()}"


GUARDS = (
    Guard("runs", "UPDATE", "OLD.state = 'ended'"),
    Guard("runs", "DELETE"),
    Guard("attempts", "UPDATE", "OLD.outcome IS NOT NULL"),
    Guard("attempts", "DELETE"),
    Guard("object_results", "UPDATE"),
    Guard("object_results", "DELETE"),
    Guard("audit", "UPDATE"),
    Guard("audit", "DELETE"),
)
NEWER = tuple(Guard(table, "INSERT") for table in ("attempts", "object_results", "planned_changes"))
"""Nothing is added to a run that has ended."""
TRUNCATED = tuple(dict.fromkeys(guard.table for guard in GUARDS))
_MESSAGE = "history is append-only"
_ENDED = "(SELECT state FROM runs WHERE id = NEW.run_id) = 'ended'"
_FUNCTION = f"""
CREATE FUNCTION flotilla_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_MESSAGE}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


_NEWER_FUNCTION = f"""
CREATE FUNCTION flotilla_refuse_ended() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, {{schema}}, pg_temp AS $$
BEGIN
  IF {_ENDED} THEN
    RAISE EXCEPTION '{_MESSAGE}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""


def create(connection: Connection) -> None:
    """Put the first guards in place; the tables are there, the guards are not."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(_FUNCTION))
    for statement in _statements(connection.dialect.name):
        connection.execute(text(statement))


def drop(connection: Connection) -> None:
    """Take the first guards away, so that the tables can go."""
    newer = {(guard.table, guard.name) for guard in NEWER}
    for table, name in sorted(_wanted(connection.dialect.name) - newer):
        _drop(connection, table, name)
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION flotilla_refuse()"))


def create_newer(connection: Connection) -> None:
    """Put the guards in place that keep an ended run from growing."""
    if connection.dialect.name == "postgresql":
        schema = schema_of(connection)
        connection.execute(text(_NEWER_FUNCTION.format(schema=schema)))
    for guard in NEWER:
        before = f"CREATE TRIGGER {guard.name} BEFORE INSERT ON {guard.table}"
        refuse = f"WHEN {_ENDED} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: INSERT on {guard.table}'); END"
        if connection.dialect.name == "postgresql":
            refuse = "FOR EACH ROW EXECUTE FUNCTION flotilla_refuse_ended()"
        connection.execute(text(f"{before} {refuse}"))


def drop_newer(connection: Connection) -> None:
    """Take these away again."""
    for guard in NEWER:
        _drop(connection, guard.table, guard.name)
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION flotilla_refuse_ended()"))


def schema_of(connection: Connection) -> str:
    """Return the PostgreSQL schema in which our tables lie, quoted."""
    name: str = connection.execute(text("SELECT current_schema()")).scalar_one()
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _drop(connection: Connection, table: str, name: str) -> None:
    on_table = f" ON {table}" if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"DROP TRIGGER {name}{on_table}"))


def missing(connection: Connection) -> tuple[str, ...]:
    """Return the names of guards that are not in force, sorted; empty is right."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        )
    else:
        query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    present = {(table, name) for table, name in connection.execute(text(query))}
    return tuple(sorted(name for table, name in _wanted(connection.dialect.name) - present))


def _wanted(dialect: str) -> set[tuple[str, str]]:
    wanted = {(guard.table, guard.name) for guard in (*GUARDS, *NEWER)}
    if dialect == "postgresql":
        wanted |= {(table, f"guard_{table}_truncate") for table in TRUNCATED}
    return wanted


def _statements(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {g.name} BEFORE {g.operation} ON {g.table} {f'WHEN {g.when} ' if g.when else ''}"
            f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: {g.operation} on {g.table}'); END"
            for g in GUARDS
        ]
    rows = [
        f"CREATE TRIGGER {g.name} BEFORE {g.operation} ON {g.table} FOR EACH ROW "
        f"{f'WHEN ({g.when}) ' if g.when else ''}EXECUTE FUNCTION flotilla_refuse()"
        for g in GUARDS
    ]
    return rows + [
        f"CREATE TRIGGER guard_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION flotilla_refuse()"
        for table in TRUNCATED
    ]
