"""Every cluster of the fleet asked the same few questions, several at once; one that does not answer stops no other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version

from common.credentials import provider_from
from common.domain.errors import FlotillaError
from common.domain.fleet import Cluster, ClusterState
from common.domain.refs import ObjectId, PlacementRef
from common.settings import Settings
from common.snapshots import Snapshots
from common.store.engine.connection import Connection as DatabaseConnection
from common.store.engine.session import Database
from common.store.state import inventory
from console.inspect.trackers import KINDS, Tracker, active
from workers.public.clusters import OWN, ClusterPool, Connection, ForbiddenError, UnknownKindError

AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Adopted:
    """A cluster, and what was taken over there from no tool or from another."""

    cluster: Cluster
    objects: dict[ObjectId, PlacementRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contested:
    """Objects that a placement owns and that another tool would write again."""

    tracker: Tracker
    objects: tuple[ObjectId, ...]
    placements: tuple[PlacementRef, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one cluster.

    Attributes:
        error: why it could not be asked; None where it answered.
        contested: what another tool tracks besides us.
        unread: kinds of other tools that our account may not read.
    """

    cluster: str
    error: FlotillaError | None = None
    contested: tuple[Contested, ...] = ()
    unread: tuple[str, ...] = ()


def to_ask(database: Database) -> tuple[Adopted, ...]:
    """Return the clusters of the fleet that are in use, each with what was adopted there."""
    found = Snapshots().find(database)
    clusters = found[1].clusters.values() if found else ()
    with database.read() as connection:
        return tuple(
            Adopted(cluster, _adopted(connection, cluster.name))
            for cluster in clusters
            if cluster.state is not ClusterState.RETIRED
        )


def _adopted(connection: DatabaseConnection, cluster: str) -> dict[ObjectId, PlacementRef]:
    owned = inventory.of_cluster(connection, cluster)
    return {item.object: ref for ref, items in owned.items() for item in items if item.adopted and item.wanted}


def ask(settings: Settings, clusters: Collection[Adopted]) -> Iterator[Answer]:
    """Yield the answer of each cluster, in their order."""
    pool = ClusterPool(provider_from(settings), settings.request_timeout, settings.link_local)
    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="clusters") as executor:
            yield from executor.map(lambda one: _asked(pool, one), clusters)
    finally:
        pool.close()


def _asked(pool: ClusterPool, one: Adopted) -> Answer:
    cluster = one.cluster
    try:
        connection = pool.connect(
            cluster.name, server=cluster.server, credentials=cluster.credentials, proxy=cluster.proxy
        )
        connection.identity()
        return _contested(connection, one) if one.objects else Answer(cluster.name)
    except FlotillaError as error:
        return Answer(cluster.name, error)


def _contested(connection: Connection, one: Adopted) -> Answer:
    session = connection.session(f"flotilla/{version('flotilla')} (doctor)", account=OWN)
    found: list[Contested] = []
    unread: list[str] = []
    for group, kind in KINDS:
        try:
            listed = session.list_objects(session.kind(group, "", kind), namespace="", selector="")
        except UnknownKindError:
            continue
        except ForbiddenError:
            unread.append(kind)
            continue
        for tracker in filter(None, (active(kind, each) for each in listed)):
            ours = sorted(tracker.objects & one.objects.keys())
            if ours:
                refs = tuple(sorted({one.objects[each] for each in ours}))
                found.append(Contested(tracker, tuple(ours), refs))
    return Answer(one.cluster.name, contested=tuple(found), unread=tuple(unread))
