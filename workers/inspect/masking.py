"""Values of a placement that are shown to nobody: of its Secrets as they live, and what was decrypted for it."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Mapping
from typing import Any

from common.domain.secrecy import Secrets
from workers.inspect.place import Place
from workers.sync.objects.marks import PLACEMENT_LABEL

_SECRET = ("", "Secret")


def live_secrets(place: Place) -> Secrets:
    """Return the values of the placement's Secrets on its cluster.

    Raises:
        FlotillaError: they cannot be read, so that nothing which may hold them can be shown.
    """
    namespaces = {one.object.namespace for one in place.owned if (one.object.group, one.object.kind) == _SECRET}
    if not namespaces:
        return Secrets()
    kind = place.cluster.kind("", "", "Secret")
    selector = f"{PLACEMENT_LABEL}={place.ref.mark(place.fleet)}"
    listed = (place.cluster.list_objects(kind, namespace=one, selector=selector) for one in sorted(namespaces))
    return Secrets(value for objects in listed for manifest in objects for value in _values(manifest))


def all_secrets(place: Place) -> Secrets:
    """Return the values of the placement's Secrets, with whatever was decrypted for it; raises as ``live_secrets``."""
    return live_secrets(place) | place.decrypted()


def _values(manifest: Mapping[str, Any]) -> Iterator[str]:
    data = manifest.get("data")
    for value in data.values() if isinstance(data, Mapping) else ():
        try:
            yield b64decode(value).decode()
        except (NoBase64, ValueError, TypeError):
            continue
