"""The right that each route needs: declared with the route, so that the table of routes is the table of rights.

A route declares one verb. Where it is needed depends on what is asked about: a list is cut to where the caller holds
it, one thing is looked up there (``Reading``), and what changes something asks ``allowed`` about the project of it.
Routes about the whole fleet need their verb everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from common.domain.rights import EVERYWHERE, Scope, Verb
from console.api.contract.errors import ForbiddenError
from console.api.door.viewer import Asking, Viewer

OPEN = frozenset(
    {
        "/badge/{application}.svg",
        "/healthz",
        "/readyz",
        "/login",
        "/login/oidc",
        "/login/oidc/callback",
        "/api/v1/token/exchange",
        "/hooks/{name}",
        "/device/authorization",
        "/device/token",
    }
)
"""Routes that anybody may ask, by path."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route needs.

    Attributes:
        verb: None asks only that somebody is signed in.
        everywhere: whether it is needed in all projects.
    """

    verb: Verb | None
    everywhere: bool = False

    def __call__(self, who: Asking) -> None:
        """Refuse who lacks a right that does not depend on what is asked about.

        Raises:
            ForbiddenError: they do.
        """
        if self.everywhere and self.verb is not None:
            allowed(who, self.verb, EVERYWHERE)


def needs(verb: Verb) -> Any:
    """Return the declaration of a route that needs a verb in the project of what is asked about."""
    return Depends(Needs(verb))


def needs_everywhere(verb: Verb) -> Any:
    """Return the declaration of a route that needs a verb in the whole fleet."""
    return Depends(Needs(verb, everywhere=True))


def signed_in() -> Any:
    """Return the declaration of a route for whoever is signed in, whatever they may do."""
    return Depends(Needs(None))


def needed(route: APIRoute) -> Needs | None:
    """Return what a route declares; None where it is open.

    Raises:
        LookupError: it declares nothing, or several things, and is not open.
    """
    found = [one.dependency for one in route.dependencies if isinstance(one.dependency, Needs)]
    if len(found) != (0 if route.path in OPEN else 1):
        message = f"{route.path} declares {len(found)} rights"
        raise LookupError(message)
    return found[0] if found else None


def check(routes: Iterable[BaseRoute]) -> None:
    """Return if each route declares the right that it needs.

    Raises:
        LookupError: one does not.
    """
    for route in routes:
        if isinstance(route, APIRoute):
            needed(route)


def allowed(who: Viewer, verb: Verb, project: str) -> None:
    """Return if somebody may do something in a project whose things they may read.

    Args:
        who: asks.
        verb: that it takes.
        project: the empty name is what belongs to none, ``EVERYWHERE`` the whole fleet.

    Raises:
        ForbiddenError: they may not; the words name the right.
    """
    if who.may(verb, project or EVERYWHERE):
        return
    where = f"project {project}" if project not in {"", EVERYWHERE} else "the whole fleet"
    message = f"this needs the right {verb.value} in {where}"
    remedy = "whoever writes the registry gives it to people; a token may be for less: `flotilla tokens list` says so"
    raise ForbiddenError(message, remedy=remedy)


def _reading(who: Asking) -> Scope:
    return who.scope(Verb.READ)


Reading = Annotated[Scope, Depends(_reading)]
"""Where the caller may read: what a route cuts its answer to."""
