"""A placement as the hub's own database has it: for commands that run on the hub's machine, with its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from common.broker.keys import hub_key
from common.credentials import provider_from
from common.domain.errors import PermanentError
from common.domain.fleet import Cluster, Fleet, Placement
from common.domain.holds import Hold
from common.domain.inventory import InventoryItem
from common.domain.reasons import hold_sentence
from common.domain.redact import redacted_manifest
from common.domain.refs import PlacementRef
from common.domain.revisions import RendererVersion
from common.domain.secrecy import Secrets
from common.domain.status import Reason
from common.sandbox.launch import Strictness
from common.settings import Settings
from common.snapshots import Snapshots
from common.sources.sources import opener, sources_from
from common.store.engine.connection import Connection
from common.store.engine.session import Database, open_database
from common.store.state import clusters, inventory, placements, sources
from common.store.state.clusters import ClusterFacts
from common.store.state.placements import PlacementFacts
from console.errors import HubUnreachableError
from console.inspect.offline import Shown, in_namespace
from workers.public.clusters import ClusterPool
from workers.public.manifests import flattened
from workers.public.rendering import Capabilities, Resolved, Sourced, asks_cluster, renderers_from, request_for


class NothingToShowError(PermanentError):
    """The placement does not exist, or has nothing to run."""

    code = "placement.none"


@dataclass(frozen=True, slots=True)
class Placed:
    """A placement, as SQL and the registry have it at one instant.

    Attributes:
        renderers: that its sources were resolved with; None where one was not resolved.
        cluster: what is known of its cluster; None before the hub has planned for it.
        owned: its inventory.
    """

    fleet: Fleet
    placement: Placement
    facts: PlacementFacts
    renderers: tuple[RendererVersion, ...] | None
    cluster: ClusterFacts | None
    owned: tuple[InventoryItem, ...] = field(repr=False)


def placed(settings: Settings, ref: PlacementRef) -> Placed:
    """Return a placement of the hub on this machine; nothing is written.

    Raises:
        HubUnreachableError: there is no hub on this machine.
        NothingToShowError: it has no such placement.
        TransientError: its database cannot be read.
    """
    with hub_database(settings) as database:
        _, fleet = Snapshots().in_force(database)
        with database.read() as connection:
            return _placed(connection, fleet, ref)


@contextmanager
def hub_database(settings: Settings) -> Iterator[Database]:
    """Give the database of the hub on this machine.

    Raises:
        HubUnreachableError: there is no hub on this machine.
    """
    if not settings.database_url and not (settings.home / "flotilla.db").exists():
        message = f"there is no hub in {settings.home}"
        raise HubUnreachableError(message, remedy="Run it on the hub's machine, with the hub's settings.")
    database = open_database(settings)
    try:
        yield database
    finally:
        database.dispose()


def _placed(connection: Connection, fleet: Fleet, ref: PlacementRef) -> Placed:
    placement, facts = fleet.placement(ref), placements.get(connection, ref)
    if placement is None or facts is None:
        message = f"there is no placement {ref}"
        raise NothingToShowError(message, remedy=f"See `flotilla explain {ref}`.")
    return Placed(
        fleet=fleet,
        placement=placement,
        facts=facts,
        renderers=sources.renderers_of(connection, ref.application, placement.to_resolve),
        cluster=clusters.get(connection, ref.cluster),
        owned=inventory.of(connection, facts.id),
    )


def render_placement(settings: Settings, ref: PlacementRef) -> Shown:
    """Return the manifests that a sync of a placement would start from now; values of Secrets are masked.

    Raises:
        HubUnreachableError, NothingToShowError: as ``placed``; or its source was not resolved.
        FlotillaError: the source cannot be read or rendered, as a worker would say it.
    """
    known = placed(settings, ref)
    desired, renderers = known.facts.desired, known.renderers
    if desired is None or renderers is None:
        message = f"{ref} has nothing to render: {hold_sentence(known.facts.hold or Reason(Hold.UNRESOLVED))}"
        raise NothingToShowError(message, remedy="See `flotilla status --faults`.")
    if not desired.covers(known.placement.to_resolve):
        message = f"{ref} has nothing to render: its sources have changed since it was planned"
        raise NothingToShowError(message, remedy="Look again soon.")
    request = request_for(known.placement)
    allowed = known.fleet.projects[known.placement.application.project].allows_repo
    if asks_cluster(renderers):
        request = replace(request, capabilities=_capabilities(settings, known.placement.cluster))
    kept, rendering = (
        sources_from(settings, provider_from(settings)),
        renderers_from(settings, secret=hub_key(settings), otherwise=Strictness.WARN),
    )
    try:
        rendered = rendering.render(
            opener(partial(kept.tree, allowed=allowed), known.placement.to_resolve, desired.commits),
            request,
            Resolved(desired.source_digest, renderers, ()),
        )
    finally:
        kept.close()
        rendering.close()
    shown = in_namespace(masked(rendered.objects, rendered.secrets), known.placement.namespace)
    shown = shown.warning(rendered.warnings)
    if known.placement.parameters_digest(renderers) == desired.parameters_digest:
        return shown
    return replace(shown, notes=(*shown.notes, "the registry has changed since this was planned; look again soon"))


def _capabilities(settings: Settings, cluster: Cluster) -> Capabilities:
    """Return what a cluster can do; raises as ``ClusterPool.connect`` and ``Connection.capabilities``."""
    pool = ClusterPool(provider_from(settings), settings.request_timeout, settings.link_local)
    try:
        connection = pool.connect(
            cluster.name, server=cluster.server, credentials=cluster.credentials, proxy=cluster.proxy
        )
        return Capabilities(*connection.capabilities(agent={}))
    finally:
        pool.close()


def masked(objects: tuple[Sourced, ...], secrets: Secrets) -> tuple[Sourced, ...]:
    """Return the objects, Lists taken apart, with the values of Secrets and what else is secret masked."""
    return tuple(
        Sourced(secrets.masked_in(redacted_manifest(manifest)), item.origin)
        for item in objects
        for manifest in flattened([item.manifest])
    )
