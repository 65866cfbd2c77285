"""What one attempt knows before it decides: the wanted objects, and the metadata of those that are there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from common.domain.refs import ObjectId
from workers.sync.errors import ForbiddenError, SilentGroupError, UnknownKindError
from workers.sync.objects import marks
from workers.sync.objects.live import Kind, LiveMeta
from workers.sync.objects.ordering import NAMESPACE
from workers.sync.plan import policy
from workers.sync.plan.arriving import CustomKinds
from workers.sync.plan.lists import flattened
from workers.sync.plan.normalise import Naming, Normal, Wanted, normalise
from workers.sync.ports import ClusterPort, InventoryItem, Manifest
from workers.sync.requests import Namespace, SyncRequest

T = TypeVar("T")

LISTABLE = 3
"""From so many namespaces on, one LIST over all of them is cheaper than one each."""


def prepare(request: SyncRequest, cluster: ClusterPort) -> tuple[Normal, frozenset[Kind]]:
    """Return what is wanted, and the kinds among it that only a manifest defines so far.

    Raises:
        PermanentError: the manifests cannot be written, or the project does not allow them.
        TransientError: the cluster's kinds could not be read.
    """
    added = _namespace(request)
    manifests = tuple(flattened((*added, *request.manifests)))
    kinds = CustomKinds(cluster.kind, manifests)
    run = request.attempt.run
    naming = Naming(request.fleet, request.ref, request.namespace, request.digest_key, run, keyed=request.keyed)
    normal = normalise(manifests, naming, kinds, origins=tuple(_origins(request, added)))
    policy.check(normal, request.project)
    return normal, frozenset(kinds.arriving)


def _origins(request: SyncRequest, added: Sequence[Manifest]) -> Iterator[str]:
    """Yield file and line of each manifest, of every item of a List that of the List; empty where it is not known."""
    origins = request.origins or ("",) * len(request.manifests)
    for manifest, origin in zip(
        (*added, *request.manifests), (*("createNamespace" for _ in added), *origins), strict=True
    ):
        yield from (origin for _ in flattened((manifest,)))


def _namespace(request: SyncRequest) -> tuple[Manifest, ...]:
    """Return the manifest of the application's namespace, if it is to be made and nobody renders it."""
    if request.namespace_is is Namespace.EXPECTED:
        return ()
    if any(_renders(each, request.namespace) for each in flattened(request.manifests)):
        return ()
    annotations = {marks.APPLY: marks.ApplyMode.IF_ABSENT.value, marks.PRUNE: "never"}
    metadata = {"name": request.namespace, "annotations": annotations}
    return ({"apiVersion": "v1", "kind": NAMESPACE[1], "metadata": metadata},)


def _renders(manifest: Manifest, namespace: str) -> bool:
    if not isinstance(manifest, Mapping) or (manifest.get("apiVersion"), manifest.get("kind")) != ("v1", NAMESPACE[1]):
        return False
    metadata = manifest.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("name") == namespace


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
