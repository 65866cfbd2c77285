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
OPTIONS: dict[str, Any] = {"bind": True, "acks_late": True, "ignore_result": True, "max_retries": None}


class TaskFailedError(Exception):
    """What leaves a task: a code and the id it was about, so that nothing else shows in Flower."""

    def __init__(self, code: str, subject: str) -> None:
        super().__init__(f"{code} {subject}")


def register(app: FlotillaCelery, runtime: Runtime) -> None:
    """Give the application its tasks, all working with this process's runtime."""

    @app.task(name=messages.SYNC, **OPTIONS)  # type: ignore[untyped-decorator]  # Celery is untyped
    def sync(self: Task, run_id: str) -> None:
        with only_codes_leave(run_id):
            countdown = carry_out(runtime, RunId(run_id))
        if countdown is not None:
            raise self.retry(countdown=countdown.total_seconds())

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
