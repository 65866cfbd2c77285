"""What the workers may do in PostgreSQL, table by table: their role owns nothing, so it can switch off no guard."""

from __future__ import annotations

from sqlalchemy import Connection, text

_READ = "SELECT"
_APPEND = "SELECT, INSERT"
_MOVE = "SELECT, INSERT, UPDATE"
_ALL = "SELECT, INSERT, UPDATE, DELETE"
RIGHTS = {
    "alembic_version": _READ,
    "approvals": _MOVE,
    "attempts": _MOVE,
    "audit": _APPEND,
    "clusters": "SELECT, UPDATE",
    "faults": _MOVE,
    "fleet": _READ,
    "fleet_snapshots": _READ,
    "inventory": _ALL,
    "leases": _ALL,
    "object_results": _APPEND,
    "placements": "SELECT, UPDATE",
    "planned_changes": _ALL,
    "prune_spending": _ALL,
    "runs": _MOVE,
    "sending": _READ,
    "source_digests": _ALL,
    "sources": "SELECT, UPDATE",
    "workers": _ALL,
}
"""Tables that are missing here (people's intents and sessions) are none of the workers' business."""
_POLICIES = {
    "look": "SELECT USING (true)",
    "ask": "INSERT WITH CHECK (state = 'open')",
    "withdraw": "UPDATE USING (state = 'open') WITH CHECK (state = 'void')",
}
"""What who does not own them may do with approvals: nobody decides on a request of their own."""
_NUMBERED = ("approvals", "audit", "faults")
"""Tables into which workers insert rows that number themselves."""


_MAKE_ROLE = """
DO $$
DECLARE name text = current_setting('flotilla.role');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole))
     AND EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    RETURN;  -- made by whoever made the database, with its password: an owner need not be able to
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    EXECUTE format('CREATE ROLE %I', name);
  END IF;
  EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', name, current_setting('flotilla.password'));
END $$
"""


def make_role(connection: Connection, role: str, *, password: str) -> None:
    """Make a login role, or give the one there is this password; on SQLite, which knows no roles, nothing.

    An owner who may not make roles leaves one that is there as it is.
    """
    if connection.dialect.name != "postgresql":
        return
    # Utility statements take no bound parameters: the server reads them from settings of this transaction and quotes.
    given = {"role": role, "password": password}
    connection.execute(text("SELECT set_config('flotilla.role', :role, true)"), given)
    connection.execute(text("SELECT set_config('flotilla.password', :password, true)"), given)
    connection.execute(text(_MAKE_ROLE))


def grant_worker_role(connection: Connection, role: str) -> None:
    """Give ``role`` the workers' rights on this database, and take any other it has on our tables.

    Run it as the tables' owner after each migration; the role exists, is no superuser and owns none of them. On
    SQLite, which knows no roles, it does nothing.
    """
    if connection.dialect.name != "postgresql":
        return
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    schema = connection.dialect.identifier_preparer.quote_identifier(
        connection.execute(text("SELECT current_schema()")).scalar_one()
    )
    statements = [
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {quoted}",
        f"GRANT USAGE ON SCHEMA {schema} TO {quoted}",
    ]
    statements += [f"GRANT {rights} ON {schema}.{table} TO {quoted}" for table, rights in RIGHTS.items()]
    statements += [f"GRANT USAGE ON SEQUENCE {schema}.{table}_id_seq TO {quoted}" for table in _NUMBERED]
    statements.append(f"ALTER TABLE {schema}.approvals ENABLE ROW LEVEL SECURITY")
    for name, what in _POLICIES.items():
        statements.append(f"DROP POLICY IF EXISTS {name} ON {schema}.approvals")
        statements.append(f"CREATE POLICY {name} ON {schema}.approvals FOR {what}")
    for statement in statements:
        connection.execute(text(statement))
