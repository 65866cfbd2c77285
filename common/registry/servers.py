"""Clusters that name one server: on contact both would be found to be one cluster and be blocked, so it is said before.

Addresses of private networks come twice: what is reached through another proxy or by another pool is another server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.domain import fleet
from common.domain.addresses import comparable
from common.registry import build
from common.registry.documents import Documents, Source
from common.registry.faults import Fault, FaultScope
from common.registry.schema import ClusterDocument
from common.registry.translate import validated

if TYPE_CHECKING:
    from common.registry.core import Core

_REMEDY = "correct spec.server, or set state: retired on one of the two"
_PATH = ("spec", "server")


def check(core: Core, last: Documents) -> None:
    """Add a fault for each cluster whose server another live one names.

    The newcomer has the fault, which refuses the commit and so keeps the one that runs; of two that are in force
    already, nothing more than a notice would help.
    """
    groups: dict[tuple[str, ...], list[Source]] = {}
    for cluster in core.clusters.values():
        if cluster.state is not fleet.ClusterState.RETIRED:
            groups.setdefault(_way(cluster), []).append(core.sources[("Cluster", cluster.name)])
    for sources in (found for found in groups.values() if len(found) > 1):
        first, *others = sorted(sources, key=lambda source: (_is_new(source, last), source.file, source.line))
        for other in others:
            left = ", which has left the registry and is treated as frozen" if first.removed else ""
            what = (
                f"Cluster {other.name} names the same server as Cluster {first.name} ({first.at}){left}: "
                f"as soon as it is contacted, both are blocked, {first.name} too"
            )
            if _is_new(other, last):
                core.unsure.add(other.key)
                core.faults.append(other.fault(_PATH, what, _REMEDY))
            else:
                line = other.line_of(_PATH)
                core.notices.append(Fault(other.file, line, what, _REMEDY, FaultScope.NOTICE, other.kind, other.name))


def _way(cluster: fleet.Cluster) -> tuple[str, ...]:
    proxy = comparable(cluster.proxy.url) if cluster.proxy else ""
    return (comparable(cluster.server.rstrip("/")), cluster.pool, proxy)


def _is_new(source: Source, last: Documents) -> bool:
    """Tell whether a cluster was not in force at this server, on this way."""
    known = last.sources.get(source.key)
    if known is None:
        return True
    was, now = (validated(each)[0] for each in (known, source))
    if not isinstance(was, ClusterDocument) or not isinstance(now, ClusterDocument):
        return False
    return _way(build.cluster(known, was)) != _way(build.cluster(source, now))
