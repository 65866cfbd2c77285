"""``python -m benchmarks.no_change``: one pass over a synced fleet in which nothing changed."""

from __future__ import annotations

import argparse
import re
import time
from ast import literal_eval
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import func, select

from benchmarks import first_sync, rig
from benchmarks.rig import Rig
from common.store.schema.tables import PlacementRow, RunRow, SourceRow
from tests.harness.processes import eventually


def measure(made: Rig, applications: int) -> float:
    """Return the seconds until every placement was confirmed anew and every source looked at; prints what it sees."""
    time.sleep(8)  # health of the first sync has been looked at
    with made.database.read() as connection:
        asked = made.database.now(connection)
    began = time.monotonic()
    made.hub.ask("refresh")

    def done() -> bool:
        with made.database.read() as connection:
            confirmed = select(func.count()).where(PlacementRow.confirmed_at > asked)
            looked = select(func.count()).where(SourceRow.used, SourceRow.checked_at <= asked)
            return bool(
                connection.execute(confirmed).scalar_one() == applications
                and connection.execute(looked).scalar_one() == 0
            )

    eventually("everything is confirmed", done, within=120, every=0.02)
    seconds = time.monotonic() - began
    time.sleep(2)
    requests, runs = _requests(made, asked), _runs(made, asked)
    print(f"nothing changed: {seconds:.2f} s for {applications} placements; requests {requests}; runs made: {runs}")
    return seconds


def _requests(made: Rig, since: datetime) -> dict[str, int]:
    """Return by verb what the sweeps since then asked of the clusters, as workers log it."""
    total: Counter[str] = Counter()
    for at, requests in re.findall(r"^(\S+)Z .*cluster\.swept .*requests=(\{.*?\})", made.hub.logs(), re.MULTILINE):
        if datetime.fromisoformat(at).replace(tzinfo=UTC) > since:
            total.update(literal_eval(requests))
    return dict(total)


def _runs(made: Rig, since: datetime) -> int:
    with made.database.read() as connection:
        made_since = select(func.count()).select_from(RunRow).where(RunRow.created_at > since)
        return connection.execute(made_since).scalar_one()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    options = parser.parse_args()
    print(rig.describe())
    with rig.rig(("bare", "fleet")) as made:
        first_sync.measure(made, options.applications)
        measure(made, options.applications)


if __name__ == "__main__":
    main()
