"""Resolves one source: one fetch, then what each application that follows it would read, as digests."""

from __future__ import annotations

import random
from datetime import timedelta

from common.db import leases, sources
from common.db.sources import Digest, Source
from common.domain.errors import FlotillaError, TransientError
from common.domain.fleet import Application, Fleet
from common.domain.refs import SourceRef
from common.sources.trees import Tree
from common.telemetry.logs import logger
from workers.render.parts import Part, parts_of
from workers.render.renderers import Renderers, RenderRequest
from workers.tasks.runtime import Runtime

log = logger(__name__)
LONGEST_BACK_OFF = timedelta(minutes=10)
AGAIN = timedelta(seconds=5)
"""When a source is looked at again that somebody else seems to look at."""


def resolve(runtime: Runtime, source_id: int) -> None:
    """Resolve a source and store its digests, or why it could not be resolved; what was good before stays.

    Raises:
        DatabaseUnavailableError: nothing was stored; dispatch sends it again.
    """
    name = f"resolve:{source_id}"
    asked_at = runtime.clock.monotonic()
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        token = leases.take(connection, name, holder=runtime.name, lease=runtime.settings.lease, now=now)
        if token is None:
            # Another is at it, or was and died: then its lease runs out, and nobody else would look for long.
            sources.postpone(connection, source_id, until=now + AGAIN)
            return
    try:
        with runtime.leases.keeping(name, token, asked_at=asked_at):
            _resolve(runtime, source_id)
    finally:
        with runtime.database.write() as connection:
            leases.release(connection, name, token)


def _resolve(runtime: Runtime, source_id: int) -> None:
    with runtime.database.read() as connection:
        source = sources.get(connection, source_id)
        snapshot_id, fleet = runtime.snapshots.in_force(connection)
        known = sources.digests_of(connection, source_id).values()
    if source is None:
        return
    try:
        commit = runtime.sources.fetch(source.ref).commit
        same = commit == source.commit and source.resolved_snapshot_id == snapshot_id
        if same and not any(runtime.renderers.outdated(one.renderer, one.error_code) for one in known):
            _unchanged(runtime, source)
            return
        tree = runtime.sources.tree(source.ref, commit)
        found = [
            _digest(runtime.renderers, tree, source_id, app, parts_at(app, source.ref))
            for app in followers(fleet, source.ref)
        ]
    except FlotillaError as error:
        _failed(runtime, source, error)
        return
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        sources.store_resolution(
            connection,
            source_id,
            commit=commit,
            snapshot_id=snapshot_id,
            found=found,
            next_at=now + _spread(runtime.settings.source_interval),
            now=now,
        )
    log.info("source.resolved", source_id=source_id, commit=source.ref.named(commit), applications=len(found))


def followers(fleet: Fleet, ref: SourceRef) -> tuple[Application, ...]:
    """Return the applications that follow a source, themselves or by the pin of a target, by name."""
    return tuple(application for _, application in sorted(fleet.applications.items()) if parts_at(application, ref))


def parts_at(application: Application, ref: SourceRef) -> tuple[Part, ...]:
    """Return an application's parts that are resolved from ``ref``, its own or as a target pins them."""
    pins = (None, *(target.pin for target in application.targets if target.pin is not None))
    parts = (part for pin in pins for part in parts_of(application, application.pinned(pin)))
    return tuple(dict.fromkeys(part for part in parts if part.source == ref))


def _digest(
    renderers: Renderers, tree: Tree, source_id: int, application: Application, parts: tuple[Part, ...]
) -> Digest:
    """Return what one application's footprint holds; what is wrong with it is its own fault alone.

    Raises:
        TransientError: the mirror could not be read; that says nothing about the application.
    """
    try:
        resolved = renderers.resolve(tree, RenderRequest(parts, application.render))
    except TransientError:
        raise
    except FlotillaError as error:
        return Digest(source_id, application.name, tree.commit, "", "", error.code, str(error))
    return Digest(source_id, application.name, tree.commit, resolved.source_digest, resolved.renderer)


def _unchanged(runtime: Runtime, source: Source) -> None:
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        sources.store_unchanged(connection, source.id, next_at=now + _spread(runtime.settings.source_interval), now=now)


def _failed(runtime: Runtime, source: Source, error: FlotillaError) -> None:
    log.warning("source.unresolved", source_id=source.id, code=error.code, error=str(error))
    delay = min(LONGEST_BACK_OFF, runtime.settings.source_interval * 2 ** min(source.failures, 10))
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        sources.store_failure(
            connection, source.id, error_code=error.code, error=str(error), next_at=now + _spread(delay)
        )


def _spread(interval: timedelta) -> timedelta:
    # Only spreads load: nothing depends on it being unpredictable.
    return interval * random.uniform(0.8, 1.0)  # noqa: S311
