"""Tenancy: what the applications of a project may use. Deny by default: an absent list allows nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from common.domain.addresses import comparable
from common.domain.fleet.links import Link
from common.domain.fleet.selectors import EVERYTHING, NOTHING, Selector
from common.domain.fleet.values import NOWHERE, Where
from common.domain.rights import BuiltInRole, Verb

RBAC = "rbac.authorization.k8s.io"
NAMESPACE = ("", "Namespace")
_STARS = frozenset({"*", "**"})


def glob_matches(pattern: str, text: str) -> bool:
    """Tell whether ``pattern`` matches all of ``text``: ``*`` stays within one segment, ``**`` crosses slashes.

    Takes time in proportion to pattern and text at most: both are written by strangers.
    """
    head, star, tail = _at_first_star(pattern)
    if not star:
        return pattern == text
    if "*" not in tail:
        middle = text[len(head) : len(text) - len(tail)]
        fits = len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)
        return fits and (star == "**" or "/" not in middle)
    return text.startswith(head) and _simulated(_parts(pattern), text)


def _at_first_star(pattern: str) -> tuple[str, str, str]:
    head, star, tail = pattern.partition("*")
    return (head, "**", tail[1:]) if tail.startswith("*") else (head, star, tail)


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\*\*|.", pattern, re.DOTALL))


def _simulated(parts: tuple[str, ...], text: str) -> bool:
    """Follow every way to match at once; a state is the number of parts behind us."""
    states = _with_empty_stars({0}, parts)
    for character in text:
        following = (_after(state, parts[state], character) for state in states if state < len(parts))
        states = _with_empty_stars({state for state in following if state is not None}, parts)
    return len(parts) in states


def _after(state: int, part: str, character: str) -> int | None:
    if part == "**" or (part == "*" and character != "/"):
        return state
    return state + 1 if part == character and part not in _STARS else None


def _with_empty_stars(states: set[int], parts: tuple[str, ...]) -> set[int]:
    found = set(states)
    for state in states:
        following = state
        while following < len(parts) and parts[following] in _STARS:
            following += 1
            found.add(following)
    return found


@dataclass(frozen=True, slots=True)
class Role:
    """What the members of some groups may do to the project's applications."""

    name: str
    groups: tuple[str, ...]
    can: tuple[Verb, ...]


@dataclass(frozen=True, slots=True)
class CiRule:
    """What some pipelines of a CI may do to the project's applications.

    Attributes:
        issuer: of their tokens, as it writes itself.
        claims: that a token must have, each with the values of which it has one.
    """

    issuer: str
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    can: tuple[Verb, ...]


@dataclass(frozen=True, slots=True)
class FleetRole:
    """Which groups have a role of the whole fleet."""

    name: BuiltInRole
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go; the URL is a secret and given by reference."""

    name: str
    url_ref: str


@dataclass(frozen=True, slots=True)
class Project:
    """What an application in it may use.

    Attributes:
        paths: globs of registry files whose documents may name this project.
        repos: globs of source URLs.
        namespaces: globs of namespaces.
        create_namespaces: whether ``createNamespace`` may be set, and Namespace objects be written.
        denied_kinds: globs of ``group/Kind``; ``/Namespace`` is the core group's.
        allowed_kinds: the same, of kinds that give rights; without a service account, no other of these.
        cluster_kinds: the same, of cluster-scoped kinds; no other of these but Namespace.
        credentials: globs of credential references.
        not_by_self: whether nobody may approve what their own request led to.
        links: templates of links to its logs and dashboards.
        badges: whether anybody gets the badges of its applications.
    """

    name: str
    paths: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    clusters: Selector = NOTHING
    namespaces: tuple[str, ...] = ()
    create_namespaces: bool = False
    denied_kinds: tuple[str, ...] = ()
    allowed_kinds: tuple[str, ...] = ()
    cluster_kinds: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    service_account: str = ""
    roles: tuple[Role, ...] = ()
    ci: tuple[CiRule, ...] = ()
    channels: tuple[Channel, ...] = ()
    not_by_self: bool = False
    links: tuple[Link, ...] = ()
    badges: bool = False
    where: Where = NOWHERE

    def allows_file(self, file: str) -> bool:
        """Tell whether documents in ``file`` may name this project."""
        return any(glob_matches(pattern, file) for pattern in self.paths)

    def allows_repo(self, url: str) -> bool:
        """Tell whether sources may come from ``url``, which is an address that is not refused, in any spelling."""
        plain = comparable(url)
        return any(glob_matches(comparable(pattern), plain) for pattern in self.repos)

    def allows_cluster(self, labels: Mapping[str, str]) -> bool:
        """Tell whether placements may be on a cluster with ``labels``."""
        return self.clusters.matches(labels)

    def allows_namespace(self, namespace: str) -> bool:
        """Tell whether objects may be in ``namespace``."""
        return any(glob_matches(pattern, namespace) for pattern in self.namespaces)

    def allows_kind(self, group: str, kind: str) -> bool:
        """Tell whether objects of a kind may be applied; the core group is the empty string."""
        return not _named(self.denied_kinds, group, kind)

    def allows_rights(self, group: str, kind: str) -> bool:
        """Tell whether a kind may be applied as far as it gives rights: the hub's own account may give any."""
        return group != RBAC or bool(self.service_account) or _named(self.allowed_kinds, group, kind)

    def allows_cluster_kind(self, group: str, kind: str) -> bool:
        """Tell whether objects of a kind may be applied that are in no namespace."""
        if (group, kind) == NAMESPACE:
            return self.create_namespaces
        return _named(self.cluster_kinds, group, kind)

    def allows_credentials(self, reference: str) -> bool:
        """Tell whether sources may use the credentials behind ``reference``."""
        return any(glob_matches(pattern, reference) for pattern in self.credentials)


def _named(patterns: tuple[str, ...], group: str, kind: str) -> bool:
    return any(glob_matches(pattern, f"{group}/{kind}") for pattern in patterns)


def only_owner(file: str, projects: Mapping[str, Project]) -> str:
    """Return the one project in whose folders a registry file is; empty where it is in none's, or in several's."""
    owners = [name for name, project in projects.items() if project.allows_file(file)]
    return owners[0] if len(owners) == 1 else ""


DEFAULT_PROJECT = Project(
    name="default",
    paths=("**",),
    repos=("**",),
    clusters=EVERYTHING,
    namespaces=("**",),
    create_namespaces=True,
    allowed_kinds=("**",),
    cluster_kinds=("**",),
    credentials=("**",),
)
"""The one project of a registry that declares none: it may use everything."""
