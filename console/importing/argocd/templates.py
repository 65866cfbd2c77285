"""Templates of ApplicationSets: holes that name a parameter are filled, what computes is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FIELD = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_-]*(?:[.\[][^.\[\]{}()|\s]+\]?)*")
_INDEX = re.compile(r'index +(\.[A-Za-z_][A-Za-z0-9_.-]*)((?: +(?:[0-9]{1,4}|"[^"\\]{1,200}")){1,4})')
_KEYS = re.compile(r'"([^"]*)"|([0-9]+)')
_NUMBER = re.compile(r"[0-9]{1,4}")
_LONGEST_SHOWN = 80


class UnexpandedError(Exception):
    """A generator or a template asks for something that is not in the files."""

    def __init__(self, *, what: str) -> None:
        super().__init__(what)


def filled(template: Any, parameters: Mapping[str, Any], *, go: bool, most: int) -> tuple[Any, int]:
    """Return a template, of Go's kind or the plain one, with its holes filled, and how many characters that are.

    Raises:
        UnexpandedError: a hole is more than a parameter, there is no such parameter, or it is too long.
    """
    filling = _Filling(parameters, go=go, left=most)
    return filling.fill(template), most - filling.left


class _Filling:
    def __init__(self, parameters: Mapping[str, Any], *, go: bool, left: int) -> None:
        self._parameters = parameters
        self._go = go
        self.left = left

    def fill(self, template: Any) -> Any:
        self._spend(1)
        if isinstance(template, Mapping):
            return {self.fill(key): self.fill(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.fill(item) for item in template]
        return self._text(template) if isinstance(template, str) else template

    def _text(self, template: str) -> str:
        parts, done = [], 0
        self._spend(len(template))
        while (start := template.find("{{", done)) >= 0 and (end := template.find("}}", start + 2)) >= 0:
            inside = template[start + 2 : end].removeprefix("-").removesuffix("-").strip()
            value = self._value(inside)
            self._spend(len(value))
            parts += [template[done:start], value]
            done = end + 2
        return "".join((*parts, template[done:]))

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise UnexpandedError(what="a set whose applications are more than a file may be long")

    def _value(self, expression: str) -> str:
        found = self._found(expression)
        if found is None or isinstance(found, (Mapping, list)):
            raise UnexpandedError(what=f"the template expression {_shown(expression)}")
        return str(found).lower() if isinstance(found, bool) else str(found)

    def _found(self, expression: str) -> Any:
        index = _INDEX.fullmatch(expression) if self._go else None
        if index is not None:
            keys = [text or number for text, number in _KEYS.findall(index[2])]
            return self._below(self._found(index[1]), keys, expression)
        if _FIELD.fullmatch(expression) is None or (self._go and not expression.startswith(".")):
            raise UnexpandedError(what=f"the template expression {_shown(expression)}")
        name = expression.removeprefix(".")
        if name in self._parameters:
            return self._parameters[name]
        return self._below(self._parameters, re.findall(r"[^.\[\]]+", name), expression)

    def _below(self, found: Any, keys: list[str], expression: str) -> Any:
        for key in keys:
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and _NUMBER.fullmatch(key) and int(key) < len(found):
                found = found[int(key)]
            else:
                what = f"the template expression {_shown(expression)}, for which there is no parameter:"
                raise UnexpandedError(what=what)
        return found


def _shown(expression: str) -> str:
    return repr(expression[:_LONGEST_SHOWN])
