"""What the drivers' errors mean to the rest of Flotilla, decided here once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.domain.errors import FlotillaError, PermanentError, TransientError

_UNAVAILABLE_STATES = ("08", "57P01", "57P02", "57P03", "57P05", "53")
"""Connection exceptions, shutdowns, and insufficient resources (PostgreSQL, appendix A)."""
_BUSY_STATES = ("40001", "40P01", "55P03", "57014", "25P03")
"""Serialization failure, deadlock, lock time-out, cancelled statement, idle transaction."""
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_UNAVAILABLE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}
)


class DatabaseUnavailableError(TransientError):
    """The database cannot be reached or cannot work now."""

    code = "database.unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the database cannot be reached: {detail}",
            remedy="Check that it runs, that FLOTILLA_DATABASE_URL names it, and that its disk is not full.",
        )


class DatabaseBusyError(TransientError):
    """Something else held what this transaction needed for too long; nothing was changed."""

    code = "database.busy"

    def __init__(self, detail: str) -> None:
        super().__init__(f"the database was too busy: {detail}")


class DatabaseError(PermanentError):
    """The database refused a statement and would refuse it again."""

    code = "database.error"

    def __init__(self, detail: str) -> None:
        super().__init__(f"the database refused: {detail}")


def sqlstate(error: FlotillaError) -> str:
    """Return PostgreSQL's code of what is behind an error; empty where there is none."""
    return getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) or ""


@contextmanager
def translated() -> Iterator[None]:
    """Raise the drivers' errors as ours; others pass."""
    try:
        yield
    except PoolTimeoutError as error:
        detail = "no connection came free in time"
        raise DatabaseBusyError(detail) from error
    except DBAPIError as error:
        raise _meaning(error) from error


def _meaning(error: DBAPIError) -> FlotillaError:
    detail = " ".join(str(error.orig).split())
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_meaning(error.orig, detail)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith(_BUSY_STATES):
        return DatabaseBusyError(detail)
    lost = error.connection_invalidated or (not state and isinstance(error, OperationalError | InterfaceError))
    if lost or state.startswith(_UNAVAILABLE_STATES):
        return DatabaseUnavailableError(detail)
    return DatabaseError(detail)


def _sqlite_meaning(error: sqlite3.Error, detail: str) -> FlotillaError:
    # The low byte is the primary code; the rest says more about it.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_BUSY:
        return DatabaseBusyError(detail)
    if code in _SQLITE_UNAVAILABLE and "query_only" not in detail and "readonly" not in detail:
        return DatabaseUnavailableError(detail)
    return DatabaseError(detail)
