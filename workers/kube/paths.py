"""URLs of objects and collections.

Every part is checked by the grammar of API servers and quoted, whoever wrote it, so that none leads elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urlencode

from workers.sync.errors import AddressError
from workers.sync.objects.live import Kind
from workers.sync.objects.segments import is_group, is_label, is_name
from workers.sync.ports import Target


def collection(kind: Kind, namespace: str) -> str:
    """Return the path of all objects of a kind, in one namespace or (empty) in all.

    Raises:
        AddressError: a part of it is not what it is taken for.
    """
    root, resource = _parts(kind.group, kind.version, kind.resource)
    if not (namespace and kind.namespaced):
        return f"{root}/{resource}"
    if not is_label(namespace):
        message = f"{namespace[:80]!r} is no namespace"
        raise AddressError(message)
    return f"{root}/namespaces/{quote(namespace, safe='')}/{resource}"


@lru_cache(maxsize=4096)
def _parts(group: str, version: str, resource: str) -> tuple[str, str]:
    """Return where a group and version begin, and the name of a kind in URLs."""
    if not (is_group(group) and is_label(version) and is_label(resource)):
        message = f"{resource[:80]!r} in {group[:80]!r}, version {version[:80]!r}, is no kind that has a URL"
        raise AddressError(message)
    version, resource = quote(version, safe=""), quote(resource, safe="")
    return (f"/apis/{quote(group, safe='')}/{version}" if group else f"/api/{version}"), resource


def item(target: Target) -> str:
    """Return the path of one object.

    Raises:
        AddressError: a part of it is not what it is taken for, or an object in a namespace names none.
    """
    if not is_name(target.name) or (target.kind.namespaced and not target.namespace):
        message = f"{target.namespace[:80]!r} and {target.name[:80]!r} are no namespace and name"
        raise AddressError(message)
    return f"{collection(target.kind, target.namespace)}/{quote(target.name, safe='')}"


def with_query(path: str, **parameters: str) -> str:
    """Return the path with those query parameters that are not empty."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path
