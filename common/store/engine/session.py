"""How a process reaches the database: engines, transactions, its clock, and what its errors mean to us."""

from __future__ import annotations

import copy
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from common.clock import Clock, SystemClock
from common.settings import Settings
from common.store.engine.errors import DatabaseUnavailableError, translated
from common.store.schema.tables.base import Instant, storable

_MODE = "flotilla_mode"
_PROBE_FIRST = timedelta(milliseconds=100)
_PROBE_CEILING = timedelta(seconds=2)
_POSTGRES_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # A server that vanished without a word is noticed within a lease, not within the kernel's quarter of an hour.
    "tcp_user_timeout": 15_000,
}
_POSTGRES_SESSION = "-c timezone=UTC -c lock_timeout=30s"
_IDLE_IN_TRANSACTION = timedelta(seconds=60)
_POOL = {"pool_size": 8, "max_overflow": 16, "pool_timeout": 30}
_IDLE = timedelta(seconds=2)
"""A connection that lay idle for longer is asked whether it still lives before it is used."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long PostgreSQL lets a transaction take; on SQLite, which cannot end one, they hold nobody to anything.

    Attributes:
        idle: between two statements of a transaction; then the server ends the session.
        statement: of one statement, waiting for locks included; None for no bound.
    """

    idle: timedelta = _IDLE_IN_TRANSACTION
    statement: timedelta | None = None

    @property
    def options(self) -> str:
        """The session's settings, as the server takes them."""
        found = f"{_POSTGRES_SESSION} -c idle_in_transaction_session_timeout={_milliseconds(self.idle)}"
        return found if self.statement is None else f"{found} -c statement_timeout={_milliseconds(self.statement)}"


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))


class Database:
    """One database, shared by the threads of one process; a forked child makes its own.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://…`` (plain ``postgresql://`` is taken as that).
        password: put into the URL for connecting only, so that no setting holds it.
        clock: what dates things on SQLite; PostgreSQL has a clock of its own.
        bounds: of what one transaction may take, where the server can hold it to that.

    Raises:
        ValueError: the URL names another kind of database.
    """

    def __init__(
        self, url: str, *, password: str | None = None, clock: Clock | None = None, bounds: Bounds | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._engine = _engine(_parsed(url, password), bounds or Bounds())
        self._guard: Callable[[Connection], None] | None = None
        self.dialect = self._engine.dialect.name

    def guarded(self, guard: Callable[[Connection], None]) -> Database:
        """Return the same database, in whose writing transactions ``guard`` comes first; what it raises ends them."""
        twin = copy.copy(self)
        twin._guard = guard  # noqa: SLF001 - of the same class
        return twin

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside one writing transaction, committed at the end; keep it short.

        On SQLite it takes the one write lock at once. A commit whose answer was lost raises although it may have
        happened: whoever writes must be able to ask again.

        Raises:
            DatabaseUnavailableError: it cannot be reached now.
            DatabaseBusyError: a lock or a connection was not to be had in time.
            DatabaseError: it refused, and would again.
        """
        with self._transaction("write") as connection:
            if self._guard is not None:
                self._guard(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one unchanging snapshot and cannot write. Raises what ``write`` does."""
        with self._transaction("read") as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Give a connection each of whose statements is a transaction: what PostgreSQL does inside of none.

        It is closed afterwards, with whatever was set on it. Raises what ``write`` does.
        """
        with translated(), self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT", **{_MODE: "write"})
            try:
                yield connection
            finally:
                connection.invalidate()

    def now(self, connection: Connection) -> datetime:
        """Return the instant by the clock that all processes share: PostgreSQL's, or on SQLite this host's."""
        if self.dialect == "sqlite":
            return self._clock.now()
        instant: datetime = connection.execute(select(func.clock_timestamp(type_=Instant()))).scalar_one()
        return instant

    def clock_ahead(self, connection: Connection) -> timedelta:
        """Return by how much this process's clock is surely ahead of the shared one; negative when it is behind.

        The question takes time: only what is outside of it counts. On SQLite both are one clock.
        """
        before = self._clock.now()
        shared = self.now(connection)
        after = self._clock.now()
        return max(before - shared, timedelta()) + min(after - shared, timedelta())

    def wait(self, *, within: timedelta | None = None, stop: threading.Event | None = None) -> bool:
        """Return True once the database answers, trying with back-off; False when time is up or ``stop`` is set.

        Args:
            within: how long to try; None is for ever.
            stop: ends the wait early.
        """
        stop = stop or threading.Event()
        deadline = None if within is None else self._clock.monotonic() + within.total_seconds()
        delay = _PROBE_FIRST.total_seconds()
        while not stop.is_set():
            try:
                with self.read() as connection:
                    connection.execute(text("SELECT 1"))
            except DatabaseUnavailableError:
                if deadline is not None and self._clock.monotonic() >= deadline:
                    return False
                stop.wait(delay)
                delay = min(_PROBE_CEILING.total_seconds(), delay * 2)
            else:
                return True
        return False

    def dispose(self) -> None:
        """Close all idle connections; the value stays usable."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[Connection]:
        with translated(), self._engine.connect() as connection:
            if self.dialect == "postgresql" and mode == "read":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection = connection.execution_options(**{_MODE: mode})
            with connection.begin():
                yield connection


def open_database(settings: Settings, *, bounds: Bounds | None = None) -> Database:
    """Return the database that ``settings`` name; the embedded one is made, readable by its owner only."""
    password_file = settings.database_password_file
    password = password_file.read_text(encoding="utf-8").strip() if password_file else None
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        _private_file(Path(url.database))
    return Database(settings.effective_database_url, password=password, bounds=bounds)


def _private_file(path: Path) -> None:
    """Make the file before SQLite does, because SQLite gives the log and index beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _parsed(url: str, password: str | None) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    elif parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        message = "the database is a file (sqlite:///PATH) or PostgreSQL (postgresql+psycopg://…)"
        raise ValueError(message)
    return parsed if password is None else parsed.set(password=password)


def _engine(url: URL, bounds: Bounds) -> Engine:
    options: dict[str, Any] = {**_POOL, "hide_parameters": True, "json_serializer": _json}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    defaults = {**_POSTGRES_OPTIONS, "options": bounds.options}
    given = {key: value for key, value in defaults.items() if key not in url.query}
    engine = create_engine(url, connect_args=given, **options)
    _ping_idle(engine)
    return engine


def _ping_idle(engine: Engine) -> None:
    """Ask idle connections only: asking at every use costs a busy worker a tenth of its round trips."""
    dialect = engine.dialect

    def checked_in(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["since"] = time.monotonic()

    def checked_out(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("since", time.monotonic()) < _IDLE.total_seconds():
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool makes another one

    event.listen(engine, "checkin", checked_in)
    event.listen(engine, "checkout", checked_out)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN is deferred and comes late; without an isolation level it leaves transactions to us.
    connection.isolation_level = None
    for pragma in (
        "busy_timeout=30000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        # Else INSERT OR REPLACE would delete without asking the append-only triggers.
        "recursive_triggers=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_MODE) == "write"
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _json(value: Any) -> str:
    return json.dumps(_storable(value), ensure_ascii=False, separators=(",", ":"))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
