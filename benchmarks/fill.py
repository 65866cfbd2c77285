"""``python -m benchmarks.fill``: fill a hub's empty database as months of work leave it.

The hub's settings say which database; no other process of a hub should run on it but ``python -m console.api``: a
scheduler would find that the registry does not exist. The same numbers make the same fleet.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, text

from benchmarks.filling import history, people, registry, standing
from benchmarks.filling.shape import Shape
from common.settings import settings
from common.store.engine.session import Database, open_database
from common.store.engine.upgrade import upgrade
from common.store.schema import months
from common.store.schema.tables import FleetRow
from common.store.state import counts


def fill(database: Database, shape: Shape) -> None:
    """Fill a database that has the newest schema and nothing in it.

    Raises:
        ValueError: there is a fleet in it.
    """
    with database.write() as connection:
        if connection.execute(select(FleetRow.id)).first() is not None:
            message = "there is a fleet in this database: an empty one is filled"
            raise ValueError(message)
        _months(connection, shape)
        snapshot = registry.fill(connection, shape)
        standing.fill(connection, shape)
        people.fill(connection, shape)
    history.runs(database, shape, snapshot)
    _settle(database)


def _months(connection: Connection, shape: Shape) -> None:
    """Have history in months, as it came about; a new database has one part for all that was before it."""
    older = [one for one in months.partitions(connection) if one.lower is None]
    for one in sorted(older, key=lambda part: list(months.PARTED).index(part.table), reverse=True):
        connection.execute(text(f"ALTER TABLE {one.table} DETACH PARTITION {one.name}"))
        connection.execute(text(f"DROP TABLE {one.name}"))
    for month in range(shape.months + 1):
        months.make_ahead(connection, now=shape.begin + timedelta(days=30 * month))


def _settle(database: Database) -> None:
    """Leave it as the scheduler and the server would after a while: counts put together, statistics taken."""
    taken = 1
    while taken:
        with database.write() as connection:
            taken = counts.fold(connection)
    with database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE" if database.dialect == "postgresql" else "ANALYZE"))


def main() -> None:
    """Fill the database of the settings and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--applications", type=int, default=100, help="each on every cluster")
    parser.add_argument("--runs", type=int, default=1_000_000, help="that have ended")
    parser.add_argument("--months", type=int, default=6, help="over which they are spread")
    parser.add_argument("--objects", type=int, default=4, help="that each placement owns")
    given = parser.parse_args()
    shape = Shape(
        clusters=given.clusters,
        applications=given.applications,
        runs=given.runs,
        now=datetime.now(UTC),
        months=given.months,
        objects=given.objects,
    )
    database = open_database(settings())
    began = time.monotonic()
    upgrade(database)
    try:
        fill(database, shape)
    except ValueError as error:
        sys.exit(str(error))
    print(f"{shape.placements:,} placements, {shape.runs:,} runs: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
