"""The tasks: doors between the queue and the work. Each decodes an id, calls, and maps errors."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from celery import Task

from common.broker import messages
from common.broker.app import FlotillaCelery
from common.domain.errors import FlotillaError
from common.domain.refs import RunId
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.telemetry.logs import logger
from workers.tasks.inspect_placement import inspect
from workers.tasks.observe_cluster import observe
from workers.tasks.resolve_source import resolve
from workers.tasks.runtime import Runtime
from workers.tasks.sweep_cluster import sweep
from workers.tasks.sync_run import carry_out

log = logger(__name__)
T = TypeVar("T")
AGAIN = (5.0, 10.0)
"""Seconds until what the database could not be told of is done again: at random between these."""
_NOT_NOTED = frozenset({DatabaseUnavailableError.code, DatabaseBusyError.code})


class TaskFailedError(Exception):
    """What leaves a task: a code and the id it was about, so that nothing else shows in Flower.

    Both are its arguments as they were given: Celery wraps an exception that cannot be made again from its arguments
    in one of its own, and then logs it as a defect.
    """

    def __init__(self, code: str, subject: str) -> None:
        super().__init__(code, subject)


OPTIONS: dict[str, Any] = {
    "bind": True,
    # With the one application that it is given to, and not with every other that is made later in this process.
    "shared": False,
    "acks_late": True,
    "acks_on_failure_or_timeout": True,
    "ignore_result": True,
    "max_retries": None,
    # Expected, and logged by us with what may be said: Celery is to tell Flower, and to log no traceback.
    "throws": (TaskFailedError,),
}


def register(app: FlotillaCelery, runtime: Runtime) -> None:
    """Give the application its tasks, all working with this process's runtime."""

    @app.task(name=messages.SYNC, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sync(self: Task, run_id: str) -> None:
        done = noted(self, run_id, lambda: carry_out(runtime, RunId(run_id)))
        if done.countdown is not None:
            raise self.retry(countdown=done.countdown.total_seconds())
        if done.error_code:
            # The attempt has ended in SQL, and its message is acknowledged like any other: this is for people who look.
            raise TaskFailedError(done.error_code, run_id)

    @app.task(name=messages.RESOLVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def resolve_source(self: Task, source_id: str) -> None:
        noted(self, source_id, lambda: resolve(runtime, int(source_id)))

    @app.task(name=messages.SWEEP, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sweep_cluster(self: Task, cluster: str) -> None:
        noted(self, cluster, lambda: sweep(runtime, cluster))

    @app.task(name=messages.OBSERVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def observe_cluster(self: Task, cluster: str) -> None:
        noted(self, cluster, lambda: observe(runtime, cluster))

    @app.task(name=messages.INSPECT, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def inspect_placement(self: Task, inspection_id: str) -> None:
        noted(self, inspection_id, lambda: inspect(runtime, inspection_id))


def noted(task: Task, subject: str, work: Callable[[], T]) -> T:
    """Do what the database has to know of, and do it again soon where that could not be told; return its result.

    To the scheduler it is under way, so that another message would come only minutes after the database is back.

    Raises:
        Retry: it is done again.
        TaskFailedError: it failed for another reason, which is noted.
    """
    try:
        with only_codes_leave(subject):
            return work()
    except TaskFailedError as error:
        if error.args[0] not in _NOT_NOTED:
            raise
        raise task.retry(countdown=random.uniform(*AGAIN)) from None  # noqa: S311 - only spreads load


@contextmanager
def only_codes_leave(subject: str) -> Iterator[None]:
    """Let nothing but a code and ``subject`` out of the block, whatever goes wrong in it: Flower shows the rest."""
    try:
        yield
    except FlotillaError as error:
        log.warning("task.failed", code=error.code, subject=subject, error=str(error))
        code = error.code
    except Exception:
        log.exception("task.broke", subject=subject)
        code = "internal"
    else:
        return
    raise TaskFailedError(code, subject)
