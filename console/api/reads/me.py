"""``GET /api/v1/me``: who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from common.domain.rights import Verb
from console.api.contract.routing import api_router
from console.api.door.needs import signed_in
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


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks.

    Attributes:
        actor: as runs and the audit name them.
        means: by what they have shown who they are.
        rights: verbs that they hold somewhere.
    """

    actor: str
    means: Means
    rights: tuple[Held, ...]


@router.get("/me", dependencies=[signed_in()])
def get_me(who: Asking) -> Me:
    """Return who asks, by what they have shown it, and what they may do where."""
    scopes = ((verb, who.scope(verb).projects) for verb in Verb)
    held = (Held(verb, projects is None, tuple(sorted(projects or ()))) for verb, projects in scopes)
    return Me(who.actor, who.means, tuple(one for one in held if one.everywhere or one.projects))
