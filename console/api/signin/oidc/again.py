"""Asking the identity provider again about whoever has a session: groups change, and people leave."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from datetime import timedelta

from anyio import to_thread
from cryptography.fernet import Fernet, InvalidToken

from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.state import sessions, users
from common.store.state.sessions import REFRESHED_AGAIN
from common.store.state.users import User
from common.telemetry.logs import logger
from console.api.door.flights import Flights
from console.api.door.gate import Gate
from console.api.door.people import REGROUPED, actor_of, told_for
from console.api.signin.oidc import wire
from console.api.signin.oidc.errors import NotVouchedError, ProviderSilentError
from console.api.signin.oidc.provider import Provider, Told

log = logger(__name__)
AGAIN = 30.0
"""Seconds after which a provider that did not answer is asked again about anybody."""
AT_ONCE = 4
"""Questions under way: after an outage all sessions are asked about at once."""
PATIENCE = REFRESHED_AGAIN.total_seconds() - wire.PATIENCE
"""Seconds for all requests of one question: it ends before another process takes the session for one nobody asks about,
whose provider would see the same refresh token twice."""
_LOOK = 0.2
"""Seconds between looks whether another process of the API is done with asking."""


class Seal:
    """Keeps what opens something at the provider from whoever reads the database alone.

    Args:
        gate: whose hub's token the key is made of: with another one, everybody signs in again.
    """

    def __init__(self, gate: Gate) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(bytes.fromhex(gate.signed("seal", "refresh"))))

    def sealed(self, refresh: str) -> str:
        """Return a text that only this hub can read; the empty one for nothing."""
        return self._fernet.encrypt(refresh.encode()).decode() if refresh else ""

    def opened(self, text: str) -> str:
        """Return what was sealed; the empty text for what this hub cannot read."""
        try:
            return self._fernet.decrypt(text.encode()).decode() if text else ""
        except InvalidToken:
            return ""


class Asker:
    """Asks a provider about users, once at a time about each session; see ``gate.Again``.

    Args:
        provider: that is asked.
        database: holds sessions and users.
        gate: whose sessions they are.
        clock: monotonic seconds.
    """

    def __init__(
        self, provider: Provider, database: Database, gate: Gate, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider = provider
        self._database = database
        self._gate = gate
        self._seal = Seal(gate)
        self._clock = clock
        self._silent_at = -AGAIN
        self._flights: Flights[int, bool] = Flights()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def __call__(self, session: int, user: User) -> asyncio.Future[bool]:
        """Return the asking, which is under way."""
        return self._flights.begin(session, lambda: self._ask(session, user))

    async def _ask(self, session: int, user: User) -> bool:
        # Without anything to ask with, what the provider told counts to its end, and then they sign in.
        if self._is_silent() or not await to_thread.run_sync(self._can_ask, session):
            return False
        try:
            async with asyncio.timeout(wire.PATIENCE):
                await self._slots.acquire()
        except TimeoutError:  # whoever asks next begins again
            return False
        try:
            asked = await self._asked(session, user)
        finally:
            self._slots.release()
        return await self._await_other(user) if asked is None else asked

    def _is_silent(self) -> bool:
        """Return whether the provider did not answer a moment ago: about nobody, and each request would wait for it."""
        return self._clock() - self._silent_at < AGAIN

    async def _asked(self, session: int, user: User) -> bool | None:
        """Return whether the provider was asked; None while another process asks."""
        if self._is_silent():  # since it was waited for a turn
            return False
        claimed, now = await to_thread.run_sync(self._claim, session)
        if claimed is None:
            return None
        refresh = self._seal.opened(claimed)
        try:
            async with asyncio.timeout(PATIENCE):
                told = await self._provider.refreshed(refresh, user.subject, now=now)
        except (ProviderSilentError, TimeoutError) as error:
            self._silent_at = self._clock()
            log.warning("oidc.silent", session=session, why=str(error) or "answers too slowly")
            return False
        except NotVouchedError as error:
            log.warning("oidc.ended", session=session, why=error.message)
            await to_thread.run_sync(self._end, session, user)
            return True
        await to_thread.run_sync(self._keep, session, user, told)
        return True

    def _can_ask(self, session: int) -> bool:
        with self._database.read() as connection:
            return sessions.can_ask(connection, session)

    def _claim(self, session: int) -> tuple[str | None, float]:
        with self._database.write() as connection:
            now = self._database.now(connection)
            return sessions.claim_refresh(connection, session, now=now), now.timestamp()

    async def _await_other(self, user: User) -> bool:
        """Return whether another process has asked, whose provider takes a refresh token once alone."""
        for _ in range(int(wire.PATIENCE / _LOOK)):
            if await to_thread.run_sync(self._age, user.id) < REGROUPED:
                return True
            await asyncio.sleep(_LOOK)
        return False

    def _age(self, user_id: int) -> timedelta:
        with self._database.read() as connection:
            found = users.find(connection, user_id)
            return timedelta() if found is None else told_for(found, now=self._database.now(connection))

    def _end(self, session: int, user: User) -> None:
        with self._gate.changes({f"session:{session}"}) as connection:
            sessions.end(connection, session)
            now, actor = self._database.now(connection), actor_of(user)
            detail = {"session": session, "why": NotVouchedError.code}
            audit.append(connection, Deed(actor, "session.end", actor, "", detail), now=now)

    def _keep(self, session: int, user: User, told: Told) -> None:
        with self._gate.changes({f"user:{user.id}"}) as connection:
            users.retold(connection, user.id, told.who, now=self._database.now(connection))
            sessions.keep_refresh(connection, session, self._seal.sealed(told.refresh))
