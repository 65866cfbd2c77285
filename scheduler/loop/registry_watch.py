"""Reads the registry: a new head is parsed, and what is good of it put in force with every fault stored."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.clock import Clock
from common.domain.commits import Passage
from common.domain.errors import FlotillaError, worded
from common.domain.fleet import Disposition, Fleet, Project, only_owner
from common.domain.refs import GitRef, SourceRef
from common.registry import Documents, Fault, ParsedRegistry, parse
from common.store.engine.connection import Connection
from common.store.engine.errors import DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.state import clusters, commits, faults, pokes, sources
from common.store.state import fleet as fleets
from common.store.state.faults import StoredFault
from common.telemetry.logs import logger
from scheduler.loop.ports import Repository

log = logger(__name__)
PATIENCE = 1.0
"""Seconds that one turn waits for Git; what takes longer goes on beside it."""
UNREAD = "registry:unread"
"""Scope of the fault that the registry as a whole cannot be read; the faults of its last commit stay beside it."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The registry's head; without files where it is the one that was read last, without a passage if that is noted."""

    commit: str
    files: Mapping[str, bytes] | None
    passage: Passage | None


class RegistryWatch:
    """Looks at the registry when it is due; used by one thread.

    Args:
        database: gets snapshots and faults.
        repository: where the registry is.
        source: the registry's own repository and ref.
        folder: the registry's folder there; empty is the whole tree.
        interval: how often it is looked at; the caller's jitter is applied to it.
        clock: monotonic, for the interval.
    """

    def __init__(
        self,
        database: Database,
        repository: Repository,
        source: GitRef,
        *,
        folder: str,
        interval: timedelta,
        clock: Clock,
    ) -> None:
        self._database = database
        self._repository = repository
        self._source = source
        self._folder = folder
        self._interval = interval
        self._clock = clock
        self._due = 0.0
        self._asked = float("-inf")
        """When the last reading began."""
        self._poked_at: datetime | None = None
        self._reading: Future[_Head] | None = None

    def refresh(self) -> None:
        """Make it due at once."""
        self._due = 0.0

    def forget(self) -> None:
        """Drop what is being read: another scheduler leads, and may be further by the time it is there."""
        self._reading = None
        self._due = 0.0

    def look(self, *, jitter: float) -> bool:
        """Read the registry if it is due; return whether another fleet is in force since.

        Args:
            jitter: factor on the interval until the next look, drawn by the caller from [0.5, 1.0].
        """
        if self._reading is None:
            with self._database.read() as connection:
                poked_at = pokes.registry_poked_at(connection)
            if self._clock.monotonic() < self._next(poked_at):
                return False
            self._poked_at = poked_at
            self._asked = self._clock.monotonic()
            self._due = self._clock.monotonic() + self._interval.total_seconds() * jitter
            with self._database.read() as connection:
                state, last = fleets.state(connection), commits.last(connection, None)
            self._reading = self._begin(
                state.seen_commit if state is not None else None, last.commit if last is not None else None
            )
        if not wait([self._reading], timeout=PATIENCE).done:
            return False
        reading, self._reading = self._reading, None
        try:
            head = reading.result()
        except DatabaseUnavailableError:
            raise
        except FlotillaError as error:
            self._unread(error)
            return False
        return self._take(head)

    def _next(self, poked_at: datetime | None) -> float:
        """Return when it is due: earlier where a push came since the last reading began, though not at once again."""
        if poked_at == self._poked_at:
            return self._due
        return min(self._due, self._asked + pokes.APART.total_seconds())

    def _begin(self, seen: str | None, noted: str | None) -> Future[_Head]:
        """Start to read in a thread of its own, which may hang without holding up anything."""
        reading: Future[_Head] = Future()

        def read() -> None:
            try:
                commit = self._repository.head(self._source)
                same = commit == seen
                files = {} if same else self._repository.files(self._source, commit, self._folder)
                passage = None if commit == noted else self._passage(commit, noted)
                reading.set_result(_Head(commit, None if same else files, passage))
            except Exception as error:  # handed to who asks for the result
                reading.set_exception(error)

        threading.Thread(target=read, name="registry", daemon=True).start()
        return reading

    def _passage(self, commit: str, noted: str | None) -> Passage:
        """Return how the registry came to a commit; that nobody can say it keeps nothing from being read."""
        try:
            return self._repository.history(self._source, commit, noted)
        except FlotillaError as error:
            log.warning("registry.history", code=error.code, error=str(error))
            return Passage.unread(commit)

    def _take(self, head: _Head) -> bool:
        commit = head.commit
        if head.files is None:
            with self._database.write() as connection:
                now = self._database.now(connection)
                fleets.note_checked(connection, now=now)
                faults.replace(connection, UNREAD, (), now=now)
                _note(connection, head.passage, now)
            return False
        with self._database.read() as connection:
            stored = _last_good(connection, fleets.state(connection))
        parsed = parse(head.files, None if stored is None else Documents.from_json(stored))
        log.info("registry.read", commit=commit, faults=len(parsed.faults), refused=parsed.refused)
        read = _Read(parsed, commit, parsed.documents.to_json(), _followed(parsed.fleet) if parsed.fleet else {})
        with self._database.write() as connection:
            now = self._database.now(connection)
            _note(connection, head.passage, now)
            return _store(connection, read, now)

    def _unread(self, error: FlotillaError) -> None:
        log.warning("registry.unread", code=error.code, error=str(error))
        message = f"the registry cannot be read: {error.message}"
        fault = StoredFault(error.code, worded(message, error.remedy), project="")
        with self._database.write() as connection:
            faults.replace(connection, UNREAD, [fault], now=self._database.now(connection))


