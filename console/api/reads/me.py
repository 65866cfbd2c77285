"""``GET /api/v1/me``: who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from fastapi import Request

from common.domain.rights import Verb
from common.store.state.users import User
from console.api.contract.routing import api_router
from console.api.door.gate import Gate
from console.api.door.needs import signed_in
from console.api.door.people import Rights
from console.api.door.viewer import Asking, Means

router = api_router("access")


@dataclass(frozen=True, slots=True)
class Held:
    """A verb, and where it is held.

    Attributes:
        everywhere: whether in the whole fleet, with what belongs to no project.
        projects: by name; empty where it is held everywhere.
    """

    verb: Verb
    everywhere: bool
    projects: tuple[str, ...]


class Lacking(StrEnum):
    """Why somebody may do nothing."""

    NO_ROLE = "role.none"
    """Neither an admin of the hub nor the registry gives a role to them, or to a group of theirs."""
    NO_GROUPS = "groups.unknown"
    """The identity provider did not tell their groups; ``ungrouped`` says why."""
    GROUPS_OLD = "groups.old"
    """They have not signed in for so long that what the provider told of their groups counts no more."""
    TOKEN_FOR_LESS = "token.less"  # noqa: S105 - a code, not a secret
    """What the token was made for is none of the rights that its maker has."""


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role that somebody has, and where it comes from.

    Attributes:
        project: that it is of; ``*`` for one of the whole fleet.
        groups: of theirs to which the registry gives it; empty where an admin of the hub gave it to them.
    """

    name: str
    project: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks.

    Attributes:
        actor: as runs and the audit name them.
        means: by what they have shown who they are.
        rights: verbs that they hold somewhere.
        roles: that give them; those of a person, which a token that was made for less does not tell.
        groups: that they are in, as the hub knows.
        ungrouped: why the provider's groups are not known, as a code; empty where they are.
        lacking: why there are no rights, as a code; empty where there are some.
    """

    actor: str
    means: Means
    rights: tuple[Held, ...]
    roles: tuple[RoleView, ...]
    groups: tuple[str, ...]
    ungrouped: str
    lacking: Lacking | None


@router.get("/me", dependencies=[signed_in()])
def get_me(request: Request, who: Asking) -> Me:
    """Return who asks, by what they have shown it, what they may do where, and which roles give that."""
    gate: Gate = request.app.state.gate
    scopes = ((verb, who.scope(verb).projects) for verb in Verb)
    held = (Held(verb, projects is None, tuple(sorted(projects or ()))) for verb, projects in scopes)
    mine = tuple(one for one in held if one.everywhere or one.projects)
    user = None if who.user_id is None else gate.rights.user(who.user_id)
    if user is None or not who.whole:
        return Me(who.actor, who.means, mine, (), (), "", None if mine else _of_less(user))
    roles = tuple(RoleView(one.name, one.project, one.groups) for one in gate.rights.roles(user))
    lacking = None if mine else _lacking(gate.rights, user, roles)
    return Me(who.actor, who.means, mine, roles, user.groups, user.ungrouped, lacking)


def _of_less(maker: User | None) -> Lacking:
    return Lacking.NO_ROLE if maker is None else Lacking.TOKEN_FOR_LESS


def _lacking(rights: Rights, user: User, roles: Collection[RoleView]) -> Lacking:
    if roles:
        return Lacking.GROUPS_OLD if rights.told_long_ago(user) else Lacking.TOKEN_FOR_LESS
    return Lacking.NO_GROUPS if user.ungrouped else Lacking.NO_ROLE
