"""What leaves a task, and what has it done again."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from celery import Celery, Task
from celery.exceptions import Retry
from celery.utils.serialization import get_pickleable_exception

from common.broker import messages
from common.broker.app import FlotillaCelery
from common.store.engine.errors import DatabaseBusyError, DatabaseError, DatabaseUnavailableError
from workers.tasks.app import OPTIONS, TaskFailedError, noted, register


def test_celery_knows_the_failure_for_what_it_is() -> None:
    error = TaskFailedError("credentials.missing", "01a2")
    same = get_pickleable_exception(error)
    assert type(same) is TaskFailedError, "else it is wrapped, and logged with a traceback"
    assert isinstance(same, OPTIONS["throws"])
    assert repr(same) == "TaskFailedError('credentials.missing', '01a2')"


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (DatabaseUnavailableError("it is away"), Retry),
        (DatabaseBusyError("a lock"), Retry),
        (DatabaseError("no such column"), TaskFailedError),
        (RuntimeError("a defect"), TaskFailedError),
    ],
)
def test_a_look_of_which_the_database_was_not_told_is_taken_again(error: Exception, left: type[Exception]) -> None:
    def look() -> None:
        raise error

    def body(self: Task, subject: str) -> None:
        noted(self, subject, look)

    task = Celery(broker="memory://").task(name="looks", **OPTIONS)(body)
    with pytest.raises(left):
        task("1")


def test_a_task_that_a_busy_database_turned_away_comes_again_in_seconds() -> None:
    """Else the scheduler takes it for sent, and sends it again only minutes later."""
    busy = Mock(**{"database.write.side_effect": DatabaseBusyError("a deadlock")})
    app = FlotillaCelery(broker="memory://", set_as_current=False)
    register(app, busy)
    for task in (messages.SYNC, messages.RESOLVE, messages.SWEEP, messages.OBSERVE, messages.INSPECT):
        with pytest.raises(Retry):
            app.tasks[task]("1")
