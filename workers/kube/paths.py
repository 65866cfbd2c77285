"""URLs of objects and collections; every name is quoted, so that none leads elsewhere."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from workers.sync.live import Kind
from workers.sync.ports import Target


def collection(kind: Kind, namespace: str) -> str:
    """Return the path of all objects of a kind, in one namespace or (empty) in all."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if namespace and kind.namespaced else ""
    return f"{root}{inside}/{kind.resource}"


def item(target: Target) -> str:
    """Return the path of one object."""
    return f"{collection(target.kind, target.namespace)}/{quote(target.name, safe='')}"


def with_query(path: str, **parameters: str) -> str:
    """Return the path with those query parameters that are not empty."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path
