"""The sync engine's own check of one placement, without a run: what a sync would change now. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta

from common.clock import SystemClock
from common.domain.changes import Change
from common.domain.codes import ObjectReason
from common.domain.errors import FlotillaError
from common.domain.fleet import Fleet, Placement
from common.domain.inventory import InventoryItem
from common.domain.refs import AttemptRef, ObjectId, PlacementRef, RunId
from common.domain.runs import Trigger
from common.domain.status import NONE, Reason
from common.rules import HERE
from workers.render.rendered import Rendered
from workers.render.secrecy import silenced
from workers.sync import pipeline
from workers.sync.objects.moving import Claims, Held, Hold
from workers.sync.ports import NOTHING_TAKEN, ClusterPort, PlannedChange, Ports
from workers.sync.requests import DryRuns, Installed, Namespace, Phase, SyncRequest

__all__ = ["Compared", "Installed", "dry_run"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A placement as it would be, and as it was left.

    Attributes:
        fleet: that it would be of.
        rendered: its manifests.
        owned: its inventory.
        installed: which revision is in.
    """

    fleet: Fleet
    placement: Placement
    rendered: Rendered
    owned: tuple[InventoryItem, ...]
    installed: Installed


def dry_run(compared: Compared, cluster: ClusterPort, executor: Executor) -> tuple[Change, ...]:
    """Return what a sync would do to each object, those that stay as they are included; what is secret is masked.

    Args:
        compared: what with what.
        cluster: as its project's account may read it.
        executor: of its requests.

    Raises:
        FlotillaError: as ``workers.sync.pipeline.run``, without what is secret.
    """
    secrets = compared.rendered.secrets
    ports = Ports(cluster, _NoJournal(), _NoFence(), executor, SystemClock(), HERE)
    try:
        changes = pipeline.run(_request(compared), ports).changes
    except FlotillaError as error:
        raise silenced(error, secrets) from None
    why = secrets.masked_reason
    return tuple(replace(one, detail=why(one.detail), diff=one.diff.without(secrets)) for one in changes)


def _request(compared: Compared) -> SyncRequest:
    placement, rendered = compared.placement, compared.rendered
    application = placement.application
    return SyncRequest(
        fleet=compared.fleet.name,
        ref=placement.ref,
        attempt=AttemptRef(RunId("plan"), 1),
        revision=None,
        trigger=Trigger.CHECK,
        phase=Phase.CHECK,
        manifests=rendered.manifests,
        origins=tuple(item.origin for item in rendered.objects),
        namespace=placement.namespace,
        inventory=compared.owned,
        settings=placement.sync,
        health=application.health,
        project=compared.fleet.projects[application.project],
        namespace_is=Namespace.CREATED if application.create_namespace else Namespace.EXPECTED,
        secrets=rendered.secrets,
        dry_runs=DryRuns.ALL,
        installed=compared.installed,
    )


class _NoJournal:
    """The journal of a look: nothing is planned, and nothing is kept."""

    def plan(
        self,
        items: Sequence[InventoryItem],
        changes: Sequence[PlannedChange],
        *,
        taken: Mapping[ObjectId, PlacementRef] = NOTHING_TAKEN,
    ) -> None:
        """Keep nothing."""

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return that others keep what is theirs: whether they release it, they say once they were planned."""
        owned = Reason(ObjectReason.OWNER_UNPLANNED, {"owner": str(owner)})
        return {one: Held(Hold.LATER, owned) for one in objects}

    def renders(self, objects: Collection[ObjectId], *, former: PlacementRef | None) -> tuple[InventoryItem, ...]:  # noqa: ARG002 - the port's
        """Keep nothing, and take over nothing."""
        return ()

    def claims(self, objects: Sequence[ObjectId]) -> Claims:  # noqa: ARG002 - the port's signature
        """Return that nobody wants anything: nothing is removed."""
        return Claims({})

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Keep nothing."""

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Keep nothing."""

    def spend(self, removals: int) -> Reason:  # noqa: ARG002 - the port's signature
        """Return that no bound is reached: nothing is removed."""
        return NONE


class _NoFence:
    """The fence of a look, which writes nothing."""

    def check(self, needed: timedelta) -> None:
        """Return: a dry-run needs no lease."""
