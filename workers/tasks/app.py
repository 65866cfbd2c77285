"""The tasks: doors between the queue and the work. Each decodes an id, calls, and maps errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task

from common.broker import messages
from common.broker.app import FlotillaCelery
from common.domain.errors import FlotillaError
from common.domain.refs import RunId
from common.telemetry.logs import logger
from workers.tasks.observe_cluster import observe
from workers.tasks.resolve_source import resolve
from workers.tasks.runtime import Runtime
from workers.tasks.sweep_cluster import sweep
from workers.tasks.sync_run import carry_out

log = logger(__name__)


class TaskFailedError(Exception):
    """What leaves a task: a code and the id it was about, so that nothing else shows in Flower.

    Both are its arguments as they were given: Celery wraps an exception that cannot be made again from its arguments
    in one of its own, and then logs it as a defect.
    """

    def __init__(self, code: str, subject: str) -> None:
        super().__init__(code, subject)


OPTIONS: dict[str, Any] = {
    "bind": True,
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
        with only_codes_leave(run_id):
            done = carry_out(runtime, RunId(run_id))
        if done.countdown is not None:
            raise self.retry(countdown=done.countdown.total_seconds())
        if done.error_code:
            # The attempt has ended in SQL, and its message is acknowledged like any other: this is for people who look.
            raise TaskFailedError(done.error_code, run_id)

    @app.task(name=messages.RESOLVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def resolve_source(self: Task, source_id: str) -> None:  # noqa: ARG001 - Celery binds it
        with only_codes_leave(source_id):
            resolve(runtime, int(source_id))

    @app.task(name=messages.SWEEP, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sweep_cluster(self: Task, cluster: str) -> None:  # noqa: ARG001 - Celery binds it
        with only_codes_leave(cluster):
            sweep(runtime, cluster)

    @app.task(name=messages.OBSERVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def observe_cluster(self: Task, cluster: str) -> None:  # noqa: ARG001 - Celery binds it
        with only_codes_leave(cluster):
            observe(runtime, cluster)


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
