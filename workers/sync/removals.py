"""What an attempt may remove: by its inventory, within the guards, and with the word of others who want the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.domain.codes import ObjectReason
from common.domain.reasons import nested
from common.domain.refs import ObjectId
from common.domain.status import Reason
from workers.sync.errors import ClaimedError, UnknownKindError
from workers.sync.hooks.rows import kept
from workers.sync.objects.moving import Claims
from workers.sync.plan import policy, prune
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.unserved import Unserved
from workers.sync.ports import InventoryItem, Ports, Target
from workers.sync.requests import SyncRequest

NOBODY: frozenset[ObjectId] = frozenset()


class Removals:
    """Tells what one attempt may remove. Removes nothing.

    Args:
        request: whose objects they are.
        ports: the outside.
        unserved: what the manifests hold of kinds that the cluster does not serve, or that are not known.
    """

    def __init__(self, request: SyncRequest, ports: Ports, unserved: Sequence[Unserved]) -> None:
        self._request = request
        self._ports = ports
        self._unserved = unserved

    def ids(self, wanted: Sequence[Wanted]) -> frozenset[ObjectId]:
        """Return what is wanted or was made for hooks, and what may be wanted: its kind is not served, or not known."""
        ids = kept(wanted, self._request.inventory)
        items = (item.object for item in self._request.inventory)
        return frozenset(ids | {each for each in items if any(one.may_be(each) for one in self._unserved)})

    def plan(self, wanted: Sequence[Wanted], spared: frozenset[ObjectId] = NOBODY) -> prune.PrunePlan:
        """Return what may be removed after an apply, but for what is spared."""
        ids = self.ids(wanted)
        inventory, project = self._request.inventory, self._request.project
        left = prune.leftover(inventory, ids | spared)
        denied = {item.object: why for item in left if (why := policy.forbids(item.object, project))}
        found = prune.plan(
            tuple(item for item in left if item.object not in denied),
            self._request.settings.prune,
            wanted=ids,
            total=len(inventory),
            approved=self._request.approved,
        )
        kept = ((one, _disallowed(project.name, why)) for one, why in denied.items())
        return replace(found, kept=(*found.kept, *kept))

    def claims(self, plan: prune.PrunePlan) -> Claims:
        """Return who takes over what is about to be removed.

        Raises:
            ClaimedError: that cannot be told yet.
        """
        claims = self._ports.journal.claims([item.object for item in plan.remove]) if plan.remove else Claims({})
        if claims.pending:
            raise ClaimedError(claims.pending, until=claims.until)
        return claims

    def held(self, item: InventoryItem) -> str | None:
        """Return which finalizers keep an object whose deletion was accepted; None once it is gone.

        Raises:
            TransientError: the cluster could not say.
        """
        cluster = self._ports.cluster
        try:
            kind = cluster.kind(item.object.group, "", item.object.kind)
        except UnknownKindError:
            return None
        live = cluster.get(Target(kind, item.object.namespace, item.object.name))
        if live is None or not live.meta.deletion_timestamp or (item.uid and live.meta.uid != item.uid):
            return None
        return ", ".join(live.meta.held_by)


def departure(request: SyncRequest) -> prune.PrunePlan:
    """Return what goes when the placement leaves.

    Raises:
        PolicyError: the project does not allow some of it.
    """
    plan = prune.removal(request.inventory, str(request.attempt.run))
    policy.check_objects((item.object for item in plan.remove), request.project)
    return plan


def _disallowed(project: str, why: Reason) -> Reason:
    return Reason(ObjectReason.DISALLOWED, {"project": project, "why": nested(why)})