@dataclass(frozen=True, slots=True)
class _Read:
    """A commit with all that is stored of it, made before a transaction is open: tenants may write a lot."""

    parsed: ParsedRegistry
    commit: str
    documents: Mapping[str, Any]
    followed: dict[SourceRef, str]


def _note(connection: Connection, passage: Passage | None, now: datetime) -> None:
    if passage is not None:
        commits.note(connection, None, passage, now=now)


def _last_good(connection: Connection, state: fleets.FleetState | None) -> Mapping[str, Any] | None:
    if state is None or state.snapshot_id is None:
        return None
    return fleets.snapshot(connection, state.snapshot_id).documents


def _store(connection: Connection, read: _Read, now: datetime) -> bool:
    parsed, commit = read.parsed, read.commit
    projects = parsed.fleet.projects if parsed.fleet is not None else {}
    stored = [_stored(fault, "registry.fault", commit, projects) for fault in parsed.faults]
    stored += [_stored(notice, "registry.notice", commit, projects) for notice in parsed.notices]
    known = fleets.state(connection)
    if parsed.fleet is not None and known is not None and known.name != parsed.fleet.name:
        stored.append(_renamed(known.name, parsed.fleet, commit))
    elif parsed.fleet is not None and not parsed.refused:
        fleets.fix_name(connection, parsed.fleet.name, now=now)
        fleets.put_in_force(connection, commit, read.documents, now=now)
        clusters.declare(connection, list(parsed.fleet.clusters.values()), now=now)
        sources.follow(connection, read.followed, now=now)
    faults.replace(connection, faults.REGISTRY, stored, now=now)
    faults.replace(connection, UNREAD, (), now=now)
    fleets.note_commit(connection, commit)
    fleets.note_checked(connection, now=now)
    return not parsed.refused and parsed.fleet is not None


def _stored(fault: Fault, code: str, commit: str, projects: Mapping[str, Project]) -> StoredFault:
    whose = only_owner(fault.file, projects)
    return StoredFault(code, worded(fault.what, fault.remedy), fault.file, fault.line, commit, project=whose)


def _renamed(name: str, fleet: Fleet, commit: str) -> StoredFault:
    what = f"the fleet is called {fleet.name!r} here, but this hub keeps the fleet {name!r}"
    remedy = f"call it {name!r} again: the name is part of the mark on every object that the hub owns"
    where = fleet.where
    return StoredFault("registry.renamed", worded(what, remedy), where.file, where.line, commit, project="")


def _followed(fleet: Fleet) -> dict[SourceRef, str]:
    """Return what has to be resolved, each with the pool of the first cluster that needs it."""
    wanted: dict[SourceRef, str] = {}
    for placement in fleet.placements():
        if placement.disposition not in {Disposition.FORGET, Disposition.REMOVE}:
            for source in placement.to_resolve:
                wanted.setdefault(source, placement.cluster.pool)
    return wanted
