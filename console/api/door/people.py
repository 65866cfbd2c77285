"""From a user to a viewer: how they are named, and what they may do now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.domain.fleet import Fleet
from common.domain.membership import HeldRole, Ungrouped, grants_of, roles_of
from common.domain.rights import EVERYWHERE, Grants, Verb
from common.snapshots import NoFleetError, Snapshots
from common.store.engine.session import Database
from common.store.state import fleet as fleets
from common.store.state import users
from common.store.state.sessions import digest_of
from common.store.state.users import LOCAL, User

REGROUPED = timedelta(minutes=10)
"""After which a provider is asked again for the groups of somebody who has a session."""
LAPSED = timedelta(minutes=15)
"""After which what it told before gives a session no rights any more, whether or not it answers."""
GROUPS_HOLD = timedelta(days=30)
"""How long what a provider told of somebody's groups counts for their tokens: then they sign in again."""
_LONGEST_ACTOR = 200
_PROVIDER = 12
"""Digits of the digest of an issuer by which users of several providers are told apart."""
UNGROUPED: Mapping[str, str] = {
    Ungrouped.MISSING: "the identity provider says nothing of your groups: it has to be told to, or the claim is "
    "another than FLOTILLA_OIDC_GROUPS_CLAIM names",
    Ungrouped.OVERAGE: "you are in more groups than the identity provider tells at once (Entra: 200): it has to be "
    "told to send those that are assigned to this application alone",
    Ungrouped.MALFORMED: "the identity provider tells your groups in a form that cannot be read: a list of texts is "
    "wanted, a thousand at most",
}
"""Why the groups of somebody are not known, as they are told."""


def why_none(user: User) -> str:
    """Return why a user has no rights, as it is told to them: half a sentence about ``you``."""
    return UNGROUPED.get(user.ungrouped, "no role of the registry names one of your groups")


def told_for(user: User, *, now: datetime) -> timedelta:
    """Return how old what is known of a user's groups is; of a user of this hub's own that is always of now."""
    return timedelta() if user.issuer == LOCAL else now - (user.told_at or user.created_at)


def actor_of(user: User) -> str:
    """Return how runs and audit name a user: unlike every other user, whatever the provider calls them."""
    if user.issuer == LOCAL:
        return user.subject
    provider = digest_of(user.issuer)[:_PROVIDER]
    named = f"oidc:{provider}:{user.subject}"
    return named if len(named) <= _LONGEST_ACTOR else f"oidc:{provider}:{digest_of(user.subject)}"


@dataclass(frozen=True, slots=True)
class Rights:
    """What users may do, by the registry in force.

    Args:
        database: says which registry that is.
        snapshots: keeps it parsed.
        issuer: of the identity provider in use; users of another one have no rights. Empty for none.
    """

    database: Database
    snapshots: Snapshots
    issuer: str

    def fleet(self) -> Fleet | None:
        """Return the fleet in force; None where there is none that this version can read."""
        try:
            found = self.snapshots.find(self.database)
        except NoFleetError:
            return None
        return None if found is None else found[1]

    def snapshot(self) -> int | None:
        """Return the number of the registry in force; None where there is none."""
        with self.database.read() as connection:
            state = fleets.state(connection)
        return None if state is None else state.snapshot_id

    def knows(self, user: User) -> bool:
        """Return whether a user can sign in at all, as the hub is set now."""
        return user.disabled_at is None and user.issuer in {LOCAL, self.issuer}

    def user(self, number: int) -> User | None:
        """Return a user; None where there is none of that number."""
        with self.database.read() as connection:
            return users.find(connection, number)

    def roles(self, user: User) -> tuple[HeldRole, ...]:
        """Return the roles that a user has now."""
        return tuple(roles_of(user.groups, user.role, self.fleet())) if self.knows(user) else ()

    def grants(self, user: User, fleet: Fleet | None) -> Grants:
        """Return what a user may do now."""
        return grants_of(user.groups, user.role, fleet) if self.knows(user) else Grants()

    def grants_of_maker(self, user: User, fleet: Fleet | None, *, now: datetime) -> Grants:
        """Return what a user's tokens may do at most now: what a provider told long ago counts for nothing."""
        return Grants() if told_for(user, now=now) >= GROUPS_HOLD else self.grants(user, fleet)

    def told_long_ago(self, user: User) -> bool:
        """Return whether what a provider told of a user's groups counts for their tokens no more."""
        with self.database.read() as connection:
            return told_for(user, now=self.database.now(connection)) >= GROUPS_HOLD

    def administers(self, user: User) -> bool:
        """Return whether a user may administer now."""
        return self.grants(user, self.fleet()).may(Verb.ADMIN, EVERYWHERE)
