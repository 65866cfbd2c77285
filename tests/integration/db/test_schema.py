"""The migrations, and what they leave in the database."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.schema import enforced
from common.store.schema.migrations import OPTIONS
from common.store.schema.tables import Base


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_models_and_migrations_agree(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts=OPTIONS)
        assert compare_metadata(context, Base.metadata) == []


def test_every_index_of_the_models_is_there_with_its_condition(database: Database) -> None:
    with database.read() as connection:
        found = {
            index["name"]: (tuple(index["column_names"]), _condition(index["dialect_options"]))
            for table in Base.metadata.tables
            for index in inspect(connection).get_indexes(table)
        }
    for table in Base.metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            columns = tuple(column.name for column in index.columns)
            if not columns:  # of an expression, which only PostgreSQL has
                assert (index.name in found) == (database.dialect == "postgresql")
                continue
            assert found[index.name] == (columns, _plain(str(where)) if where is not None else None)


def test_a_database_goes_down_to_nothing_and_up_again(database: Database) -> None:
    assert upgrade.is_current(database)
    upgrade.downgrade(database)
    assert upgrade.current_revision(database) is None
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade.upgrade(database)
    assert upgrade.is_current(database)
    with database.read() as connection:
        assert enforced.missing(connection) == ()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = upgrade.current_revision(database)
    upgrade.upgrade(database)
    assert upgrade.current_revision(database) == before


def _condition(options: dict[str, str]) -> str | None:
    return next((_plain(str(text)) for key, text in options.items() if key.endswith("_where")), None)


def _plain(condition: str) -> str:
    """Return a condition without what PostgreSQL adds to it: brackets and casts."""
    return condition.replace("(", "").replace(")", "").replace("::text", "").replace("::character varying", "")
