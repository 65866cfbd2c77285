"""The one writer of YAML: what it writes, every reader takes for the very same values.

Readers differ in what an unquoted text is: ours and kubectl's take ``08`` and ``5e12`` for numbers and ``y`` for true,
those of YAML 1.1 take ``12:30:45`` for a number and ``2024-01-01`` for a date, and those of YAML 1.2 again something
else. So a text stands without quotes only where it has a form that no reader takes for anything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import yaml

from common.yaml.scalars import LARGEST, SMALLEST, plain

_STR = "tag:yaml.org,2002:str"
_WORDS = re.compile(r"(?:--?(?=[A-Za-z]))?[A-Za-z_/](?:[A-Za-z0-9_./@+=,()%;?&*~$-]|:(?! |\Z)| (?! |\Z))*")
"""Words, paths, addresses, images, arguments: they begin with no sign of YAML, and hold none that means something."""
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:[KMGTPE]i|ms|[hkmsMG])")
"""Quantities and durations: ``512Mi``, ``0.5s``."""
_LINES = re.compile(
    "(?![ \t])(?:[\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*[^ \t\n]\n|(?<!\\A)\n(?!\\Z))*"
    "[\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*(?<![ \t])"
)
"""Lines that may stand as they are: no odd line breaks, no space at an end, none at the very beginning, and at most one
line break at the end."""
_ONE_LINE = re.compile("[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*")
_WIDE = 1 << 30


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def dump(value: Any) -> str:
    """Return one document of YAML, its keys in their order, lines as lines where they can be.

    Args:
        value: what JSON can hold.

    Raises:
        ValueError: a number is not finite or does not fit 64 bits, or a text is no Unicode.
        yaml.YAMLError: it holds something else.
    """
    return _text([value], explicit_start=False)


def dump_all(values: Iterable[Any]) -> str:
    """Return a stream of documents, each after ``---``; errors as ``dump``."""
    return _text(values, explicit_start=True)


def _text(values: Iterable[Any], *, explicit_start: bool) -> str:
    text: str = yaml.dump_all(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, explicit_start=explicit_start
    )
    return text


def _written(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_STR, text, style=_style(text))


def _style(text: str) -> str | None:
    if _is_plain(text):
        return None
    if "\n" in text:
        return "|" if _LINES.fullmatch(text) else '"'
    return "'" if _ONE_LINE.fullmatch(text) else '"'


def _is_plain(text: str) -> bool:
    return (_WORDS.fullmatch(text) or _AMOUNT.fullmatch(text)) is not None and isinstance(plain(text), str)


def _integer(dumper: _Dumper, number: int) -> yaml.ScalarNode:
    if not SMALLEST <= number <= LARGEST:
        message = f"{number} does not fit 64 bits"
        raise ValueError(message)
    return dumper.represent_int(number)


def _fraction(dumper: _Dumper, number: float) -> yaml.ScalarNode:
    if not math.isfinite(number):
        message = f"{number} is not a finite number"
        raise ValueError(message)
    return dumper.represent_float(number)


_Dumper.add_representer(str, _written)
_Dumper.add_representer(int, _integer)
_Dumper.add_representer(float, _fraction)
