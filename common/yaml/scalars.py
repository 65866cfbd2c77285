"""What an unquoted scalar means.

Values follow what kubectl does (sigs.k8s.io/yaml, which is go-yaml v2): YAML 1.1 booleans, no dates, no base 60.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum

LARGEST = 2**64 - 1
SMALLEST = -(2**63)
_BOOLS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_FINITE = frozenset({".nan", ".NaN", ".NAN"} | {s + i for s in ("", "+", "-") for i in (".inf", ".Inf", ".INF")})
_NUMBER_START = frozenset("0123456789+-.")
_INT = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 400
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}

Scalar = None | bool | int | float | str


class Dialect(StrEnum):
    """How keys are read; values are the same in both."""

    KUBERNETES = "kubernetes"
    """As kubectl: ``on:`` is the key ``true``."""
    REGISTRY = "registry"
    """As written: ``on:`` is the key ``on``."""


def plain(text: str) -> Scalar:
    """Return what ``text``, unquoted, means.

    Raises:
        ValueError: it is a number that JSON or 64 bits cannot hold.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in _NUMBER_START:
        return text
    if text in _NOT_FINITE:
        message = f"{text} is not a finite number"
        raise ValueError(message)
    return _number(text)


def key(value: Scalar) -> str:
    """Return a mapping's key as JSON has it, by the rules of kubectl.

    Raises:
        ValueError: it is null or a fraction, which kubectl refuses or prints in a way of its own.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    message = f"{'null' if value is None else value} cannot be a key"
    raise ValueError(message)


def _number(text: str) -> int | float | str:
    digits = text.replace("_", "") if text[0] != "." else text
    integer = _INT.fullmatch(digits)
    fraction = None if integer else _FLOAT.fullmatch(digits)
    if integer is None and fraction is None:
        return text
    if len(digits) > _LONGEST_NUMBER:
        message = f"a number of {len(digits)} characters"
        raise ValueError(message)
    return _integer(integer) if integer else _fraction(digits)


def _integer(match: re.Match[str]) -> int:
    name, digits = next((n, d) for n, d in match.groupdict().items() if n != "sign" and d is not None)
    value = int(match["sign"] + digits, _BASES[name])
    if not SMALLEST <= value <= LARGEST:
        message = f"{match[0]} does not fit 64 bits"
        raise ValueError(message)
    return value


def _fraction(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        message = f"{text} does not fit a double"
        raise ValueError(message)
    # JSON as kubectl writes it has 1 for 1.0 and 1000 for 1e3; an API server refuses 1.0 where it wants an integer.
    return int(value) if value.is_integer() and abs(value) < 2**63 else value
