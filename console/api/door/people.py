"""From a user to a viewer: how they are named, and what they may do now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.domain.fleet import Fleet
from common.domain.membership import HeldRole, grants_of, roles_of
from common.domain.rights import EVERYWHERE, Grants, Verb
from common.snapshots import NoFleetError, Snapshots
from common.store.engine.session import Database
from common.store.state import fleet as fleets
from common.store.state import users
from common.store.state.sessions import digest_of
from common.store.state.users import LOCAL, User

GROUPS_HOLD = timedelta(days=30)
"""How long what a provider told of somebody's groups counts for their tokens: then they sign in again."""
_LONGEST_ACTOR = 200


def actor_of(user: User) -> str:
    """Return how runs and audit name a user: unlike every other user, whatever the provider calls them."""
    if user.issuer == LOCAL:
        return user.subject
    named = f"oidc:{user.subject}"
    return named if len(named) <= _LONGEST_ACTOR else f"oidc:{digest_of(user.subject)}"


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
        return Grants() if _is_old(user, now) else self.grants(user, fleet)

    def told_long_ago(self, user: User) -> bool:
        """Return whether what a provider told of a user's groups counts for their tokens no more."""
        with self.database.read() as connection:
            return _is_old(user, self.database.now(connection))

    def administers(self, user: User) -> bool:
        """Return whether a user may administer now."""
        return self.grants(user, self.fleet()).may(Verb.ADMIN, EVERYWHERE)


def _is_old(user: User, now: datetime) -> bool:
    return user.issuer != LOCAL and (user.signed_in_at or user.created_at) + GROUPS_HOLD <= now
