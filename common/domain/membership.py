"""From who somebody is to what they may do: roles of the fleet and of projects, by groups, and a local user's role."""

from __future__ import annotations

from collections.abc import Collection

from common.domain.fleet import Fleet
from common.domain.rights import BUILT_IN, NOTHING, BuiltInRole, Grants, granted


def grants_of(groups: Collection[str], role: BuiltInRole | None, fleet: Fleet | None) -> Grants:
    """Return what somebody may do now.

    Args:
        groups: that they are in, compared letter by letter.
        role: of the whole fleet that they have themselves, as a local user may; None for none.
        fleet: in force; None before a first registry commit was accepted, when no group has a role.
    """
    mine = NOTHING if role is None else BUILT_IN[role]
    if fleet is None:
        return mine
    members = frozenset(groups)
    of_fleet = (BUILT_IN[one.name] for one in fleet.roles if members.intersection(one.groups))
    of_projects = (
        granted(one.can, project.name)
        for project in fleet.projects.values()
        for one in project.roles
        if members.intersection(one.groups)
    )
    return mine.and_also((*of_fleet, *of_projects))
