"""CEL, the expression language that Kubernetes uses too: compiled once, bounded, and without a way to the outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]  # the wheel has no stubs

_SELF = "self"
_PLACED = re.compile(r"<input>:\d+:(?P<column>\d+): (?P<what>.*)")
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
LONGEST = 200
First = Callable[[Sequence[str], Mapping[str, Any]], int | None]
"""Says which of some expressions is the first that holds of an object; see ``first``."""
_env = cel.NewEnv(variables={_SELF: cel.Type.DYN})


class ExpressionError(ValueError):
    """An expression that is none, or that gives something other than true or false."""


class Predicate:
    """An expression over one object, called ``self`` in it. Safe to use from several threads."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = _env.compile(text)
        except RuntimeError as error:
            raise ExpressionError(_words(error)) from error
        kind = self._expression.return_type().name()
        if kind not in {"BOOL", "DYN"}:
            message = f"it gives {kind.lower()}, not true or false"
            raise ExpressionError(message)

    def holds(self, subject: Any) -> bool:
        """Return whether the expression is true of ``subject``; a field that is not there makes it false.

        Raises:
            ExpressionError: it gives neither true nor false, compares what cannot be compared, or takes too long.
        """
        try:
            found = self._expression.eval(data={_SELF: subject})
        except RuntimeError as error:
            raise ExpressionError(_words(error)) from error
        value = found.plain_value()
        if isinstance(value, bool):
            return value
        if found.type().name() == "ERROR":
            if str(value).startswith("NOT_FOUND"):
                return False
            raise ExpressionError(_words(str(value)))
        # Its type alone: the value may be a Secret's, and a mapping comes in another order every time.
        kind = found.type().name().partition("<")[0].lower()
        message = f"it gives {kind}, not true or false"
        raise ExpressionError(message)


@lru_cache(maxsize=4096)
def predicate(text: str) -> Predicate:
    """Return an expression, compiled at its first use in this process.

    Raises:
        ExpressionError: it is none.
    """
    return Predicate(text)


def first(texts: Sequence[str], subject: Mapping[str, Any]) -> int | None:
    """Return the place of the first expression that holds of ``subject``, in this process; None where none does.

    Its steps are bounded, and what one of them costs is not: expressions of others belong in a process that can be
    ended.

    Raises:
        ExpressionError: one before it is none, or cannot be evaluated.
    """
    return next((place for place, text in enumerate(texts) if predicate(text).holds(subject)), None)


def _words(error: Exception | str) -> str:
    """Return what the library says, without its error codes, a picture of the expression, or the object in full.

    It prints the whole object where a value in it does not fit: that may be long, and hold what nobody should read.
    """
    line = str(error).partition("\n")[0].partition(f" for '{_SELF}")[0]
    placed = _PLACED.search(line)
    if placed is not None:
        return f"column {placed['column']}: {placed['what']}"[:LONGEST]
    return _CODE.sub("", line)[:LONGEST]
