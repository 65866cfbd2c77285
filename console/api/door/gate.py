"""Who asks: the bearer of a token, or a browser that has signed in. Writes must come from our own pages."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import HTTPConnection

from common.domain.rights import BUILT_IN, EVERYWHERE, BuiltInRole, Verb
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseBusyError
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Asked, Deed, Way
from common.store.state import sessions, tokens, users
from common.store.state.sessions import digest_of
from common.store.state.users import User
from console.api.door import token_format
from console.api.door.changed import Changed
from console.api.door.people import LAPSED, REGROUPED, Rights, actor_of, told_for
from console.api.door.recent import Recent
from console.api.door.viewer import Means, Viewer
from console.token import ACTOR, LOCAL, same

COOKIE = "flotilla_session"
"""Over plain HTTP, which is loopback's alone."""
HOST_COOKIE = "__Host-flotilla_session"
"""Over TLS: no other host and no plain page can set it (RFC 6265bis, section 4.1.3.2)."""
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ADMIN = BUILT_IN[BuiltInRole.ADMIN]
CLOCK_HELD = 60.0
"""Seconds for which the hub's clock is known by this process's."""
HELD = 2.0
"""Seconds for which it is known who shows something. What another process ends counts here for that long at most; what
this one ends does not."""
_HOUR = 3600.0
_MOST_SOURCES = 1_000
_MOST_PROVED = 10_000
HUBS = "hub"
"""Among those that changed: who shows what is no user's, as what the hub's own token opened, which users switch off."""


class Refused(Enum):
    """What a request's credentials are worth that let it not pass."""

    NOTHING_SHOWN = auto()
    """It has no token, or a session that has ended: nobody guesses."""
    WRONG = auto()
    """It has a token that never counted: somebody may guess."""
    ENDED = auto()
    """It has a token that counted once, or the hub's own while that is off: nobody guesses."""
    THROTTLED = auto()
    """It has a token that was not looked at."""


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody with a session whose groups the identity provider is to be asked for again.

    Attributes:
        session: its number.
        viewer: who they are by what was told before; None where that counts no more.
    """

    session: int
    user: User
    viewer: Viewer | None


Again = Callable[[int, User], "asyncio.Future[bool]"]
"""Begins to ask the identity provider about the user of a session; what it says is kept, or the session ends.

