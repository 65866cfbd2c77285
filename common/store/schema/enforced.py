"""What the database itself holds everybody to: guards of history, what workers may reach, what is told and counted.

No migration makes any of it. An upgrade takes away what is there, changes the tables, and makes it from this code, all
in one transaction: so a migration may change any column, and what is in force is what this version says. Ours are
triggers and policies called ``guard_…``, ``pool_…``, ``event_…`` or ``count_…`` and functions called so or
``flotilla_…``.
"""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import Connection, text

from common.store.schema import counters, emitters, months, pools, triggers
from common.store.schema.triggers import schema_of

_OURS = re.compile(r"(guard|pool|event|count)_")
_NOTED_ON = "flotilla_refuse()"
"""The function in whose comment it is noted what is in force."""
_HERE = "relnamespace = CAST(current_schema() AS regnamespace)"
_POLICIES = f"""
SELECT p.polname, c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
WHERE p.polname ~ '^pool_' AND c.{_HERE} ORDER BY 2, 1
"""  # noqa: S608 - constants
_TRIGGERS = f"""
SELECT t.tgname, c.relname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname ~ '^(guard|pool|event|count)_' AND c.{_HERE} ORDER BY 2, 1
"""  # noqa: S608 - constants
_FUNCTIONS = """
SELECT format('%I(%s)', proname, pg_get_function_identity_arguments(oid)) FROM pg_proc
WHERE prokind = 'f' AND proname ~ '^(flotilla|pool|event|count)_'
  AND pronamespace = CAST(current_schema() AS regnamespace)
ORDER BY 1
"""
_CATALOGUE = f"""
SELECT md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) FROM (
  SELECT concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgname ~ '^(guard|pool|event|count)_' AND NOT c.relispartition AND c.{_HERE}
  UNION ALL
  SELECT concat_ws(' ', c.relname, p.polname, p.polcmd, p.polpermissive, p.polroles,
      pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.polname ~ '^pool_' AND c.{_HERE}
  UNION ALL
  SELECT concat_ws(' ', pg_get_functiondef(oid), proacl) FROM pg_proc
    WHERE prokind = 'f' AND proname ~ '^(flotilla|pool|event|count)_'
      AND pronamespace = CAST(current_schema() AS regnamespace)
  UNION ALL
  SELECT c.relname FROM pg_class AS c WHERE c.relrowsecurity AND c.{_HERE}
) AS found(line)
"""  # noqa: S608 - constants
"""A digest of what is there, as the server tells it: it moves when somebody changes a function by hand, too."""
_NOTE = f"SELECT obj_description(to_regprocedure('{_NOTED_ON}'), 'pg_proc')"


def is_in_force(connection: Connection) -> bool:
    """Return whether all of it is as this code makes it; no table is locked to find out."""
    if connection.dialect.name == "sqlite":
        return _sqlite_triggers(connection) == dict(_named(_statements(connection)))
    return bool(connection.execute(text(_NOTE)).scalar() == _note(connection)) and not _unguarded(connection)


def remove(connection: Connection) -> None:
    """Take away whatever of ours is there, of any version; until the transaction ends, nobody else gets at the tables.

    On a database without tables there is nothing to take.
    """
    if connection.dialect.name == "sqlite":
        for name in _sqlite_triggers(connection):
            connection.execute(text(f"DROP TRIGGER {name}"))
        return
    policies, triggered = _named_on(connection, _POLICIES), _named_on(connection, _TRIGGERS)
    statements = [f"DROP POLICY {name} ON {table}" for name, table in policies]
    statements += [f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY" for table in sorted({of for _, of in policies})]
    statements += [f"DROP TRIGGER {name} ON {table}" for name, table in triggered]
    if functions := connection.execute(text(_FUNCTIONS)).scalars().all():
        statements.append(f"DROP FUNCTION {', '.join(functions)}")  # one may use another: they go together
    for statement in statements:
        connection.exec_driver_sql(statement)


def create(connection: Connection) -> None:
    """Put all of it in force; the tables are there as this version knows them, and nothing of it is."""
    guards = map(months.guard, months.guarded_by(connection).values())
    for statement in (*_statements(connection), *guards):
        connection.execute(text(statement))
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"COMMENT ON FUNCTION {_NOTED_ON} IS '{_note(connection)}'"))


def missing(connection: Connection) -> tuple[str, ...]:
    """Return what is not in force, or otherwise than this code makes it; empty is right."""
    gone = (*triggers.missing(connection), *emitters.missing(connection), *counters.missing(connection))
    gone += (*pools.missing(connection), *_unguarded(connection))
    return gone if gone or is_in_force(connection) else ("all of another version, or changed by hand",)


def _unguarded(connection: Connection) -> tuple[str, ...]:
    wanted = {(table, name) for name, table in months.guarded_by(connection).items()}
    return tuple(sorted(name for _, name in wanted - triggers.present(connection)))


def _statements(connection: Connection) -> tuple[str, ...]:
    if connection.dialect.name == "sqlite":
        return (*triggers.statements("sqlite"), *emitters.statements("sqlite"), *counters.statements("sqlite"))
    schema = schema_of(connection)
    guards = triggers.statements("postgresql", schema)
    told, counted = emitters.statements("postgresql", schema), counters.statements("postgresql", schema)
    return (*guards, *pools.statements(schema), *told, *counted)


def _note(connection: Connection) -> str:
    wanted = hashlib.sha256("\n".join(_statements(connection)).encode()).hexdigest()
    return f"{wanted} {connection.execute(text(_CATALOGUE)).scalar_one()}"


def _named(statements: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(statement.split()[2], statement) for statement in statements]


def _sqlite_triggers(connection: Connection) -> dict[str, str]:
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return {name: statement for name, statement in found if _OURS.match(name)}


def _named_on(connection: Connection, query: str) -> list[tuple[str, str]]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    return [(quote(name), quote(table)) for name, table in connection.execute(text(query))]
