"""What sweeps and observations share: a lease, a connection whose identity was checked, and LISTs by our label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from common.db import clusters, leases, standing
from common.db.standing import Standing
from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.fleet import Cluster, Fleet
from common.telemetry.logs import logger
from workers.kube import Connection
from workers.sync.live import Kind
from workers.sync.marks import PLACEMENT_LABEL
from workers.tasks.contact import check_identity
from workers.tasks.runtime import Runtime

log = logger(__name__)
LEASE = timedelta(minutes=5)
T = TypeVar("T")
Kinds = Iterable[tuple[str, str, str]]


@contextmanager
def alone(runtime: Runtime, what: str, cluster: str) -> Iterator[bool]:
    """Give True inside the block if nobody else does the same to the cluster now."""
    name = f"{what}:{cluster}"
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        token = leases.take(connection, name, holder=runtime.name, lease=LEASE, now=now)
    try:
        yield token is not None
    finally:
        if token is not None:
            with runtime.database.write() as connection:
                leases.release(connection, name, token)


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster to look at, as SQL and the registry have it."""

    fleet: Fleet
    cluster: Cluster
    placements: tuple[Standing, ...]
    looks: clusters.Looks


def site(runtime: Runtime, name: str) -> Site | None:
    """Return the cluster; None where the fleet has none of that name (any more)."""
    with runtime.database.read() as connection:
        _, fleet = runtime.snapshots.in_force(connection)
        cluster = fleet.clusters.get(name)
        looks = clusters.looks_due(connection, name)
        if cluster is None or looks is None:
            return None
        return Site(fleet, cluster, standing.of_cluster(connection, name), looks)


def reach(runtime: Runtime, cluster: Cluster) -> Connection:
    """Return a connection to the cluster, asked anew who it is.

    Raises:
        TransientError: it cannot be reached, or does not answer as a cluster does.
        PermanentError: its credentials do not work.
    """
    connection = runtime.connect(cluster)
    connection.forget_identity()
    blocked = check_identity(runtime.database, cluster, connection)
    if blocked:
        log.warning("cluster.blocked", cluster=cluster.name, reason=blocked)
    return connection


def unreached(runtime: Runtime, where: Site, error: FlotillaError, *, next_at_least: timedelta) -> None:
    """Note that the cluster could not be looked at: what is said of it is unknown from now on."""
    log.warning("cluster.unreached", cluster=where.cluster.name, code=error.code, error=str(error))
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        clusters.record_unreached(connection, where.cluster.name, error_code=error.code, error=str(error))
        standing.doubt(connection, [one.id for one in where.placements], f"the cluster cannot be read: {error.message}")
        clusters.sweep_later(connection, where.cluster.name, next_at=now + next_at_least)


def listed(
    find: Callable[[str, str, str], Kind], read: Callable[[Kind, str], T], kinds: Kinds
) -> dict[tuple[str, str], T | None]:
    """Return what each kind's LIST gave; None where it did not end, or the kind cannot be told."""
    found: dict[tuple[str, str], T | None] = {}
    for group, version, kind in sorted(kinds):
        try:
            found[(group, kind)] = read(find(group, version, kind), PLACEMENT_LABEL)
        except (TransientError, PermanentError) as error:
            log.warning("list.failed", kind=kind, code=error.code, error=str(error))
            found[(group, kind)] = None
    return found
