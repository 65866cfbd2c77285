"""The database roles of pools' workers: they own nothing, so that they can switch off no guard, and write few columns.

Which rows they reach, ``pools`` says; here it is which columns. Whoever adds a table or a column says it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, text

from common.domain.errors import PermanentError
from common.store.engine.dialect import insert
from common.store.schema.tables import Base, PoolRoleRow
from common.store.schema.triggers import schema_of


@dataclass(frozen=True, slots=True)
class Rights:
    """What a pool's workers may do with a table; ``insert`` and ``update`` name the columns.

    Attributes:
        insert: they may give values to; the rest takes its default.
        update: they may change.
        delete: whether they may remove rows.
    """

    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: bool = False


def _columns(table: str, *without: str) -> tuple[str, ...]:
    return tuple(column.name for column in Base.metadata.tables[table].columns if column.name not in without)


_KEY_OF_OBJECT = ("placement_id", "group", "kind", "namespace", "name")
_FOUND_OF_CLUSTER = (
    "identity", "blocked_code", "blocked_params", "reachable", "error_code", "error_params", "version", "last_seen_at",
    "credentials_expire_at",
    "sweep_due_at", "sweep_sent_at", "swept_at", "sweep_step", "observe_due_at", "observe_sent_at", "observe_step",
)  # fmt: skip
_FOUND_OF_PLACEMENT = (
    "applied_source_digest", "applied_parameters_digest", "applied_sources", "manifest_digest", "applied_at",
    "sync_status", "contact_code", "contact_params", "found_code", "found_params", "confirmed_at", "hint",
    "hint_judged", "health", "health_reason_code", "health_reason_params", "health_at", "objects", "failure_code",
    "failure_params", "failure_remedy", "failure_since", "failure_last_at", "failure_count", "failure_settings",
    "changed_at",
    "failures", "retry_at", "full_check_due_at", "observe_until", "looked_revision", "coming", "delete_hooks",
    "tenant_project", "tenant_account", "removal_signature",
    # Of one whose removal has ended, and then only; see the triggers.
    "state", "hold_code", "hold_params",
)  # fmt: skip
_COURSE_OF_RUN = (
    "state", "reason_code", "reason_params", "error_code", "error_params", "attempts", "retries", "not_before",
    "sent_at", "parked", "deadline_at", "awaits", "hook_active", "fail_hooks", "manifest_digest", "counts",
    "started_at",
)  # fmt: skip
_END_OF_RUN = (
    "outcome", "reason_code", "reason_params", "error_code", "error_params", "attempts", "retries", "interruptions",
    "manifest_digest", "counts", "started_at", "ended_at",
)  # fmt: skip
_END_OF_ATTEMPT = (
    "ended_at", "outcome", "error_code", "error_params", "manifest_digest", "counts", "timings", "requests",
)  # fmt: skip
_FOUND_OF_SOURCE = (
    "commit", "resolved_snapshot_id", "resolved_at", "checked_at", "due_at", "sent_at", "failures", "error_code",
    "error_params",
)  # fmt: skip
_COURSE_OF_INSPECTION = ("state", "taken_at", "ended_at", "answer", "error_code", "error_params")
_READ = Rights()
RIGHTS = {
    "alembic_version": _READ,
    "approvals": Rights(insert=_columns("approvals", "id", "run_id"), update=("state", "decided_at", "decided_by")),
    "attempts": Rights(insert=_columns("attempts"), update=_END_OF_ATTEMPT),
    "audit": Rights(insert=_columns("audit", "id")),
    "clusters": Rights(update=_FOUND_OF_CLUSTER),
    "commits": Rights(_columns("commits", "id"), ("lost_at",), delete=True),
    "faults": Rights(insert=_columns("faults", "id"), update=("line", "commit", "last_seen_at", "cleared_at")),
    "findings": Rights(_columns("findings"), ("pool", "cause_code", "cause_params", "hint", "seen_at", "filed")),
    "fleet": _READ,
    "fleet_snapshots": _READ,
    "inspections": Rights(update=_COURSE_OF_INSPECTION),
    "inventory": Rights(_columns("inventory"), _columns("inventory", *_KEY_OF_OBJECT), delete=True),
    "leases": Rights(_columns("leases"), ("holder", "token", "expires_at"), delete=True),
    "object_results": Rights(insert=_columns("object_results")),
    "open_runs": Rights(update=_COURSE_OF_RUN),
    "placement_sources": _READ,
    "placements": Rights(update=_FOUND_OF_PLACEMENT),
    "planned_changes": Rights(_columns("planned_changes"), ("action",), delete=True),
    "pool_roles": _READ,
    "prune_spending": Rights(_columns("prune_spending"), ("objects",), delete=True),
    "runs": Rights(update=_END_OF_RUN),
    "sending": _READ,
    "source_digests": Rights(
        _columns("source_digests"), _columns("source_digests", "source_id", "application"), delete=True
    ),
    "sources": Rights(update=_FOUND_OF_SOURCE),
    "workers": Rights(_columns("workers"), _columns("workers", "name"), delete=True),
}
"""Tables that are missing here (people, what they ask, who leads) are none of the workers' business."""
_NUMBERED = ("approvals", "audit", "commits", "faults")
"""Tables into which workers insert rows that number themselves."""
_PREFIX = "flotilla_worker_"

