"""Who asks: set by the door once for each request, and read by every route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request

from common.domain.rights import Grants, Scope, Verb
from common.store.events.audit import Asked, Deed, Way
from console.api.contract.errors import UnauthenticatedError

STATE = "viewer"
"""Key of a request's state."""


class Means(StrEnum):
    """By what somebody has shown who they are."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    HUB_TOKEN = "hub-token"  # noqa: S105 - the word, not a secret
    """The one token of the hub, for whoever has its disk: the way in while nobody else can sign in."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody, for the length of one request.

    Attributes:
        actor: as runs and audit name them, at most 200 characters.
        grants: what they may do now.
        means: by what they have shown who they are.
        credential: id of that session or token, never the secret itself; empty for the hub's token.
        address: of the network that the request came from, as far as known.
        user_id: whose rights they are; None for the hub's own token, and for tokens made with it.
        whole: whether what was shown stands for the whole person; a token that was made for less does not, and neither
            sees nor ends their sessions and other tokens.
    """

    actor: str
    grants: Grants
    means: Means
    credential: str = ""
    address: str = ""
    user_id: int | None = None
    whole: bool = True

    def scope(self, verb: Verb = Verb.READ) -> Scope:
        """Return where they hold a verb."""
        return self.grants.scope(verb)

    def deed(
        self, action: str, subject: str, detail: Mapping[str, Any] | None = None, *, verb: Verb | None = None
    ) -> Deed:
        """Return what they did, for the audit, of what concerns no project.

        Args:
            action: as `token.make`.
            subject: to whom or to what.
            detail: more about it; no secrets.
            verb: the right that it took; None where everybody may.
        """
        way = Way(Asked.ASKED, verb.value if verb else "", self.credential, self.address)
        return Deed(self.actor, action, subject, "", detail, way)

    def may(self, verb: Verb, project: str) -> bool:
        """Return whether they hold a verb in a project."""
        return self.grants.may(verb, project)


def unauthenticated() -> UnauthenticatedError:
    """Return the error of a request that does not show who asks."""
    remedy = "sign in; on the hub's own machine `flotilla token` shows a token while nobody else can administer"
    return UnauthenticatedError("token or session missing, wrong, ended or switched off", remedy=remedy)


def viewer(request: Request) -> Viewer:
    """Return who asks; a FastAPI dependency.

    Raises:
        UnauthenticatedError: the door let nobody pass.
    """
    found: Any = getattr(request.state, STATE, None)
    if not isinstance(found, Viewer):
        raise unauthenticated()
    return found


Asking = Annotated[Viewer, Depends(viewer)]
