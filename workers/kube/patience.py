"""Waits as an API server asks to: one that sheds load is asked again, as client-go does, before an attempt fails.

An attempt makes many requests; without this it would need luck at each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from workers.kube.client import Answer
from workers.kube.errors import retry_after

MOST = 5
"""Times that one request is sent at most."""
LONGEST = timedelta(seconds=30)
"""One request waits no longer than this in all: who is to wait longer gives its slot back."""
_AT_LEAST = 0.05
"""Seconds waited where nought are asked for."""


class Permit(Protocol):
    """Whether a request may be sent (again): the fence of an attempt."""

    def __call__(self, needed: timedelta, /) -> None:
        """Return if it may, and take ``needed`` at most.

        Raises:
            LeaseLostError: it may not.
        """
        ...


def freely(_needed: timedelta, /) -> None:
    """Allow it: there is no lease that could run out."""


def until_served(
    send: Callable[[], Answer], permit: Permit, *, needed: timedelta, sleep: Callable[[float], None] = time.sleep
) -> Answer:
    """Return the first answer that does not ask to wait, or the last one where that takes too long.

    Only an answer with ``Retry-After`` says that the request was not carried out, and will be.

    Args:
        send: sends the request.
        permit: asked before it is sent again.
        needed: longest that sending it takes.
        sleep: waits so many seconds.

    Raises:
        LeaseLostError: ``permit`` does not allow it any more.
    """
    waited = 0.0
    for _ in range(MOST - 1):
        answer = send()
        wanted = retry_after(answer.headers) if answer.status == 429 or answer.status >= 500 else None
        if wanted is None:
            return answer
        pause = max(wanted.total_seconds(), _AT_LEAST)
        if waited + pause > LONGEST.total_seconds():
            return answer
        sleep(pause)
        waited += pause
        permit(needed)
    return send()