Its result is whether there may be something new now.
"""


class Gate:
    """Decides about requests.

    Args:
        token: the hub's own token.
        database: holds users, sessions and tokens.
        snapshots: keeps the registry parsed, which says what groups may do.
        issuer: of the identity provider in use; empty for none.
    """

    def __init__(self, token: str, database: Database, snapshots: Snapshots, *, issuer: str = "") -> None:
        self._token = token
        self._database = database
        self.rights = Rights(database, snapshots, issuer)
        self._viewers = Recent[Viewer | Due | Refused](HELD)
        self._proved: dict[str, None] = {}
        self._facts = Recent[object](HELD, most=10)
        self._moment = Recent[tuple[float, float]](CLOCK_HELD, most=1)
        self._noted = Recent[None](_HOUR, most=_MOST_SOURCES)
        self._changed = Changed()
        self._snapshot: object = None
        self.again: Again | None = None

    def is_token(self, given: str) -> bool:
        """Return whether ``given`` is the hub's own token."""
        return same(given, self._token)

    async def token_counts(self) -> bool:
        """Return whether the hub's own token counts on the network."""
        return not await self._facts.get("off", self.is_off)

    def is_off(self) -> bool:
        """Return whether the hub's own token counts for nothing on the network: somebody else can administer."""
        fleet = self.rights.fleet()
        with self._database.read() as connection:
            return users.has_local_admin(connection) or any(
                self.rights.grants(one, fleet).may(Verb.ADMIN, EVERYWHERE) for one in users.former_admins(connection)
            )

    def open_session(self, user: User | None, address: str, *, password: str = "", refresh: str = "") -> str | None:
        """Remember a browser that has signed in, and return what it shows from now on; None where it may not any more.

        Args:
            user: who it is; None for whoever has shown the hub's own token.
            address: of the network that it comes from.
            password: the hash of the user's that was compared with; empty where a provider vouched for them.
            refresh: with which the identity provider is asked about them again, sealed.
        """
        name = secrets.token_urlsafe(32)
        session_id = f"{name}.{self._mark(name)}"
        administers = user is not None and self.rights.administers(user)
        ended = [HUBS] if administers else []
        with self.changes(ended) as connection:
            now = self._database.now(connection)
            whose = None if user is None else user.id
            token = self._token if user is None else ""
            # Before a session refers to them: an admin may have changed or removed them since they showed who they are.
            if user is not None and not users.note_sign_in(
                connection, user.id, password=password, administers=administers, now=now
            ):
                return None
            made = sessions.open_session(connection, session_id, user_id=whose, token=token, address=address, now=now)
            ended += [f"session:{oldest}" for oldest in sessions.end_oldest(connection, whose)]
            sessions.keep_refresh(connection, made, refresh)
            actor = ACTOR if user is None else actor_of(user)
            by = Means.HUB_TOKEN if user is None else Means.SESSION
            way = Way(Asked.ASKED, credential=f"session:{made}", address=address)
            audit.append(connection, Deed(actor, "sign-in", actor, "", {"means": by.value}, way), now=now)
        return session_id

    def close_session(self, session_id: str, deed: Deed | None = None) -> None:
        """Forget a browser; ``deed`` is noted where that was asked for, and it had a session."""
        ended: list[str] = []
        with self.changes(ended) as connection:
            closed = sessions.close_session(connection, session_id)
            ended += [] if closed is None else [f"session:{closed}"]
            if ended and deed is not None:
                audit.append(connection, deed, now=self._database.now(connection))

    @contextmanager
    def changes(self, of: Collection[str] | None = None) -> Iterator[Connection]:
        """Give a writing transaction in which users, sessions and tokens are changed: it counts here with its end.

        Args:
            of: who may do something else afterwards, as ``HUBS``, ``user:ID``, ``session:ID`` and ``token:ID``; read at
                the end, so that more may be added meanwhile. Nobody where a session or a token is made; None for all.
        """
        try:
            with self._database.write() as connection:
                yield connection
        finally:
            self._changed.note(of)
            self._viewers.forget(None if of is None else partial(_is_of, frozenset(of)))
            self._facts.forget()

    async def generation(self, who: Viewer) -> int:
        """Return a number that is another one once somebody may do something else than before.

        At once where this process changed users, sessions or tokens of theirs; soon where another registry is in force.
        """
        snapshot = await self._facts.get("snapshot", self.rights.snapshot)
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._changed.note(None)
            self._viewers.forget()
        return self._changed.generation(_names(who))

    async def authenticate(self, request: HTTPConnection, *, source: str, may_guess: bool) -> Viewer | Refused:
        """Return who asks, or why that is not known: the one place where a viewer is made.

        Args:
            request: whose headers are read, and no more.
            source: that it counts for.
            may_guess: whether a token is looked at that was not seen to count before; sessions are, since nobody can
                guess one.
        """
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = await self._bearer(credential.strip(), source, local=is_local(request), may_guess=may_guess)
            return shown if isinstance(shown, Refused) else replace(shown, address=source)
        session_id = session_of(request)
        # What this hub did not make is not looked up: a stranger's cookies cost the database nothing.
        name, _, mark = session_id.partition(".")
        if not same(mark, self._mark(name)):
            return Refused.NOTHING_SHOWN
        found = await self._with_session(session_id)
        return found if isinstance(found, Refused) else replace(found, address=source)

    async def _with_session(self, session_id: str) -> Viewer | Refused:
        """Return who asks; where the provider's word about them is old, by what it says now."""
        found = await self._viewers.get(digest_of(session_id), partial(self._session, session_id))
        if not isinstance(found, Due):
            return found
        asking = None if self.again is None else self.again(found.session, found.user)
        # While what it told before counts, nobody waits.
        if found.viewer is None and asking is not None and await asyncio.shield(asking):
            now = await to_thread.run_sync(self._session, session_id)
            return now if not isinstance(now, Due) else now.viewer or Refused.NOTHING_SHOWN
        return found.viewer or Refused.NOTHING_SHOWN

    async def _bearer(self, token: str, source: str, *, local: bool, may_guess: bool) -> Viewer | Refused:
        digest = digest_of(token)
        if not may_guess and digest not in self._proved:
            return Refused.THROTTLED
        if token_format.is_token(token):
            found = await self._viewers.get(digest, partial(self._with_token, token))
            return self._proving(digest, Refused.WRONG if isinstance(found, Due) else found)
        if not self.is_token(token):
            return Refused.WRONG
        if not local:
            if not await self.token_counts():
                return Refused.ENDED
            await self._noted.get(source, partial(self._note_use, source))
        return Viewer(ACTOR, _ADMIN, Means.HUB_TOKEN)

    def _note_use(self, source: str) -> None:
        """Note that the hub's own token is used on the network: the first time in an hour, for each source."""
        deed = Deed(ACTOR, "hub-token", ACTOR, "", way=Way(Asked.ASKED, address=source))
        with self._database.write() as connection:
            audit.append(connection, deed, now=self._database.now(connection))

    def _proving(self, digest: str, found: Viewer | Refused) -> Viewer | Refused:
        """Note that a token counts, so that nobody's guesses keep it out, or that it does not."""
        self._proved.pop(digest, None)
        if isinstance(found, Viewer):
            self._proved[digest] = None
            if len(self._proved) > _MOST_PROVED:
                self._proved.pop(next(iter(self._proved)), None)
        return found

    def _with_token(self, token: str) -> Viewer | Refused:
        with self._database.read() as connection:
            now = self._database.now(connection)
            found = tokens.find(connection, token, now=now)
            if found is None:
                return Refused.ENDED if tokens.is_known(connection, token) else Refused.WRONG
        if found.used_at is None or now - found.used_at >= tokens.MARKED:
            with suppress(DatabaseBusyError), self._database.write() as connection:
                tokens.mark(connection, found.id, now=now)
        credential = f"token:{found.id}"
        if found.maker is None:
            actor = found.actor or f"token:{found.name}#{found.id}"
            return Viewer(actor, found.grants, Means.TOKEN, credential, whole=False)
        if not self.rights.knows(found.maker):
            return Refused.ENDED
        most = self.rights.grants_of_maker(found.maker, self.rights.fleet(), now=now)
        actor, grants, whole = actor_of(found.maker), found.grants.within(most), found.grants.held >= _ADMIN.held
        return Viewer(actor, grants, Means.TOKEN, credential, user_id=found.maker.id, whole=whole)

    def _session(self, session_id: str) -> Viewer | Due | Refused:
        with self._database.read() as connection:
            now = self._database.now(connection)
            found = sessions.find(connection, session_id, token=self._token, now=now)
        if found is None:
            return Refused.NOTHING_SHOWN
        if now - found.seen_at >= sessions.MARKED:
            with suppress(DatabaseBusyError), self._database.write() as connection:
                sessions.mark(connection, found.id, now=now)
        credential = f"session:{found.id}"
        if found.user is None:
            return Refused.NOTHING_SHOWN if self.is_off() else Viewer(ACTOR, _ADMIN, Means.SESSION, credential)
        if not self.rights.knows(found.user):
            return Refused.NOTHING_SHOWN
        grants = self.rights.grants(found.user, self.rights.fleet())
        viewer = Viewer(actor_of(found.user), grants, Means.SESSION, credential, user_id=found.user.id)
        age = told_for(found.user, now=now)
        return viewer if age < REGROUPED else Due(found.id, found.user, viewer if age < LAPSED else None)

    async def moment(self) -> float:
        """Return the seconds since 1970 by the hub's clock, as it was read a while ago and has gone on since."""
        read, here = await self._moment.get("clock", self._read_clock)
        return read + time.monotonic() - here

    def _read_clock(self) -> tuple[float, float]:
        here = time.monotonic()
        with self._database.read() as connection:
            return self._database.now(connection).timestamp(), here

    def signed(self, purpose: str, text: str) -> str:
        """Return an HMAC by which this hub knows again what it gave away, for one purpose alone."""
        return hmac.new(self._token.encode(), f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    def _mark(self, name: str) -> str:
        return self.signed("session", name)


def _names(who: Viewer) -> frozenset[str]:
    return frozenset({who.credential, HUBS if who.user_id is None else f"user:{who.user_id}"})


def _is_of(changed: frozenset[str], found: Viewer | Due | Refused) -> bool:
    """Return whether what is known of somebody is of those that changed; who does not count now may come to count."""
    if isinstance(found, Due):
        return not changed.isdisjoint({f"session:{found.session}", f"user:{found.user.id}"})
    return isinstance(found, Refused) or not changed.isdisjoint(_names(found))


def is_local(request: HTTPConnection) -> bool:
    """Return whether a request comes from whoever may read the hub's folder; no header can say so."""
    return bool(request.scope.get("state", {}).get(LOCAL))


def is_secure(request: HTTPConnection, *, behind_proxy: bool) -> bool:
    """Return whether a browser reaches the hub over TLS."""
    return behind_proxy or request.url.scheme == "https"


def session_of(request: HTTPConnection) -> str:
    """Return what a browser shows; over TLS the plain name counts for nothing, since others could have set it."""
    secure = is_secure(request, behind_proxy=request.app.state.settings.behind_proxy)
    return request.cookies.get(HOST_COOKIE if secure else COOKIE, "")


def from_elsewhere(request: HTTPConnection, who: Viewer) -> bool:
    """Return whether a write comes from another site, as far as a browser sent it."""
    if request.headers.get("origin") is None and who.means is Means.SESSION:
        # A browser sends Origin with every write; only a page of another site has a reason to leave it out.
        return True
    return says_elsewhere(request)


def says_elsewhere(request: HTTPConnection) -> bool:
    """Return whether a browser says that the request comes from another site."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:
        return True
