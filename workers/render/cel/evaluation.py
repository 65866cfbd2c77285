"""Evaluates the expressions of applications: confined, by project, and none again that took more than it may."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from common import cel
from common.cel import ExpressionError, First
from common.domain.errors import FlotillaError
from common.sandbox.launch import Strictness
from common.settings import Settings
from workers.render.faults import ToolBoundsError, ToolKilledError
from workers.render.pool import Owner, RenderProcesses
from workers.render.process import Library
from workers.render.sandbox import Bounds

LIBRARY = Library("cel", Path(__file__).with_name("child.py"), "cel-expr-python", also=(Path(cel.__file__),))
TIME = timedelta(seconds=2)
MEMORY = 256 * 1024 * 1024
NOT_AGAIN = timedelta(minutes=10)
"""How long what broke its bounds is not evaluated."""
_ANSWER = 64 * 1024
_MOST_REFUSED = 1_000
_BROKE = f"it takes more than {TIME.total_seconds():g} s or {MEMORY >> 20} MB; make it simpler"


class Expressions:
    """Evaluates CEL expressions in processes of their own. Safe to use from several threads.

    Args:
        bounds: of renderers; how strictly they are confined holds for expressions too.
        clock: monotonic seconds.
    """

    def __init__(self, bounds: Bounds, *, clock: Callable[[], float] = time.monotonic) -> None:
        mine = replace(bounds, time=TIME, memory=MEMORY, output=_ANSWER)
        self._processes = RenderProcesses(LIBRARY, mine, most=4, of_one=1)
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: OrderedDict[tuple[str, tuple[str, ...]], float] = OrderedDict()

    def of(self, project: str) -> First:
        """Return what evaluates the expressions of a project's applications."""
        return partial(self._first, project)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    def _first(self, project: str, texts: Sequence[str], subject: Mapping[str, Any]) -> int | None:
        mine = (project, tuple(texts))
        if self._refused.get(mine, float("-inf")) > self._clock():
            raise ExpressionError(_BROKE)
        try:
            request = {"texts": list(texts), "subject": subject}
            answer = self._processes.ask(request, what="an expression", owner=Owner(project))
        except (ToolBoundsError, ToolKilledError) as error:
            self._refuse(mine)
            raise ExpressionError(_BROKE) from error
        except FlotillaError as error:
            message = f"it was not evaluated: {error.message}"
            raise ExpressionError(message) from error
        return _decoded(answer)

    def _refuse(self, mine: tuple[str, tuple[str, ...]]) -> None:
        until = self._clock() + NOT_AGAIN.total_seconds()
        with self._lock:
            self._refused[mine] = until
            self._refused.move_to_end(mine)
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)


def _decoded(answer: Mapping[str, Any]) -> int | None:
    """Return what the process said; it held foreign text, so that anything may come."""
    found = answer.get("first")
    if "error" in answer or not (found is None or type(found) is int):
        raise ExpressionError(str(answer.get("error", "it gave no answer"))[: cel.LONGEST])
    return found


def expressions_from(settings: Settings) -> Expressions:
    """Return what evaluates this worker's expressions, confined as ``settings`` say."""
    return Expressions(Bounds(strictness=settings.sandbox or Strictness.STRICT))
