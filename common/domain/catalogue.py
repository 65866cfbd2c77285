"""The catalogue itself: from a code to what makes its sentence.

What makes a sentence reads a parameter that its code always has by ``params[name]``, and asks for one that it may lack
by ``params.get(name)``. Where a row lacks what its code always has, the code stands for the sentence; see ``sentence``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from common.domain.codes import FaultReason
from common.domain.errors import sentences
from common.domain.status import NONE, Reason

Params = Mapping[str, Any]
_SENTENCES: dict[str, Callable[[Params], str]] = {}
_REMEDIES: Mapping[str, str] = {
    FaultReason.ORPHAN: "Delete it by hand, or take its flotilla.dev annotations and label off.",
}


def register(table: Mapping[str, Callable[[Params], str]]) -> None:
    """Take in codes with what makes their sentences.

    Raises:
        ValueError: one of the codes has a sentence already.
    """
    twice = sorted(_SENTENCES.keys() & table.keys())
    if twice:
        message = f"a code has one sentence, and {', '.join(twice)} had one before"
        raise ValueError(message)
    _SENTENCES.update((str(code), make) for code, make in table.items())


def codes() -> frozenset[str]:
    """Return the codes that have a sentence of their own."""
    return frozenset(_SENTENCES)


def sentence(reason: Reason) -> str:
    """Return a reason in words; empty for none.

    An error brings its words along as ``message`` and ``remedy``. A code that this version does not know, and that
    brings none, is shown as it is; so is one whose parameters are not what they should be: one odd row, from whoever
    may write it, must not keep a page from being read.
    """
    if not reason:
        return ""
    try:
        said = _SENTENCES.get(reason.code, told)(reason.params)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        said = ""
    return said or reason.code


def statement(reason: Reason) -> str:
    """Return a reason in words, without what to do about it."""
    return sentence(Reason(reason.code, {name: said for name, said in reason.params.items() if name != "remedy"}))


def remedy(reason: Reason) -> str:
    """Return what to do about it: as the code has it, or as the reason brings it along; empty for nothing."""
    return _REMEDIES.get(reason.code) or str(reason.params.get("remedy", ""))


def told(params: Params) -> str:
    """Return the words that an error brings along; empty where it brings none."""
    return sentences(str(params.get("message", "")), str(params.get("remedy", "")))


def parameter(params: Params, name: str) -> Reason:
    """Return a reason that is a parameter of another one; ``NONE`` where there is no such."""
    given = params.get(name)
    if not isinstance(given, Mapping):
        return NONE
    return Reason(str(given.get("code", "")), given.get("params") or {})


def inner(params: Params, name: str) -> str:
    """Return the sentence of a reason that is a parameter of another one."""
    return sentence(parameter(params, name))


def spoken(params: Params, name: str) -> str:
    """Return a parameter in words: the sentence of a reason, or the words that an earlier version kept."""
    given = params.get(name, "")
    return given if isinstance(given, str) else inner(params, name)


def spoken_each(params: Params, name: str) -> str:
    """Return a parameter that is a list in words, as ``spoken`` does for one, with semicolons between."""
    return "; ".join(spoken({name: one}, name) for one in params.get(name, ()))


def nested(reason: Reason) -> Params:
    """Return a reason as the parameter of another one, as ``inner`` reads it."""
    return {"code": str(reason.code), "params": dict(reason.params)}
