"""Which database roles there are: made, given anew, taken away, and what ``doctor`` says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql
from sqlalchemy import insert, text

from common.store.engine import roles, upgrade
from common.store.engine.errors import DatabaseError
from common.store.engine.session import Database
from common.store.schema import pools
from common.store.schema.tables import ClusterRow
from console.cli.doctor import pool_roles
from tests.fixtures.postgres import PostgresServer

ROLE = 'worker "of" eu'
OTHER = "reporting"


@pytest.fixture
def made(postgres_database: Database, postgres_server: PostgresServer) -> Iterator[Database]:
    """A database for whose server two roles are made, which are taken away again."""
    with postgres_database.read() as connection:
        name = connection.engine.url.database
    for role in (ROLE, OTHER):
        postgres_server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(role)))
    yield postgres_database
    for role in (ROLE, OTHER):
        postgres_server.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)), database=name or "")
        postgres_server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _findings(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(one.state, one.detail) for one in pool_roles(connection)]


def test_doctor_says_which_pools_have_no_role(made: Database) -> None:
    assert _findings(made) == []
    row = {"name": "paris", "declared": True, "state": "active", "pool": "eu", "server": "", "credentials": ""}
    with made.write() as connection:
        connection.execute(insert(ClusterRow).values(row))
    assert _findings(made)[0][0] == "warning"
    with made.write() as connection:
        roles.grant(connection, "eu", ROLE)
    assert _findings(made) == [("ok", "of eu")]


def test_an_upgrade_takes_rights_from_who_is_registered_nowhere(made: Database) -> None:
    with made.write() as connection:
        roles.grant(connection, "eu", ROLE)
        connection.execute(text(f"GRANT SELECT ON runs TO {OTHER}"))
    assert upgrade.upgrade(made) == ()
    for right in ("UPDATE (outcome) ON runs", "UPDATE (state) ON open_runs", "INSERT ON runs_default"):
        with made.write() as connection:
            connection.execute(text(f"GRANT {right} TO {OTHER}"))
        assert upgrade.upgrade(made) == (OTHER,)
    with made.read() as connection:
        may = text("SELECT has_any_column_privilege(:role, :table, :right)")
        for table, right, mine in (
            ("runs", "UPDATE", True),
            ("open_runs", "UPDATE", True),
            ("runs_default", "INSERT", False),
        ):
            asked = {"table": table, "right": right}
            assert connection.execute(may, asked | {"role": ROLE}).scalar_one() == mine
            assert not connection.execute(may, asked | {"role": OTHER}).scalar_one()


def test_a_role_that_is_taken_away_reaches_nothing(made: Database) -> None:
    with made.write() as connection:
        roles.grant(connection, "eu", ROLE)
        assert roles.revoke(connection, ROLE)
        assert not roles.revoke(connection, ROLE)
        may = text("SELECT has_any_column_privilege(:role, 'runs', 'SELECT')")
        assert not connection.execute(may, {"role": ROLE}).scalar_one()


def test_a_role_that_nothing_bounds_is_refused(made: Database) -> None:
    with pytest.raises(roles.RoleError, match="superuser"), made.write() as connection:
        roles.grant(connection, "eu", "flotilla")
    with made.write() as connection:
        connection.execute(text(f"GRANT flotilla TO {OTHER}"))
    with pytest.raises(roles.RoleError, match="owns the tables"), made.write() as connection:
        roles.grant(connection, "eu", OTHER)


def test_an_owner_who_may_make_no_role_is_told_who_has_to(made: Database) -> None:
    with made.write() as connection:
        connection.execute(text(f"SET LOCAL ROLE {OTHER}"))
        with pytest.raises(roles.RoleError, match="may make none") as refused:
            roles.grant(connection, "eu", "a worker of nobody")
    assert 'CREATE ROLE "a worker of nobody" LOGIN' in refused.value.remedy


def test_there_are_no_roles_on_sqlite(sqlite_database: Database) -> None:
    with pytest.raises(roles.RoleError, match="SQLite"), sqlite_database.write() as connection:
        roles.grant(connection, "eu", ROLE)


def test_a_policy_that_is_gone_is_named(postgres_database: Database) -> None:
    with postgres_database.write() as connection:
        assert pools.missing(connection) == ()
        connection.execute(text("DROP POLICY pool_all ON placements"))
        connection.execute(text("ALTER TABLE runs DISABLE TRIGGER pool_runs_update"))
        connection.execute(text("ALTER TABLE audit DISABLE ROW LEVEL SECURITY"))
        gone = ("pool_all of placements", "pool_runs_update of runs", "row level security of audit")
        assert pools.missing(connection) == gone


def test_an_unknown_role_reaches_no_row(made: Database, postgres_server: PostgresServer) -> None:
    with made.write() as connection:
        name = connection.engine.url.database
        connection.execute(text(f"GRANT SELECT, UPDATE ON placements, clusters, pool_roles TO {OTHER}"))
        connection.execute(
            text(
                "INSERT INTO placements (cluster, application, state, mark, sync_status, hold_code, health, "
                "objects, pause_reason, failures) "
                "VALUES ('paris', 'web', 'placed', 'm', 'unknown', '', 'unknown', 0, '', 0)"
            )
        )
    other = Database(postgres_server.url(name or "", user=OTHER, password="x"))
    with other.write() as connection:
        assert connection.execute(text("SELECT count(*) FROM placements")).scalar_one() == 0
        assert connection.execute(text("UPDATE placements SET state = 'left'")).rowcount == 0
    with pytest.raises(DatabaseError, match="permission denied"), other.read() as connection:
        connection.execute(text("SELECT FROM runs"))
    other.dispose()
