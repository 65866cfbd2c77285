"""``python -m benchmarks.one_commit``: one file of one application changes; how long until it is applied."""

from __future__ import annotations

import argparse
import time

import yaml
from sqlalchemy import func, select

from benchmarks import first_sync, no_change, rig
from benchmarks.rig import Rig
from common.store.schema.tables import PlacementRow, RunRow
from common.store.state.stored_sources import sources_in
from tests.harness.processes import eventually

TIMES = 20


def applied_after(made: Rig, name: str, *, replicas: int) -> float:
    """Return the seconds from a commit that changes one application to that application's success at this commit."""
    changed = rig.manifests(name)
    changed[1]["spec"]["replicas"] = replicas
    began = time.monotonic()
    commit = made.apps.commit({f"{name}/app.yaml": yaml.safe_dump_all(changed)})
    made.hub.ask("refresh")

    def applied() -> bool:
        with made.database.read() as connection:
            mine = select(PlacementRow.applied_sources).where(
                PlacementRow.cluster == "fleet", PlacementRow.application == name
            )
            return [one.commit for one in sources_in(connection.execute(mine).scalar_one())] == [commit]

    eventually(f"{name} is applied", applied, within=120, every=0.02)
    return time.monotonic() - began


def measure(made: Rig) -> list[float]:
    """Return the seconds of each commit, from the commit to the placement's success; prints what it sees."""
    seconds: list[float] = []
    with made.database.read() as connection:
        before = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    for number in range(TIMES):
        seconds.append(applied_after(made, f"app-{number:04}", replicas=2 + number % 3))
    with made.database.read() as connection:
        after = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    seconds.sort()
    p50, p95 = seconds[TIMES // 2], seconds[int(TIMES * 0.95) - 1]
    print(f"one commit: p50 {p50:.2f} s, p95 {p95:.2f} s over {TIMES}; runs made: {after - before}")
    return seconds


def main() -> None:
    """Measure all three, on one fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    options = parser.parse_args()
    print(rig.describe())
    with rig.rig(("bare", "fleet")) as made:
        first_sync.measure(made, options.applications)
        no_change.measure(made, options.applications)
        measure(made)


if __name__ == "__main__":
    main()
