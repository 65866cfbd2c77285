"""Work that one worker at a time does: under a lease, kept while the work goes on and given back at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from common.store.engine.connection import Connection
from common.store.queue import leases
from workers.tasks.leases import HeldLease
from workers.tasks.runtime import Runtime

AGAIN = timedelta(seconds=5)
"""When it is tried again what another worker seems to do."""


@contextmanager
def exclusive(
    runtime: Runtime, name: str, *, postpone: Callable[[Connection, datetime], None]
) -> Iterator[HeldLease | None]:
    """Give the lease ``name`` inside the block if no other worker holds it, else None.

    Args:
        runtime: of the worker.
        name: of the lease.
        postpone: called where another holds it, in the same transaction and with when it is to be tried again: the
            other may have died, its lease then runs out, and without this nobody would try for long.
    """
    asked_at = runtime.clock.monotonic()
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        token = leases.take(connection, name, holder=runtime.name, lease=runtime.settings.lease, now=now)
        if token is None:
            postpone(connection, now + AGAIN)
    if token is None:
        yield None
        return
    try:
        with runtime.leases.keeping(name, token, asked_at=asked_at) as held:
            yield held
    finally:
        with runtime.database.write() as connection:
            leases.release(connection, name, token)
