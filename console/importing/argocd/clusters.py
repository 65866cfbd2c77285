"""Which cluster a destination is."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.yaml import Path
from console.importing.foreign import Foreign
from console.importing.words import name_of

_TYPE = "argocd.argoproj.io/secret-type"
IN_CLUSTER = "https://kubernetes.default.svc"
_LOCAL = "in-cluster"


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

    @property
    def all_of_them(self) -> tuple[Declared, ...]:
        """The declared clusters, and the one that Argo CD runs on, which it knows without a Secret.

        A generator of clusters without a selector gives that one too, under this name:
        https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-Cluster/
        """
        if any(one.server == IN_CLUSTER for one in self.declared):
            return self.declared
        return (*self.declared, Declared(IN_CLUSTER, _LOCAL))

    def name(self, server: str, called: str) -> str:
        """Return what the registry calls a cluster; empty where that is not known."""
        known = next((one for one in self.declared if server in {one.server} or called in {one.name}), None)
        keys = [server, called, *((known.server, known.name) if known else ())]
        given = next((self._names[key] for key in keys if key and key in self._names), "")
        return given or name_of(called or (known.name if known else ""))

    def of(self, application: Foreign, path: Path) -> str:
        """Return the cluster of the destination at ``path``, or an empty text, having said what is missing."""
        server = application.take_text(*path, "server")
        called = application.take_text(*path, "name")
        if not server and not called:
            application.say((*path, "server"), "it has no destination", "write its targets by hand")
            return ""
        found = self.name(IN_CLUSTER if called == _LOCAL and not server else server, called)
        if found in {"", "unnamed"}:
            what = f"which cluster {server} is, is not known"
            application.say((*path, "server"), what, f"name it: --cluster {server}=NAME")
            return _LOCAL if server == IN_CLUSTER else name_of(server.rpartition("//")[2].partition(":")[0])
        return found


def _declared(one: Foreign) -> Declared | None:
    labels = one.look("metadata", "labels")
    if one.kind != "Secret" or one.group or not isinstance(labels, dict) or labels.get(_TYPE) != "cluster":
        return None
    own = {key: value for key, value in labels.items() if key != _TYPE and isinstance(value, str)}
    return Declared(_field(one, "server"), _field(one, "name"), own)


def _field(secret: Foreign, key: str) -> str:
    plain, coded = secret.look("stringData", key), secret.look("data", key)
    if isinstance(plain, str):
        return plain
    try:
        return base64.b64decode(coded).decode() if isinstance(coded, str) else ""
    except ValueError:  # neither base64 nor text
        return ""
