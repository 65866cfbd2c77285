"""Reading what is live of an attempt's objects, by as few LISTs as the account may make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from common.domain.refs import ObjectId
from workers.sync.errors import ForbiddenError, SilentGroupError, UnknownKindError
from workers.sync.objects import marks
from workers.sync.objects.live import Kind, LiveMeta
from workers.sync.plan.normalise import Wanted
from workers.sync.ports import ClusterPort, InventoryItem

T = TypeVar("T")

LISTABLE = 3
"""From so many namespaces on, one LIST over all of them is cheaper than one each."""


def live_metadata(
    cluster: ClusterPort, inventory: Iterable[InventoryItem], wanted: Iterable[Wanted], label: str
) -> dict[ObjectId, LiveMeta]:
    """Return the metadata of the wanted objects that the inventory holds, by one LIST per kind.

    An object that is absent from the result need not be absent from the cluster.

    Raises:
        TransientError: a LIST did not end.
    """
    owned = {item.object for item in inventory}
    namespaces: dict[Kind, set[str]] = {}
    for each in wanted:
        if each.object in owned:
            namespaces.setdefault(each.target.kind, set()).add(each.object.namespace)
    selector = f"{marks.PLACEMENT_LABEL}={label}"
    found: dict[ObjectId, LiveMeta] = {}
    for kind, used in namespaces.items():
        for meta in _listed(cluster, kind, used, selector):
            found[ObjectId(kind.group, kind.kind, meta.namespace, meta.name)] = meta
    return found


def _listed(cluster: ClusterPort, kind: Kind, namespaces: set[str], selector: str) -> tuple[LiveMeta, ...]:
    def read(namespace: str) -> tuple[LiveMeta, ...]:
        return cluster.list_meta(kind, namespace=namespace, selector=selector)

    try:
        return over_namespaces(read, namespaces)
    except (UnknownKindError, SilentGroupError):
        return ()  # what compares its objects is told the same


def over_namespaces(read: Callable[[str], tuple[T, ...]], namespaces: Collection[str]) -> tuple[T, ...]:
    """Return what ``read`` gives for all namespaces of interest, by as few LISTs as the account may make.

    Args:
        read: LISTs one namespace, or all for an empty one.
        namespaces: of interest; an account that is limited to these may not list over all.

    Raises:
        ForbiddenError: not even these may be listed.
        TransientError: a LIST did not end.
    """
    if len(namespaces) == 1:
        return read(next(iter(namespaces)))
    if len(namespaces) >= LISTABLE:
        try:
            return read("")
        except ForbiddenError:
            pass
    return tuple(found for namespace in sorted(namespaces) for found in read(namespace))
