"""Texts and values that readers of YAML disagree about."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ODD = (
    *(
        "08 09 0658 5e12 1e3 1E5 12e03 0o17 0o14 017 0x1F 0X1f 0b11 1_000 _1 1__0 0_8 +1 -1 -0 +.5 .5 1. -.5e+1 . .. "
        "... - + = << ~ ? ! % @ ` & * # | > , : [ ] { } ' \" \\ y Y n N yes No on OFF true False TRUE null Null NULL "
        "nUll .inf -.Inf .nan .NaN inf NaN Infinity 12:30 12:30:45 190:20:30 1:0 2026-01-01 2026-1-2 "
        "2026-01-01T10:00:00Z 2001-12-14t21:59:43.10-05:00 0x 0o8 0b2 1e 1e+ e5 1.2.3 10.0.0.1 v1.2 "
        "512Mi 0.5s 100m 1k 1h --- --flag=x -x -e5 -.5 "
        "<<: a:b a: :a a#b #c &a *a !a !!str %a @a `a {a [a ]a }a ,a é … 😀 a\u0301".split()
    ),
    "",
    " ",
    " a",
    "a ",
    "a b",
    "a: b",
    "a #b",
    "a # b",
    "? a",
    "- a",
    "# c",
    "\n",
    "a\n",
    "a\nb",
    "a\nb\n",
    "a\n\n",
    "\na",
    "a\n b\n",
    " a\nb",
    "a \nb\n",
    "a\n\n\nb\n",
    "a\n---\nb\n",
    "a\n...\nb\n",
    "a\r\nb\r\n",
    "\r",
    "a\tb",
    "\ta",
    "a\t",
    "a\n\tb\n",
    "a\u2028b",
    "a\u2029\nb\n",
    "a\x85b",
    "\x00",
    "\x07",
    "\x1b[0m",
    "\x7f",
    "\x9f",
    "\ufeff",
    "\ufeffa",
    "\ufffe",
    "\U0010ffff",
    "a\nb: c\n",
    "a\n# b\n",
    "x" * 200,
    "word " * 60,
)
TEXTS = (
    st.sampled_from(ODD)
    | st.text(st.sampled_from("0123456789abefxoEXO_+-.:~ynTZ"), max_size=8)
    | st.text(st.sampled_from(" \t\n\r:#-?a'\"\\{}[],&*!|>%@`=<~\u2028\x85"), max_size=8)
    | st.text(st.characters(codec="utf-8"), max_size=12)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return so many examples: one question each would start a process each."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


def alike(value: Any, reading: Any) -> bool:
    """Tell whether two values are the same, but for the digits by which JSON of Go shows a fraction."""
    if isinstance(value, dict) and isinstance(reading, dict):
        return value.keys() == reading.keys() and all(alike(value[key], reading[key]) for key in value)
    if isinstance(value, list) and isinstance(reading, list):
        return len(value) == len(reading) and all(map(alike, value, reading))
    return bool(value == (float(reading) if isinstance(value, float) else reading))
