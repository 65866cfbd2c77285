"""Work on several objects at once, on threads that all runs of a process share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")

WIDTH = 8
"""Objects of one kind that are worked on at once in one run."""
ALONE_BELOW = 5
"""With fewer objects than this, handing them to other threads costs more than it saves."""


def each(executor: Executor, work: Callable[[T], None], items: Iterable[T]) -> None:
    """Call ``work`` for every item, the caller's thread included; return when all is done.

    The caller never waits for a free thread: under load it does everything itself. After an error nothing new is
    begun; what is under way ends first.

    Args:
        executor: shared; may be busy.
        work: called from several threads.
        items: in the order in which they are begun.

    Raises:
        Exception: the first that ``work`` raised.
    """
    queue = list(items)
    if len(queue) < ALONE_BELOW:
        for item in queue:
            work(item)
        return
    shared = _Shared(queue, work)
    helpers: list[Future[None]] = [
        executor.submit(copy_context().run, shared.help) for _ in range(min(WIDTH, len(queue)) - 1)
    ]
    shared.help()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    if shared.errors:
        raise shared.errors[0]


class _Shared(Generic[T]):
    """The items that are left, and what went wrong."""

    def __init__(self, items: Iterable[T], work: Callable[[T], None]) -> None:
        self._left = deque(items)
        self._work = work
        self.errors: list[Exception] = []

    def help(self) -> None:
        """Work until nothing is left, or until an error ends it for all."""
        while not self.errors:
            try:
                item = self._left.popleft()
            except IndexError:
                return
            try:
                self._work(item)
            except Exception as error:  # handed to the caller, in its own thread
                self.errors.append(error)
