"""Which cluster a destination is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.yaml import Path
from console.importing.foreign import Foreign
from console.importing.words import name_of

_TYPE = "argocd.argoproj.io/secret-type"
IN_CLUSTER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class Declared:
    """A cluster that Argo CD knows.

    Attributes:
        server: URL of its API server.
        name: as Argo CD has it.
        labels: of its Secret.
    """

    server: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Clusters:
    """What is known of clusters.

    Args:
        objects: among them Secrets that declare clusters; only name, server and labels are read.
        names: what the registry calls them, by server or by Argo CD's name.
    """

    def __init__(self, objects: Iterable[Foreign], names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self.declared = tuple(filter(None, map(_declared, objects)))

    def name(self, server: str, called: str) -> str:
        """Return what the registry calls a cluster; empty where that is not known."""
        known = next((one for one in self.declared if server in {one.server} or called in {one.name}), None)
        keys = [server, called, *((known.server, known.name) if known else ())]
        given = next((self._names[key] for key in keys if key and key in self._names), "")
        return given or name_of(called or (known.name if known else ""))

    def of(self, application: Foreign, path: Path) -> str:
        """Return the cluster of the destination at ``path``, or an empty text, having said what is missing."""
        server = str(application.take(*path, "server", default=""))
        called = str(application.take(*path, "name", default=""))
        if not server and not called:
            application.say(path, "it has no destination", "write its targets by hand")
            return ""
        found = self.name(server, called)
        if found in {"", "unnamed"}:
            what = f"which cluster {server} is, is not known"
            application.say((*path, "server"), what, f"name it: --cluster {server}=NAME")
            return "in-cluster" if server == IN_CLUSTER else name_of(server.rpartition("//")[2].partition(":")[0])
        return found


def _declared(one: Foreign) -> Declared | None:
    labels = one.look("metadata", "labels") or {}
    if one.kind != "Secret" or one.group or labels.get(_TYPE) != "cluster":
        return None
    own = {key: str(value) for key, value in labels.items() if key != _TYPE}
    return Declared(_field(one, "server"), _field(one, "name"), own)


def _field(secret: Foreign, key: str) -> str:
    plain = secret.look("stringData", key)
    if plain is not None:
        return str(plain)
    try:
        return base64.b64decode(str(secret.look("data", key) or "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
