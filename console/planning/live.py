"""What a registry would change on live clusters: the sync engine's own dry-run, placement by placement.

Runs on the hub's machine, with its settings and credentials. Nothing is written, on clusters or in SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version

from common.credentials import provider_from
from common.domain.changes import Action, Change
from common.domain.errors import FlotillaError, PermanentError
from common.domain.fleet import Cluster, Fleet, Placement
from common.domain.inventory import InventoryItem
from common.domain.refs import PlacementRef
from common.registry import Documents, ParsedRegistry, parse
from common.settings import Settings
from common.snapshots import Snapshots
from common.store.state import clusters, inventory
from common.store.state import fleet as fleets
from common.store.state.clusters import ClusterFacts
from console.inspect.hub import hub_database
from console.planning.changes import TOLD, PlannedPlacement
from console.planning.commits import WITH_OBJECTS, Planned
from console.planning.rendering import Rendering, rendering
from scheduler.loop.facts import read_facts
from scheduler.planning.facts import Facts
from scheduler.planning.preview import Effect, PlacementEffect, preview
from workers.public.clusters import ClusterPool, Connection
from workers.public.dry_run import Compared, Installed, dry_run
from workers.public.rendering import Capabilities

AT_ONCE = 8
"""Placements looked at at the same time."""


class AnotherClusterError(PermanentError):
    """Another cluster answers: what it holds says nothing about ours."""

    code = "cluster.another"


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub's database says about its fleet, at one instant.

    Attributes:
        fleet: in force; None before there is one.
        documents: what it was made from.
        owned: inventories.
        clusters: what is known of the clusters.
    """

    fleet: Fleet | None
    documents: Documents | None
    facts: Facts
    owned: Mapping[PlacementRef, tuple[InventoryItem, ...]]
    clusters: Mapping[str, ClusterFacts]


def known(settings: Settings) -> Known:
    """Return what the hub on this machine knows.

    Raises:
        HubUnreachableError: there is none.
        TransientError: its database cannot be read.
    """
    with hub_database(settings) as database:
        found = Snapshots().find(database)
        with database.read() as connection:
            facts = read_facts(connection, now=database.now(connection))
            names = {ref.cluster for ref in facts.current}
            owned: dict[PlacementRef, tuple[InventoryItem, ...]] = {}
            for name in names:
                owned |= inventory.of_cluster(connection, name)
            stored = fleets.snapshot(connection, found[0]).documents if found else None
            of_clusters = clusters.facts(connection)
    documents = None if stored is None else Documents.from_json(stored)
    return Known(found[1] if found else None, documents, facts, owned, of_clusters)


def parsed_against(files: Mapping[str, bytes], hub: Known) -> ParsedRegistry:
    """Return a registry as the hub would read it as its next commit."""
    return parse(files, hub.documents)


def plan_live(then: Fleet, hub: Known, settings: Settings) -> Planned:
    """Return what it would do to the hub's clusters, as they are now, if ``then`` came into force.

    What cannot be rendered, reached or asked is told with its reason.
    """
    found = preview(hub.fleet, then, hub.facts)
    placements = {placement.ref: placement for placement in then.placements()}
    asked = [one for one in found.placements if one.effect in WITH_OBJECTS]
    credentials = provider_from(settings)
    pool = ClusterPool(credentials, settings.request_timeout, settings.link_local)
    try:
        reach = _Reach(pool, hub.clusters)
        with (
            rendering(settings, then.projects, credentials=credentials, capabilities=reach.capabilities) as sides,
            ThreadPoolExecutor(AT_ONCE) as objects,
            ThreadPoolExecutor(AT_ONCE) as executor,
        ):
            look = _Look(then, hub, reach, sides, objects)
            planned = tuple(executor.map(lambda one: look.planned(one, placements.get(one.ref)), asked))
    finally:
        pool.close()
    return Planned(found, planned)


class _Reach:
    """Connections to clusters that are still those that the hub knows."""

    def __init__(self, pool: ClusterPool, facts: Mapping[str, ClusterFacts]) -> None:
        self._pool = pool
        self._facts = facts

    def __call__(self, cluster: Cluster) -> Connection:
        """Return a connection.

        Raises:
            AnotherClusterError: the cluster is not the one the hub knows.
            FlotillaError: as ``ClusterPool.connect``.
        """
        connection = self._pool.connect(
            cluster.name, server=cluster.server, credentials=cluster.credentials, proxy=cluster.proxy
        )
        facts = self._facts.get(cluster.name)
        if facts is not None and facts.identity not in {None, connection.identity()}:
            message = f"another cluster answers at {cluster.server} than the hub knows as {cluster.name}"
            raise AnotherClusterError(message, remedy="See `flotilla approvals`.")
        return connection

    def capabilities(self, cluster: Cluster) -> Capabilities:
        """Return what a cluster can do; raises as a call, and as ``Connection.capabilities``."""
        return Capabilities(*self(cluster).capabilities(agent={}))


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at all clusters; one that cannot be looked at stops no other."""

    then: Fleet
    hub: Known
    reach: _Reach
    sides: Rendering
    objects: Executor

    def planned(self, effect: PlacementEffect, placement: Placement | None) -> PlannedPlacement:
        owned = self.hub.owned.get(effect.ref, ())
        if effect.effect in {Effect.REMOVED, Effect.ASKS}:
            return PlannedPlacement(effect.ref, effect.effect, _removed(owned))
        if placement is None:
            return PlannedPlacement(effect.ref, effect.effect)
        try:
            changes = self._checked(placement, owned)
        except FlotillaError as error:
            return PlannedPlacement(effect.ref, effect.effect, error=str(error))
        return PlannedPlacement(effect.ref, effect.effect, changes)

    def _checked(self, placement: Placement, owned: tuple[InventoryItem, ...]) -> tuple[Change, ...]:
        """Return what the sync engine would change, by its own check."""
        application = placement.application
        rendered = self.sides.start(placement)
        current = self.hub.facts.current.get(placement.ref)
        compared = Compared(
            fleet=self.then,
            placement=placement,
            rendered=rendered,
            owned=owned,
            installed=Installed.NOTHING if current is None or current.applied is None else Installed.ANOTHER,
        )
        agent = f"flotilla/{version('flotilla')} (plan of {placement.ref})"
        session = self.reach(placement.cluster).session(agent, account=self.then.account_of(application))
        return tuple(one for one in dry_run(compared, session, self.objects) if one.action in TOLD)


def _removed(owned: Sequence[InventoryItem]) -> tuple[Change, ...]:
    return tuple(Change(item.object, Action.PRUNED) for item in owned if not item.keep and not item.is_hook)
