"""What evaluates the rules of health that a registry holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.cel import First, first
from common.lua import LuaError, Script, Verdict


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates the expressions and the scripts of rules.

    Attributes:
        first: says which of some CEL expressions is the first that holds.
        lua: says what a script says.
    """

    first: First
    lua: Script


def _refused(_text: str, _subject: Mapping[str, Any]) -> Verdict:
    message = "it is Lua, which is run on workers only"
    raise LuaError(message)


HERE = Evaluator(first, _refused)
"""Evaluates CEL in this process. Lua is refused: what a script takes is bounded by a process that can be ended."""
