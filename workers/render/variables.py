"""Texts with variables in them, taken apart: ``${name}``, ``${name:=default}``, and what stands between. Pure.

A default, which may hold variables itself, is for a name without a value or with an empty one; ``:-`` and ``=`` mean
the same. A name is a path through the values, such as ``cluster.labels.region``.

Source: https://github.com/fluxcd/pkg, ``envsubst``, whose other forms are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MOST_NESTED = 8
"""Defaults within defaults."""
MOST_PARTS = 1_000
"""Of a default."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,252}")
_DEFAULTS = (":=", ":-", "=")
_UNCLOSED = "a ${ without its end"
_LIKE_A_FORM = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<sign>[/-])")
_FORMS = (
    (":+", "a shell and Flux do the opposite of each other by it"),
    (":?", "it ends a shell"),
    (":", "it takes a part of the value"),
    ("^", "it changes the case of the value"),
    (",", "it changes the case of the value"),
    ("#", "it cuts from the value"),
    ("%", "it cuts from the value"),
    ("/", "it replaces something in the value"),
    ("-", "Flux refuses it too; a default is ${name:-default}"),
)
_LONGEST_SHOWN = 80


class Escapes(Enum):
    """How a ``$`` is written that begins no variable."""

    BEFORE_BRACES = re.compile(r"\$\$\{|\$\{")
    """``$${`` stands for ``${``, all else for itself."""
    EVERYWHERE = re.compile(r"\$\$|\$\{")
    """``$$`` stands for ``$``, as with Flux."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A place for a value.

    Attributes:
        name: of the value.
        default: what stands there where there is none; None where that is not said.
    """

    name: str
    default: tuple[Piece, ...] | None = None


@dataclass(frozen=True, slots=True)
class Odd:
    """A ``${`` that cannot be filled in.

    Attributes:
        form: as it is written, short; empty where it has no end. It may hold a part of a password.
        what: is wrong with it.
    """

    form: str
    what: str


Piece = str | Variable | Odd
_INSIDE = re.compile(r"\$\{|\}")


def pieces(text: str, escapes: Escapes) -> Iterator[Piece]:
    """Yield what ``text`` consists of, in its order; takes time in proportion to its length, and hardly any memory."""
    return _Reader(text, escapes).outside()


def like_a_form(name: str) -> tuple[str, Odd] | None:
    """Return for a name that has no value the shorter one, and the form, that it is to a shell; None if it is none."""
    match = _LIKE_A_FORM.match(name)
    return None if match is None else (match["name"], _odd(name, match["sign"]))


def _odd(body: str, after: str) -> Odd:
    hint = next((hint for sign, hint in _FORMS if after.startswith(sign)), "")
    return Odd(f"${{{body[:_LONGEST_SHOWN]}}}", f"is not a form known here{f': {hint}' if hint else ''}")


class _Reader:
    def __init__(self, text: str, escapes: Escapes) -> None:
        self._text = text
        self._escapes = escapes
        self._at = 0

    def outside(self) -> Iterator[Piece]:
        while (sign := self._escapes.value.search(self._text, self._at)) is not None:
            if sign.start() > self._at:
                yield self._text[self._at : sign.start()]
            self._at = sign.end()
            yield self._variable(0) if sign[0] == "${" else sign[0][1:]
        if self._at < len(self._text):
            yield self._text[self._at :]

    def _inside(self, depth: int) -> tuple[Piece, ...] | Odd:
        """Return a default up to its brace."""
        found: list[Piece] = []
        while (sign := _INSIDE.search(self._text, self._at)) is not None:
            if len(found) > MOST_PARTS:
                return self._given_up(f"a default of more than {MOST_PARTS:,} parts")
            found.append(self._text[self._at : sign.start()])
            self._at = sign.end()
            if sign[0] == "}":
                return tuple(piece for piece in found if piece != "")
            found.append(part := self._variable(depth))
            if isinstance(part, Odd) and not part.form:
                return part
        return self._given_up(_UNCLOSED)

    def _given_up(self, what: str) -> Odd:
        self._at = len(self._text)
        return Odd("", what)

    def _variable(self, depth: int) -> Piece:
        """Return what begins after a ``${``."""
        if depth > MOST_NESTED:
            return self._given_up(f"defaults nested deeper than {MOST_NESTED}")
        name = _NAME.match(self._text, self._at)
        if name is None:
            return self._other(self._at)
        begun, self._at = self._at, name.end()
        if self._text.startswith("}", self._at):
            self._at += 1
            return Variable(name[0])
        for sign in _DEFAULTS:
            if self._text.startswith(sign, self._at):
                self._at += len(sign)
                default = self._inside(depth + 1)
                return default if isinstance(default, Odd) else Variable(name[0], default)
        return self._other(begun)

    def _other(self, begun: int) -> Odd:
        end = self._text.find("}", self._at)
        if end < 0:
            return self._given_up(_UNCLOSED)
        body, after = self._text[begun:end], self._text[self._at : end]
        self._at = end + 1
        return _odd(body, after)
