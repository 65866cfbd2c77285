"""Makes runs of what workers found: they file it, and here alone it is decided whether it leads to a run."""

from __future__ import annotations

from datetime import datetime

from common.domain.errors import TransientError
from common.domain.fleet import Fleet
from common.domain.status import NONE
from common.domain.tenant import owner_of
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.queue.leadership import NotLeadingError
from common.store.queue.runs import NewRun
from common.store.state import findings, retries
from common.store.state.findings import OpenFinding
from common.telemetry.logs import logger
from scheduler.loop.facts import blocked_clusters
from scheduler.loop.planner import Deciding, new_run
from scheduler.planning.due import MakeRun
from scheduler.planning.findings import Filed, TryAgain, decide

log = logger(__name__)
PER_TICK = 2_000
"""Findings of all pools that one turn decides on."""


class Findings:
    """Makes runs of what workers found. Used by one thread.

    Args:
        database: holds the findings.
        snapshots: the fleet in force.
    """

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        self._database = database
        self._snapshots = snapshots

    def tick(self) -> int:
        """Decide on what was found, the oldest of each pool first; return how many runs were made."""
        with self._database.read() as connection:
            pools = findings.waiting_pools(connection)
        known = self._snapshots.find(self._database) if pools else None
        if known is None:
            return 0
        snapshot_id, fleet = known
        share = max(1, PER_TICK // len(pools))
        return sum(self._decided(pool, share, fleet, snapshot_id) for pool in pools)

    def _decided(self, pool: str, share: int, fleet: Fleet, snapshot_id: int) -> int:
        """Decide on the oldest findings of a pool in a transaction of their own; return how many runs were made.

        What goes wrong with one pool's rows, which its workers write, is logged, and keeps no other pool from its runs.
        """
        try:
            with self._database.write() as connection:
                now = self._database.now(connection)
                found = findings.oldest(connection, pool, limit=share)
                made = _carry_out(connection, found, fleet, snapshot_id, now)
                findings.remove(connection, found)
        except (TransientError, NotLeadingError):
            raise
        except Exception as error:  # a row that cannot be read, or holds what nothing can be made of
            log.exception("findings.pool-failed", pool=pool, error=type(error).__name__)
            return 0
        log.info("findings.decided", pool=pool, findings=len(found), runs=made)
        return made


def _carry_out(
    connection: Connection, found: tuple[OpenFinding, ...], fleet: Fleet, snapshot_id: int, now: datetime
) -> int:
    """Carry out what is decided on each finding; return how many runs were made.

    A placement that has a run gets none beside it: that one judges what was found, or the next sweep finds it again.
    """
    blocked = blocked_clusters(connection)
    wanted: list[NewRun] = []
    again: list[tuple[int, datetime]] = []
    for one in found:
        cluster = fleet.clusters.get(one.ref.cluster)
        held = blocked.get(one.ref.cluster, NONE)
        decision = decide(_filed(one, fleet, now), fleet.placement(one.ref), cluster=cluster, now=now, blocked=held)
        if isinstance(decision, MakeRun):
            of = Deciding(one.placement_id, one.ref, one.project, one.source_id)
            wanted.append(new_run(of, decision, fleet, snapshot_id))
        elif isinstance(decision, TryAgain):
            again.append((one.placement_id, max(now, decision.at)))
    made = runs.create_many(connection, wanted, now=now)
    for placement_id, at in sorted(again):
        retries.want_again(connection, placement_id, at=at)
    return len(made)


def _filed(one: OpenFinding, fleet: Fleet, now: datetime) -> Filed:
    return Filed(
        trigger=one.trigger,
        cause=one.cause,
        hint=one.hint,
        state=one.state,
        desired=one.desired,
        applied=one.applied,
        paused=one.paused,
        owner=owner_of(one.tenant, fleet.projects),
        failures=one.failures,
        failed_at=min(one.failed_at, now) if one.failed_at is not None else None,
        hint_judged=one.hint_judged,
        found=one.found,
        seen_since=one.seen_since,
    )
