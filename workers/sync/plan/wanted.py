"""What one attempt wants: its manifests normalised, with the application's namespace, and allowed by its project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from workers.sync.objects import marks
from workers.sync.objects.live import Kind
from workers.sync.objects.ordering import NAMESPACE
from workers.sync.plan import policy
from workers.sync.plan.arriving import CustomKinds
from workers.sync.plan.lists import flattened
from workers.sync.plan.normalise import Naming, Normal, normalise
from workers.sync.plan.options import ApplyMode
from workers.sync.ports import ClusterPort, Manifest
from workers.sync.requests import Namespace, SyncRequest


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
    annotations = {marks.APPLY: ApplyMode.IF_ABSENT.value, marks.PRUNE: "never"}
    metadata = {"name": request.namespace, "annotations": annotations}
    return ({"apiVersion": "v1", "kind": NAMESPACE[1], "metadata": metadata},)


def _renders(manifest: Manifest, namespace: str) -> bool:
    if not isinstance(manifest, Mapping) or (manifest.get("apiVersion"), manifest.get("kind")) != ("v1", NAMESPACE[1]):
        return False
    metadata = manifest.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("name") == namespace