_MAKE_ROLE = """
DO $$
DECLARE
  name text = current_setting('flotilla.role');
  password text = current_setting('flotilla.password');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole))
     AND EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    RETURN;  -- made by whoever made the database, with its password: an owner need not be able to
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    EXECUTE format('CREATE ROLE %I', name);
  END IF;
  IF password <> '' THEN
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', name, password);
  END IF;
END $$
"""
_CANNOT_MAKE = """
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :role) AND NOT EXISTS (
  SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole))
"""
_BEYOND = """
SELECT role.rolname FROM pg_roles AS role WHERE role.rolname = :role AND (
  role.rolsuper OR role.rolbypassrls OR EXISTS (
    SELECT FROM pg_class AS c WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
      AND c.relname = 'placements' AND pg_has_role(role.oid, c.relowner, 'MEMBER')))
"""
_OTHERS = """
SELECT DISTINCT COALESCE(role.rolname, 'PUBLIC') FROM (
  SELECT c.relowner, (aclexplode(c.relacl)).* FROM pg_class AS c
    WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
  UNION ALL
  SELECT c.relowner, (aclexplode(a.attacl)).* FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
) AS given LEFT JOIN pg_roles AS role ON role.oid = given.grantee
WHERE given.grantee <> given.relowner AND given.privilege_type <> 'SELECT' AND NOT COALESCE(role.rolsuper, false)
  AND COALESCE(role.rolname, '') NOT IN (SELECT pool_roles.role FROM pool_roles) ORDER BY 1
"""
"""Who may change our tables without being registered; on what it only reads it sees no row that a pool is behind."""


class RoleError(PermanentError):
    """A role that cannot be a pool's."""

    code = "database.role"


def default_role(pool: str) -> str:
    """Return the name that a pool's role has unless another is given."""
    return _PREFIX + pool.replace("-", "_")


def grant(connection: Connection, pool: str, role: str, *, password: str = "") -> None:
    """Make ``role`` the one of ``pool``'s workers: register it, and give it their rights and no other.

    Run it as the tables' owner. An owner who may not make roles leaves one that is there as it is.

    Args:
        connection: of a writing transaction.
        pool: whose workers use it.
        role: its name; where it was another pool's it is this one's from now on.
        password: it logs in with; empty leaves the one it has.

    Raises:
        RoleError: on SQLite, which knows no roles; or the role is bounded by nothing, or is not there and whoever runs
            this may make none.
    """
    _refuse_sqlite(connection)
    if connection.execute(text(_CANNOT_MAKE), {"role": role}).scalar_one():
        message = f"there is no role {role}, and who owns the tables may make none"
        made = f"CREATE ROLE {_quoted(connection, role)} LOGIN"
        remedy = f"Have whoever administers the database make it ({made}, and a password), and run this again."
        raise RoleError(message, remedy=remedy)
    # Utility statements take no bound parameters: the server reads them from settings of this transaction and quotes.
    given = {"role": role, "password": password}
    connection.execute(text("SELECT set_config('flotilla.role', :role, true)"), given)
    connection.execute(text("SELECT set_config('flotilla.password', :password, true)"), given)
    connection.execute(text(_MAKE_ROLE))
    if connection.execute(text(_BEYOND), {"role": role}).first() is not None:
        message = f"{role} is a superuser, passes row-level security, or may act as who owns the tables"
        raise RoleError(message, remedy="Give the workers of each pool a role that owns nothing, as `db grant` makes.")
    row = insert(connection, PoolRoleRow).values(role=role, pool=pool)
    connection.execute(row.on_conflict_do_update(index_elements=["role"], set_={"pool": pool}))
    _give(connection, role)


def revoke(connection: Connection, role: str) -> bool:
    """Take all its rights from a pool's role, which stays; return False where none of that name is registered.

    Raises:
        RoleError: on SQLite, which knows no roles.
    """
    _refuse_sqlite(connection)
    gone = delete(PoolRoleRow).where(PoolRoleRow.role == role).returning(PoolRoleRow.role)
    if connection.execute(gone).first() is None:
        return False
    _take_all(connection, _quoted(connection, role))
    return True


def pools(connection: Connection) -> dict[str, str]:
    """Return the pool of each registered role, by the role's name."""
    query = select(PoolRoleRow.role, PoolRoleRow.pool).order_by(PoolRoleRow.role)
    return {role: pool for role, pool in connection.execute(query)}


def refresh(connection: Connection) -> tuple[str, ...]:
    """Give each registered role its rights again, after a migration; on SQLite nothing.

    Returns:
        Roles that could change our tables without being registered; they can do nothing any more.
    """
    if connection.dialect.name != "postgresql":
        return ()
    there = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for role in pools(connection):
        if role in there:
            _give(connection, role)
    others: Sequence[str] = connection.execute(text(_OTHERS)).scalars().all()
    for role in others:
        _take_all(connection, "PUBLIC" if role == "PUBLIC" else _quoted(connection, role))
    return tuple(others)


def _give(connection: Connection, role: str) -> None:
    quoted, schema = _quoted(connection, role), schema_of(connection)
    _take_all(connection, quoted)
    connection.execute(text(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"))
    for table, rights in RIGHTS.items():
        for right in _granted(rights):
            connection.execute(text(f"GRANT {right} ON {schema}.{table} TO {quoted}"))
    for table in _NUMBERED:
        connection.execute(text(f"GRANT USAGE ON SEQUENCE {schema}.{table}_id_seq TO {quoted}"))


def _granted(rights: Rights) -> Iterator[str]:
    yield "SELECT"
    if rights.insert:
        yield f"INSERT ({_listed(rights.insert)})"
    if rights.update:
        yield f"UPDATE ({_listed(rights.update)})"
    if rights.delete:
        yield "DELETE"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _take_all(connection: Connection, quoted: str) -> None:
    """Take a role's rights on our tables, those on single columns too."""
    schema = schema_of(connection)
    connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}"))
    connection.execute(text(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {quoted}"))


def _quoted(connection: Connection, role: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(role)


def _refuse_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        message = "SQLite knows no roles: every process of the hub may do everything"
        raise RoleError(message, remedy="Move to PostgreSQL where workers are to be bounded.")
