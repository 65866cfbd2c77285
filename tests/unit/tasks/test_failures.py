"""What leaves a task."""

from __future__ import annotations

from celery.utils.serialization import get_pickleable_exception

from workers.tasks.app import OPTIONS, TaskFailedError


def test_celery_knows_the_failure_for_what_it_is() -> None:
    error = TaskFailedError("credentials.missing", "01a2")
    same = get_pickleable_exception(error)
    assert type(same) is TaskFailedError, "else it is wrapped, and logged with a traceback"
    assert isinstance(same, OPTIONS["throws"])
    assert repr(same) == "TaskFailedError('credentials.missing', '01a2')"
