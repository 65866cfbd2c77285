"""What waiting runs wait for that is no health: an object that cannot be made before something else is so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from common.domain.errors import PermanentError, TransientError
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.store.queue.waits import WaitingRun
from common.store.state.placement_status import PlacementStatus
from workers.sync.objects.moving import Hold, Owner, held_by
from workers.sync.ports import ClusterPort


def unreleased(
    everything: Mapping[PlacementRef, Sequence[InventoryItem]],
    standings: Iterable[PlacementStatus],
    waiting: Iterable[WaitingRun],
) -> Iterator[ObjectId]:
    """Yield the objects that runs wait for and that another placement of the cluster does not release yet.

    Args:
        everything: what the placements of the cluster own.
        standings: these placements.
        waiting: the runs that wait on the cluster.
    """
    owned = {ref: {item.object for item in items} for ref, items in everything.items()}
    wanted = {one: run.ref for run in waiting for one in run.awaits - owned.get(run.ref, set())}
    if not wanted:
        return
    for row in standings:
        desired = row.desired
        owner = Owner(row.ref, row.state, desired, row.applied)
        for item in everything.get(row.ref, ()):
            if item.object in wanted and held_by(owner, item).hold is Hold.LATER:
                yield item.object


def unserved(
    cluster: ClusterPort, inventories: Mapping[PlacementRef, Sequence[InventoryItem]], waiting: Iterable[WaitingRun]
) -> Iterator[ObjectId]:
    """Yield the objects that runs wait for and whose kind the cluster does not serve, or cannot tell of.

    Args:
        cluster: is asked again, if any object is waited for that its placement does not own yet.
        inventories: what the placements own.
        waiting: the runs that wait on the cluster.
    """
    owned = {ref: {item.object for item in items} for ref, items in inventories.items()}
    wanted = {one for run in waiting for one in run.awaits - owned.get(run.ref, set())}
    if not wanted:
        return
    served: dict[tuple[str, str], bool] = {}
    for one in wanted:
        kind = (one.group, one.kind)
        if kind not in served:
            served[kind] = _serves(cluster, one, afresh=not served)
        if not served[kind]:
            yield one


def _serves(cluster: ClusterPort, one: ObjectId, *, afresh: bool) -> bool:
    try:
        if afresh:
            cluster.refresh_kinds()
        cluster.kind(one.group, "", one.kind)
    except (PermanentError, TransientError):
        return False
    return True
