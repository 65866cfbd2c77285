"""Evaluates the rules of a registry: confined, by project, and none again that took more than it may."""

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

import orjson

from common import cel, lua
from common.cel import ExpressionError
from common.domain.errors import FlotillaError
from common.lua import LuaError, Verdict
from common.rules import Evaluator
from common.sandbox.launch import Strictness
from common.settings import Settings
from workers.render.faults import ToolBoundsError, ToolFailedError, ToolKilledError
from workers.render.pool import Owner, RenderProcesses
from workers.render.process import Library
from workers.render.sandbox import Bounds

_HERE = Path(__file__).parent
LIBRARY = Library("cel", _HERE / "cel_child.py", "cel-expr-python", also=(Path(cel.__file__),))
LUA = Library("lua", _HERE / "lua_child.py", "lupa", also=(Path(lua.__file__),))
TIME = timedelta(seconds=2)
"""Of processors."""
PATIENCE = timedelta(seconds=30)
"""How long it may take on a busy worker."""
MEMORY = 256 * 1024 * 1024
NOT_AGAIN = timedelta(minutes=10)
"""How long what broke its bounds is not evaluated."""
_ANSWER = 64 * 1024
_MOST_REFUSED = 1_000
_BROKE = f"it takes more than {TIME.total_seconds():g} s or {MEMORY >> 20} MB; make it simpler"


class RuleBrokenError(ValueError):
    """A rule was not evaluated."""


class Expressions:
    """Evaluates CEL expressions and Lua scripts in processes of their own. Safe to use from several threads.

    Args:
        bounds: of renderers; how strictly they are confined holds for rules too.
        clock: monotonic seconds.
    """

    def __init__(self, bounds: Bounds, *, clock: Callable[[], float] = time.monotonic) -> None:
        mine = replace(bounds, cpu=TIME, wall=PATIENCE, memory=MEMORY, output=_ANSWER)
        self._cel = RenderProcesses(LIBRARY, mine, most=4, of_one=1)
        self._lua = RenderProcesses(LUA, mine, most=4, of_one=1)
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: OrderedDict[tuple[str, tuple[str, ...]], float] = OrderedDict()

    def of(self, project: str) -> Evaluator:
        """Return what evaluates the rules of a project's applications."""
        return Evaluator(partial(self._first, project), partial(self._run, project))

    def close(self) -> None:
        """End the processes."""
        self._cel.close()
        self._lua.close()

    def _first(self, project: str, texts: Sequence[str], subject: Mapping[str, Any]) -> int | None:
        request = {"texts": list(texts), "subject": subject}
        try:
            answer = self._asked(self._cel, (project, tuple(texts)), request)
        except RuleBrokenError as error:
            raise ExpressionError(str(error)) from error
        found = answer.get("first")
        if "error" in answer or not (found is None or type(found) is int):
            raise ExpressionError(_said(answer, cel.LONGEST))
        return found

    def _run(self, project: str, script: str, subject: Mapping[str, Any]) -> Verdict:
        request = {"script": script, "subject": subject}
        try:
            answer = self._asked(self._lua, (project, (script,)), request)
        except RuleBrokenError as error:
            raise LuaError(str(error)) from error
        status, message = answer.get("status"), answer.get("message")
        if "error" in answer or not isinstance(status, str) or not isinstance(message, str):
            raise LuaError(_said(answer, lua.LONGEST))
        return Verdict(status, message)

    def _asked(
        self, processes: RenderProcesses, mine: tuple[str, tuple[str, ...]], request: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return what a process of the project answers; it held foreign text, so that anything may come.

        Raises:
            RuleBrokenError: it gave no answer, or is not asked again for a while.
        """
        if self._refused.get(mine, float("-inf")) > self._clock():
            raise RuleBrokenError(_BROKE)
        try:
            return processes.ask(request, what="a rule", owner=Owner(mine[0]))
        except (ToolBoundsError, ToolKilledError, ToolFailedError) as error:
            self._refuse(mine)
            raise RuleBrokenError(_BROKE) from error
        except FlotillaError as error:
            message = f"it was not evaluated: {error.message}"
            raise RuleBrokenError(message) from error
        except orjson.JSONEncodeError as error:
            message = "it was not evaluated: the object nests too deep, or holds a number of more than 64 bits"
            raise RuleBrokenError(message) from error

    def _refuse(self, mine: tuple[str, tuple[str, ...]]) -> None:
        until = self._clock() + NOT_AGAIN.total_seconds()
        with self._lock:
            self._refused[mine] = until
            self._refused.move_to_end(mine)
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)


def _said(answer: Mapping[str, Any], most: int) -> str:
    return str(answer.get("error", "it gave no answer"))[:most]


def expressions_from(settings: Settings) -> Expressions:
    """Return what evaluates this worker's rules, confined as ``settings`` say."""
    return Expressions(Bounds(strictness=settings.sandbox or Strictness.STRICT))
