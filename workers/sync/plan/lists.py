"""Lists of objects, as ``kubectl get -o yaml`` and charts write them, taken apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workers.sync.ports import Manifest

_LIST = "List"


def flattened(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield the manifests with Lists replaced by their items, at any depth.

    The items of a List of one kind (``RoleList``) need not repeat their kind; the API server leaves it out too.
    """
    for manifest in manifests:
        if isinstance(manifest, Mapping) and _is_list(manifest):
            shared = _shared(manifest)
            items = manifest["items"] or ()
            yield from flattened({**shared, **item} if isinstance(item, Mapping) else item for item in items)
        else:
            yield manifest


def _is_list(manifest: Manifest) -> bool:
    """Tell a list from an object whose kind is called so: that has a name, and a list has none."""
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if not isinstance(kind, str) or not kind.endswith(_LIST) or not isinstance(manifest.get("items", ""), list | None):
        return False
    return not (isinstance(metadata, Mapping) and metadata.get("name"))


def _shared(manifest: Manifest) -> Mapping[str, Any]:
    """Return what a List says for all of its items; nothing where each may be of another kind."""
    kind = manifest["kind"].removesuffix(_LIST)
    return {"apiVersion": manifest.get("apiVersion"), "kind": kind} if kind else {}
