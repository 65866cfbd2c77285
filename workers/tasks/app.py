"""The tasks: doors between the queue and the work. Each decodes an id, calls, and maps errors."""

from __future__ import annotations

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
OPTIONS: dict[str, Any] = {"bind": True, "acks_late": True, "ignore_result": True, "max_retries": None}


class TaskFailedError(Exception):
    """What leaves a task: a code and the id it was about, so that nothing else shows in Flower."""


def register(app: FlotillaCelery, runtime: Runtime) -> None:
    """Give the application its tasks, all working with this process's runtime."""

    @app.task(name=messages.SYNC, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sync(self: Task, run_id: str) -> None:
        try:
            countdown = carry_out(runtime, RunId(run_id))
        except FlotillaError as error:
            raise _failed(error, run_id) from None
        if countdown is not None:
            raise self.retry(countdown=countdown.total_seconds())

    @app.task(name=messages.RESOLVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def resolve_source(self: Task, source_id: str) -> None:  # noqa: ARG001 - Celery binds it
        try:
            resolve(runtime, int(source_id))
        except FlotillaError as error:
            raise _failed(error, source_id) from None

    @app.task(name=messages.SWEEP, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sweep_cluster(self: Task, cluster: str) -> None:  # noqa: ARG001 - Celery binds it
        try:
            sweep(runtime, cluster)
        except FlotillaError as error:
            raise _failed(error, cluster) from None

    @app.task(name=messages.OBSERVE, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def observe_cluster(self: Task, cluster: str) -> None:  # noqa: ARG001 - Celery binds it
        try:
            observe(runtime, cluster)
        except FlotillaError as error:
            raise _failed(error, cluster) from None


def _failed(error: FlotillaError, subject: str) -> TaskFailedError:
    log.warning("task.failed", code=error.code, subject=subject, error=str(error))
    return TaskFailedError(f"{error.code} {subject}")
