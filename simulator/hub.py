"""All simulated clusters of one process, with their tokens, faults and request counters."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from simulator import api
from simulator.faults import Fault
from simulator.store import Cluster, ClusterOptions, utc_now


@dataclass(slots=True)
class Hosted:
    """One cluster as the server hosts it.

    Attributes:
        token: bearer token with every right.
        faults: what goes wrong now; the first that strikes wins.
        requests: how often each verb was asked for since the last reset.
    """

    cluster: Cluster
    token: str
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)

    def strike(self, method: str, *, draw: float, now: datetime) -> Fault | None:
        """Return the fault that strikes this request, if any, and spend it."""
        self.faults = [fault for fault in self.faults if not fault.over(now)]
        for index, fault in enumerate(self.faults):
            if fault.strikes(method, draw=draw, now=now):
                self.faults[index] = fault.spent()
                if not fault.skip:
                    return fault
        return None


class Hub:
    """The clusters by name.

    Args:
        authority: PEM of the certificate authority that clients trust; goes into token Secrets.
    """

    def __init__(self, authority: bytes = b"", clock: Callable[[], datetime] = utc_now) -> None:
        self.authority = authority
        self.clock = clock
        self.hosted: dict[str, Hosted] = {}

    def add(self, name: str, options: ClusterOptions, token: str = "") -> Hosted:
        """Add a cluster and return it; one that exists is returned as it is."""
        if name in self.hosted:
            return self.hosted[name]
        cluster = Cluster(name, options, self.clock, authority=self.authority)
        api.furnish(cluster)
        hosted = Hosted(cluster, token or secrets.token_urlsafe(24))
        cluster.tokens[hosted.token] = None
        self.hosted[name] = hosted
        return hosted

    def remove(self, name: str) -> None:
        """Forget a cluster and all in it."""
        self.hosted.pop(name, None)
