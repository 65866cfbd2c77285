"""Who may ask: the bearer of the token, or a browser that has shown it. Writes must come from our own pages."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, status

from common.db import sessions
from common.db.session import Database
from console.api.token import same

COOKIE = "flotilla_session"
LIFETIME = timedelta(hours=12)
ACTOR = "operator"
"""Everybody is the same person until sign-in comes."""
READS = frozenset({"GET", "HEAD", "OPTIONS"})


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

    def open_session(self, session_id: str) -> None:
        """Remember a browser that has shown the token."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            sessions.open_session(connection, session_id, token=self._token, lifetime=LIFETIME, now=now)

    def close_session(self, session_id: str) -> None:
        """Forget a browser."""
        with self._database.write() as connection:
            sessions.close_session(connection, session_id)

    def admits(self, request: Request) -> bool:
        """Return whether the request bears the token or an open session."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(credential.strip())
        session_id = request.cookies.get(COOKIE, "")
        if not session_id:
            return False
        with self._database.read() as connection:
            now = self._database.now(connection)
            return sessions.is_open(connection, session_id, token=self._token, now=now)


def from_elsewhere(request: Request) -> bool:
    """Return whether a browser says that the request comes from another site."""
    origin = request.headers.get("origin")
    if origin is None:
        # A browser sends Origin with every write; only a page of another site has a reason to leave it out.
        return COOKIE in request.cookies and "authorization" not in request.headers
    return urlsplit(origin).netloc != request.headers.get("host")


def guard(request: Request) -> str:
    """Return the actor of an admitted request; a FastAPI dependency.

    Raises:
        HTTPException: 401 without a valid token or session, 403 for a write from another site.
    """
    gate: Gate = request.app.state.gate
    if not gate.admits(request):
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "token missing or wrong; see: flotilla token", {"WWW-Authenticate": "Bearer"}
        )
    if request.method not in READS and from_elsewhere(request):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "writes are accepted from the hub's own pages only")
    return ACTOR


class Throttle:
    """Counts failures in a sliding window, so that a token cannot be guessed by trying.

    Args:
        limit: failures allowed within ``window``.
        window: how long a failure counts.
        clock: monotonic seconds.
    """

    def __init__(self, limit: int, window: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window = window.total_seconds()
        self._clock = clock
        self._failures: deque[float] = deque()

    def open(self) -> bool:
        """Return whether another try is allowed now."""
        while self._failures and self._failures[0] <= self._clock() - self._window:
            self._failures.popleft()
        return len(self._failures) < self._limit

    def failed(self) -> None:
        """Count a failure."""
        self._failures.append(self._clock())
