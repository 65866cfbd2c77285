"""Resolves one source: one fetch, then what each application that follows it would read, as digests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from common.credentials import CredentialsMissingError, CredentialsRefusedError
from common.domain.commits import Passage
from common.domain.errors import FlotillaError, TransientError
from common.domain.fleet import Application, Fleet
from common.domain.fleet import Source as DeclaredSource
from common.domain.refs import GitRef, SourceRef
from common.sources.mirrors import Fetched
from common.sources.signatures import GpgMissingError, SignatureRefusedError
from common.sources.trees import Tree
from common.store.engine.connection import Connection
from common.store.state import commits, sources
from common.store.state.commits import Known
from common.store.state.sources import Digest, Source
from common.telemetry.logs import logger
from workers.render.parts import Part, parts_of
from workers.render.protocol import Age
from workers.render.renderers import Former
from workers.render.request import RenderRequest
from workers.tasks.exclusive import exclusive
from workers.tasks.leases import HeldLease
from workers.tasks.runtime import Runtime

log = logger(__name__)
LONGEST_BACK_OFF = timedelta(minutes=10)
_UNSIGNED = frozenset(
    one.code for one in (SignatureRefusedError, GpgMissingError, CredentialsMissingError, CredentialsRefusedError)
)


def resolve(runtime: Runtime, source_id: int) -> None:
    """Resolve a source and store its digests, or why it could not be resolved; what was good before stays.

    Raises:
        DatabaseUnavailableError: nothing was stored; dispatch sends it again.
    """

    def postpone(connection: Connection, until: datetime) -> None:
        sources.postpone(connection, source_id, until=until)

    with exclusive(runtime, f"resolve:{source_id}", postpone=postpone) as held:
        if held is not None:
            _resolve(runtime, source_id, held)


def _resolve(runtime: Runtime, source_id: int, held: HeldLease) -> None:
    found: list[Digest] = []
    held.watch(lambda: {"applications": len(found)})
    snapshot_id, fleet = runtime.snapshots.in_force(runtime.database)
    with runtime.database.read() as connection:
        began = runtime.database.now(connection)
        source = sources.get(connection, source_id)
        known = sources.digests_of(connection, source_id).values()
        last = commits.last(connection, source_id)
    if source is None:
        return
    try:
        fetched = runtime.sources.fetch(source.ref)
        commit, is_noted = fetched.commit, last == (fetched.commit, fetched.version)
        passage = None if is_noted else _passage(runtime, source, fetched, last)
        same = commit == source.commit and source.resolved_snapshot_id == snapshot_id
        if same and not any(_look_again(runtime, one, fleet.applications.get(one.application)) for one in known):
            _unchanged(runtime, source, passage, began)
            return
        trees = partial(runtime.sources.tree, source.ref, commit)
        shared = None if _leads_elsewhere(source.ref) else trees()
        for app in followers(fleet, source.ref):
            # Where submodules are read, each project decides for itself which repositories may be.
            tree = shared or trees(fleet.projects[app.project].allows_repo)
            found.append(_digest(runtime, tree, source, app))
    except FlotillaError as error:
        _failed(runtime, source, error, began)
        return
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        sources.store_resolution(
            connection,
            source_id,
            commit=commit,
            snapshot_id=snapshot_id,
            found=found,
            began=began,
            next_at=now + _spread(runtime.settings.source_interval),
            now=now,
        )
        if passage is not None:
            commits.note(connection, source_id, passage, now=now)
    log.info("source.resolved", source_id=source_id, commit=source.ref.named(commit), applications=len(found))


def _passage(runtime: Runtime, source: Source, fetched: Fetched, last: Known | None) -> Passage:
    """Return how a source came to what it is; that nobody can say it keeps nothing from being resolved."""
    try:
        found = runtime.sources.history(source.ref, fetched.commit, None if last is None else last.commit)
    except FlotillaError as error:
        log.warning("source.history", source_id=source.id, code=error.code, error=str(error))
        found = Passage.unread(fetched.commit)
    return found.called(fetched.version)


def _leads_elsewhere(ref: SourceRef) -> bool:
    """Return whether its tree leads to other repositories."""
    return isinstance(ref, GitRef) and ref.submodules


def _look_again(runtime: Runtime, known: Digest, application: Application | None) -> bool:
    """Return whether the same commit may give something else by now: by a newer renderer, or keys that were missing."""
    before = known.resolved_at is not None and known.resolved_at < runtime.started_at
    former = Former(known.renderers, known.error.code, Age.BEFORE if before else Age.SINCE)
    settings = None if application is None else application.render
    return known.error.code in _UNSIGNED or runtime.renderers.outdated(former, settings)


def followers(fleet: Fleet, ref: SourceRef) -> tuple[Application, ...]:
    """Return the applications that follow a source, themselves or by the pin of a target, by name."""
    return tuple(application for _, application in sorted(fleet.applications.items()) if parts_at(application, ref))


def parts_at(application: Application, ref: SourceRef) -> tuple[Part, ...]:
    """Return an application's parts that are resolved from ``ref``, its own or as a target pins them."""
    return tuple(dict.fromkeys(part for part in parts_of(application, _pinned(application)) if part.source == ref))


def keys_at(application: Application, ref: SourceRef) -> tuple[tuple[str, ...], ...]:
    """Return the names of the keys, of each set one, that must have signed what ``ref`` is."""
    asked = (source.verify for source in _pinned(application) if source.verify and source.to_resolve == ref)
    return tuple(dict.fromkeys(asked))


def _pinned(application: Application) -> Iterator[DeclaredSource]:
    """Yield an application's sources, and those that the pins of its targets make of them."""
    pins = (None, *(target.pin for target in application.targets if target.pin is not None))
    return (source for pin in pins for source in application.pinned(pin))


def _digest(runtime: Runtime, tree: Tree, source: Source, application: Application) -> Digest:
    """Return what one application's footprint holds; what is wrong with it is its own fault alone.

    Raises:
        TransientError: the mirror could not be read; that says nothing about the application.
    """
    try:
        for keys in keys_at(application, source.ref):
            runtime.sources.verify(source.ref, tree.commit, keys)
        request = RenderRequest(parts_at(application, source.ref), application.render)
        resolved = runtime.renderers.resolve(tree, request)
    except TransientError:
        raise
    except FlotillaError as error:
        return Digest(source.id, application.name, tree.commit, "", (), error.reason)
    return Digest(source.id, application.name, tree.commit, resolved.source_digest, resolved.renderers)


def _unchanged(runtime: Runtime, source: Source, passage: Passage | None, began: datetime) -> None:
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        if passage is not None:
            commits.note(connection, source.id, passage, now=now)
        next_at = now + _spread(runtime.settings.source_interval)
        sources.store_unchanged(connection, source.id, began=began, next_at=next_at, now=now)


def _failed(runtime: Runtime, source: Source, error: FlotillaError, began: datetime) -> None:
    log.warning("source.unresolved", source_id=source.id, code=error.code, error=str(error))
    delay = min(LONGEST_BACK_OFF, runtime.settings.source_interval * 2 ** min(source.failures, 10))
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        sources.store_failure(connection, source.id, error.reason, began=began, next_at=now + _spread(delay))


def _spread(interval: timedelta) -> timedelta:
    # Only spreads load: nothing depends on it being unpredictable.
    return interval * random.uniform(0.8, 1.0)  # noqa: S311
