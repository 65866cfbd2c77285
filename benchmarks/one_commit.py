"""``python -m benchmarks.one_commit``: one file of one application changes; how long until it is applied."""

from __future__ import annotations

import argparse
import json
import time
from enum import StrEnum

import httpx
import yaml
from sqlalchemy import func, select

from benchmarks import first_sync, no_change, rig
from benchmarks.rig import Rig
from common.store.schema.tables import PlacementRow, RunRow
from common.store.state import pokes
from common.store.state.stored_sources import sources_in
from tests.harness.processes import eventually
from tests.harness.pushes import declare, github

TIMES = 20
HOOK = "bench"


class By(StrEnum):
    """How the hub learns of a commit."""

    REFRESH = "refresh"
    WEBHOOK = "webhook"


def applied_after(made: Rig, name: str, *, replicas: int, by: By = By.REFRESH) -> float:
    """Return the seconds from a commit that changes one application to that application's success at this commit."""
    changed = rig.manifests(name)
    changed[1]["spec"]["replicas"] = replicas
    began = time.monotonic()
    commit = made.apps.commit({f"{name}/app.yaml": yaml.safe_dump_all(changed)})
    _tell(made, by)

    def applied() -> bool:
        with made.database.read() as connection:
            mine = select(PlacementRow.applied_sources).where(
                PlacementRow.cluster == "fleet", PlacementRow.application == name
            )
            return [one.commit for one in sources_in(connection.execute(mine).scalar_one())] == [commit]

    eventually(f"{name} is applied", applied, within=120, every=0.02)
    return time.monotonic() - began


def _tell(made: Rig, by: By) -> None:
    if by is By.REFRESH:
        made.hub.ask("refresh")
        return
    body = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": made.apps.url}}).encode()
    url = f"http://127.0.0.1:{made.hub.api_port}/hooks/{HOOK}"
    httpx.post(url, content=body, headers=github(body)).raise_for_status()


def measure(made: Rig, by: By = By.REFRESH) -> list[float]:
    """Return the seconds of each commit, from the commit to the placement's success; prints what it sees."""
    seconds: list[float] = []
    with made.database.read() as connection:
        before = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    for number in range(TIMES):
        time.sleep(pokes.APART.total_seconds() if by is By.WEBHOOK else 0)  # sooner, and a push waits for its turn
        seconds.append(applied_after(made, f"app-{number:04}", replicas=2 + number % 3, by=by))
    with made.database.read() as connection:
        after = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    seconds.sort()
    p50, p95 = seconds[TIMES // 2], seconds[int(TIMES * 0.95) - 1]
    print(f"one commit, by {by}: p50 {p50:.2f} s, p95 {p95:.2f} s over {TIMES}; runs made: {after - before}")
    return seconds


def main() -> None:
    """Measure all three, on one fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--by", type=By, choices=list(By), default=By.REFRESH)
    options = parser.parse_args()
    print(rig.describe())
    with rig.rig(("bare", "fleet")) as made:
        declare(made.hub.home / "hooks", HOOK, "github")
        first_sync.measure(made, options.applications)
        no_change.measure(made, options.applications)
        measure(made, options.by)


if __name__ == "__main__":
    main()
