"""What sweeps and observations share: one worker at a time, a connection whose identity was checked, and LISTs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.fleet import Cluster, Fleet
from common.domain.inventory import InventoryItem
from common.domain.reasons import sentence
from common.store.engine.connection import Connection as DatabaseConnection
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.state import clusters, observations, placement_status
from common.store.state.placement_status import PlacementStatus
from common.telemetry.logs import logger
from workers.kube import Connection
from workers.sync.errors import ForbiddenError
from workers.sync.objects.live import Kind
from workers.sync.ports import ClusterPort
from workers.tasks.exclusive import exclusive
from workers.tasks.identity_check import check_identity
from workers.tasks.leases import HeldLease
from workers.tasks.runtime import Runtime

log = logger(__name__)
T = TypeVar("T")


class WrongClusterError(PermanentError):
    """Another cluster answers, or one that has another name too: what it holds says nothing about ours."""

    code = "cluster.blocked"


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster to look at, as SQL and the registry have it."""

    snapshot_id: int
    fleet: Fleet
    cluster: Cluster
    placements: tuple[PlacementStatus, ...]
    looks: clusters.Looks


def look_at(
    runtime: Runtime,
    what: str,
    name: str,
    *,
    look: Callable[[Site, HeldLease], None],
    failed: Callable[[Site, FlotillaError], None],
) -> None:
    """Look at a cluster, unless another worker does the same now or the fleet has none of that name.

    Args:
        runtime: of the worker.
        what: is done, ``sweep`` or ``observe``.
        name: of the cluster.
        look: does it, and stores what it saw.
        failed: told why the cluster could not be looked at.

    Raises:
        DatabaseUnavailableError: nothing was stored, which says nothing of the cluster.
        DatabaseBusyError: the same.
    """

    def postpone(connection: DatabaseConnection, until: datetime) -> None:
        clusters.postpone_looks(connection, name, until=until)

    with exclusive(runtime, f"{what}:{name}", postpone=postpone) as mine:
        where = _site(runtime, name) if mine else None
        if mine is None or where is None:
            return
        try:
            look(where, mine)
        except (DatabaseUnavailableError, DatabaseBusyError):
            raise
        except FlotillaError as error:
            failed(where, error)


def _site(runtime: Runtime, name: str) -> Site | None:
    """Return the cluster; None where the fleet has none of that name (any more)."""
    snapshot_id, fleet = runtime.snapshots.in_force(runtime.database)
    with runtime.database.read() as connection:
        cluster = fleet.clusters.get(name)
        looks = clusters.looks_due(connection, name)
        if cluster is None or looks is None:
            return None
        return Site(snapshot_id, fleet, cluster, placement_status.of_cluster(connection, name), looks)


def reach(runtime: Runtime, cluster: Cluster) -> Connection:
    """Return a connection to the cluster, asked again who it is.

    Raises:
        TransientError: it cannot be reached, or does not answer as a cluster does.
        PermanentError: its credentials do not work.
    """
    connection = runtime.connect(cluster)
    connection.forget_identity()
    blocked = check_identity(runtime.database, cluster, connection)
    if blocked:
        message = f"what answers at the address of {cluster.name} is not looked at: {sentence(blocked)}"
        raise WrongClusterError(message, remedy=f"See `flotilla approvals`, and how {cluster.name} was replaced.")
    return connection


def unreached(runtime: Runtime, where: Site, error: FlotillaError, *, next_at_least: timedelta) -> None:
    """Note that the cluster could not be looked at: what is said of it is unknown from now on."""
    log.warning("cluster.unreached", cluster=where.cluster.name, code=error.code, error=str(error))
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        ids = [one.id for one in where.placements]
        observations.lose_contact(connection, ids, code=error.code, message=error.message)
        clusters.record_unreached(connection, where.cluster.name, error.reason)
        clusters.sweep_later(connection, where.cluster.name, next_at=now + next_at_least)


def listed(
    cluster: ClusterPort, read: Callable[[Kind, str], tuple[T, ...]], owned: Iterable[InventoryItem]
) -> dict[tuple[str, str], tuple[Kind, tuple[T, ...]] | None]:
    """Return what the LIST of each kind gave; None where it did not end, or the kind cannot be told.

    Args:
        cluster: says how a kind is served now, in whatever version it was applied.
        read: LISTs a kind in a namespace, or in all of them for an empty one.
        owned: whose kinds are wanted; an account that may not list over all namespaces lists theirs.
    """
    namespaces: dict[tuple[str, str], set[str]] = {}
    for item in owned:
        namespaces.setdefault((item.object.group, item.object.kind), set()).add(item.object.namespace)
    found: dict[tuple[str, str], tuple[Kind, tuple[T, ...]] | None] = {}
    for (group, name), own in sorted(namespaces.items()):
        try:
            kind = cluster.kind(group, "", name)
            found[(group, name)] = (kind, _everywhere(partial(read, kind), own))
        except (TransientError, PermanentError) as error:
            log.warning("list.failed", kind=name, code=error.code, error=str(error))
            found[(group, name)] = None
    return found


def _everywhere(read: Callable[[str], tuple[T, ...]], own: Collection[str]) -> tuple[T, ...]:
    try:
        return read("")
    except ForbiddenError:
        return tuple(item for namespace in sorted(own) for item in read(namespace))
