"""Who may ask: the bearer of the token, or a browser that has shown it. Writes must come from our own pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import HTTPConnection

from common.store.engine.session import Database
from common.store.state import sessions
from console.token import same

COOKIE = "flotilla_session"
LIFETIME = timedelta(hours=12)
READS = frozenset({"GET", "HEAD", "OPTIONS"})


class AuthResult(Enum):
    """What a request's credentials are worth."""

    ADMITTED = auto()
    NOTHING_SHOWN = auto()
    """It has no token, or a session that has ended: nobody guesses."""
    WRONG = auto()
    """It has a token that is not the hub's."""
    THROTTLED = auto()
    """It has a token that was not looked at."""


class Gate:
    """Decides about requests.

    Args:
        token: the hub's token.
        database: holds the sessions.
    """

    def __init__(self, token: str, database: Database) -> None:
        self._token = token
        self._database = database

    def is_token(self, given: str) -> bool:
        """Return whether ``given`` is the hub's token."""
        return same(given, self._token)

    def open_session(self) -> str:
        """Remember a browser that has shown the token, and return what it shows from now on."""
        name = secrets.token_urlsafe(32)
        session_id = f"{name}.{self._mark(name)}"
        with self._database.write() as connection:
            now = self._database.now(connection)
            sessions.open_session(connection, session_id, token=self._token, lifetime=LIFETIME, now=now)
        return session_id

    def close_session(self, session_id: str) -> None:
        """Forget a browser."""
        with self._database.write() as connection:
            sessions.close_session(connection, session_id)

    async def authenticate(self, request: HTTPConnection, *, may_guess: bool) -> AuthResult:
        """Return what becomes of a request: it carries the token, or an open session.

        Args:
            request: whose headers are read, and no more.
            may_guess: whether a token is looked at; sessions are, since nobody can guess one.
        """
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if not may_guess:
                return AuthResult.THROTTLED
            return AuthResult.ADMITTED if self.is_token(credential.strip()) else AuthResult.WRONG
        session_id = request.cookies.get(COOKIE, "")
        # What this hub did not make is not looked up: a stranger's cookies cost the database nothing.
        name, _, mark = session_id.partition(".")
        if not same(mark, self._mark(name)):
            return AuthResult.NOTHING_SHOWN
        is_open = await to_thread.run_sync(self._is_open, session_id)
        return AuthResult.ADMITTED if is_open else AuthResult.NOTHING_SHOWN

    def _is_open(self, session_id: str) -> bool:
        with self._database.read() as connection:
            now = self._database.now(connection)
            return sessions.is_open(connection, session_id, token=self._token, now=now)

    def _mark(self, name: str) -> str:
        return hmac.new(self._token.encode(), b"session\0" + name.encode(), hashlib.sha256).hexdigest()


def from_elsewhere(request: HTTPConnection) -> bool:
    """Return whether a browser says that the request comes from another site."""
    origin = request.headers.get("origin")
    if origin is None:
        # A browser sends Origin with every write; only a page of another site has a reason to leave it out.
        return COOKIE in request.cookies and "authorization" not in request.headers
    try:
        return urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:
        return True
