"""From who somebody is to what they may do: roles of the fleet and of projects, by groups, and a local user's role."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from common.domain.fleet import Fleet
from common.domain.rights import BUILT_IN, EVERYWHERE, NOTHING, BuiltInRole, Grants, granted


class Ungrouped(StrEnum):
    """Why the groups of somebody whom an identity provider vouches for are not known: they have none then."""

    MISSING = "groups.missing"
    OVERAGE = "groups.overage"
    MALFORMED = "groups.malformed"


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that somebody has, and why.

    Attributes:
        name: of the role.
        project: that it is of; ``EVERYWHERE`` for one of the whole fleet.
        groups: of theirs to which the registry gives it; none where an admin of the hub gave it to them.
        grants: what it gives.
    """

    name: str
    project: str
    groups: tuple[str, ...]
    grants: Grants


def roles_of(groups: Collection[str], role: BuiltInRole | None, fleet: Fleet | None) -> Iterator[HeldRole]:
    """Yield the roles that somebody has now: their own, those of the fleet, those of projects.

    Args:
        groups: that they are in, compared letter by letter.
        role: of the whole fleet that they have themselves, as a local user may; None for none.
        fleet: in force; None before a first registry commit was accepted, when no group has a role.
    """
    if role is not None:
        yield HeldRole(role.value, EVERYWHERE, (), BUILT_IN[role])
    if fleet is None:
        return
    members = frozenset(groups)
    for of_fleet in fleet.roles:
        if because := members.intersection(of_fleet.groups):
            yield HeldRole(of_fleet.name.value, EVERYWHERE, tuple(sorted(because)), BUILT_IN[of_fleet.name])
    for project in fleet.projects.values():
        for one in project.roles:
            if because := members.intersection(one.groups):
                yield HeldRole(one.name, project.name, tuple(sorted(because)), granted(one.can, project.name))


def grants_of(groups: Collection[str], role: BuiltInRole | None, fleet: Fleet | None) -> Grants:
    """Return what somebody may do now: what all of their roles give, see ``roles_of``."""
    return NOTHING.and_also(one.grants for one in roles_of(groups, role, fleet))
