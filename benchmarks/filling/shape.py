"""How large a fleet is, what its parts are called, and what strangers write into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

FLEET = "acme"
_ENVIRONMENTS, _REGIONS, _WAVES = ("prod", "prod", "staging", "dev"), ("eu", "us", "ap"), ("canary", "early", "late")
_DOMAINS = ("payments", "shop", "search", "identity", "ledger", "mail", "media", "risk", "data", "platform")
_PARTS = ("api", "web", "worker", "gateway", "cache", "cron", "exporter", "admin", "events", "store")
_ODD = ("0", "null", "true", "constructor", "xn--nxasmq6b", "a" * 63, "1e3", "on")
"""What may be a name, and what careless code takes for something else."""
HOSTILE = (
    '"><script>alert(1)</script>',
    '=HYPERLINK("https://evil.example.com";"Click")',
    "javascript:alert(2) <img src=x onerror=alert(3)>",
    "\u202etxt.exe\u202c and \u200bnothing",
    "'; DROP TABLE runs; --",
    "\u0007bell, \x1b[31mred\x1b[0m, 100 %, %0d%0aSet-Cookie: a=b",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "\N{SHIP} A" + "\u0335\u034f\u0362" * 20 + " \u0635\u0641\u062d\u0629",
    "no end " * 120,
)
"""What people and clusters write where any words are taken."""


class Place(NamedTuple):
    """One placement."""

    id: int
    cluster: str
    application: str
    project: str
    source: int


@dataclass(frozen=True)
class Shape:
    """How much there is.

    Attributes:
        clusters: of the fleet.
        applications: of the fleet, each on every cluster.
        runs: that have ended, spread over ``months``.
        now: until when there is history.
        months: how far it goes back, of 30 days each.
        objects: that each placement owns.
        seed: of what is chosen by chance: the same makes the same fleet.
    """

    clusters: int
    applications: int
    runs: int
    now: datetime
    months: int = 6
    objects: int = 4
    seed: int = 1

    @property
    def begin(self) -> datetime:
        """When its history begins."""
        return self.now - timedelta(days=30 * self.months)

    @property
    def projects(self) -> tuple[str, ...]:
        """Whose applications there are; each has a repository, whose number is its place here, from 1."""
        return tuple(f"team-{name}" for name in _DOMAINS[: max(1, min(len(_DOMAINS), self.applications))])

    @cached_property
    def cluster_names(self) -> tuple[str, ...]:
        """Names of the clusters."""
        odd = _ODD if self.clusters > 2 * len(_ODD) else _ODD[:1]
        named = (f"{_REGIONS[n % 3]}-{_ENVIRONMENTS[n % 4]}-{n:04}" for n in range(self.clusters - len(odd)))
        return (*named, *odd)[: self.clusters]

    @cached_property
    def application_names(self) -> tuple[str, ...]:
        """Names of the applications."""
        odd = _ODD if self.applications > 2 * len(_ODD) else ()
        count = self.applications - len(odd)
        parts = len(_PARTS) * len(_DOMAINS)
        named = (f"{_DOMAINS[n % 10]}-{_PARTS[n // 10 % 10]}{f'-{n // parts}' * (n >= parts)}" for n in range(count))
        return (*named, *odd)

    def labels(self, number: int) -> dict[str, str]:
        """Return the labels of a cluster by its place among the names."""
        found = {"env": _ENVIRONMENTS[number % 4], "region": _REGIONS[number % 3], "wave": _WAVES[number % 7 % 3]}
        return found if number % 50 else {"env": found["env"]}

    def project(self, application: int) -> str:
        """Return the project of an application by its place among the names."""
        return self.projects[application % len(self.projects)]

    def places(self) -> Iterator[Place]:
        """Yield every placement, its cluster's together."""
        number = 0
        for cluster in self.cluster_names:
            for at, application in enumerate(self.application_names):
                number += 1
                yield Place(number, cluster, application, self.project(at), at % len(self.projects) + 1)

    @property
    def placements(self) -> int:
        """How many placements there are."""
        return self.clusters * self.applications

    def commit(self, source: int, number: int) -> str:
        """Return a commit's id by its source and its place in that source's history, from 0."""
        return hashlib.sha1(f"{self.seed}/{source}/{number}".encode(), usedforsecurity=False).hexdigest()

    @property
    def commits(self) -> int:
        """How many commits each source has."""
        return 40 * self.months

    def chance(self, about: str) -> Random:
        """Return what chooses by chance for one part, whatever other parts choose."""
        return Random(f"{self.seed}/{about}")  # noqa: S311 - nothing secret


def digest(text: str) -> str:
    """Return 64 hexadecimal digits that a text always has."""
    return hashlib.sha256(text.encode()).hexdigest()


def uuid_of(millis: int, number: int, tail: int) -> str:
    """Return a UUID of version 7.

    Args:
        millis: since 1970.
        number: orders those of one millisecond.
        tail: by chance.
    """
    return f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7{number & 0xFFF:03x}-8000-{tail & 0xFFFFFFFFFFFF:012x}"
