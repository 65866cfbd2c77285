"""Foreign text holds the interpreter: every pattern of the code takes time in proportion to what it is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.security.text.patterns import Found, attacks, patterns
from workers.render.faults import RenderError
from workers.render.jsonnet.imports import imports_of

SHORT = 500
LONG = 4 * SHORT
NOTICED = 0.005
"""Seconds of CPU for the long text below which nobody cares: a square takes tens of milliseconds."""
LINEAR = 9
"""Times as long for four times the text; a square gives 16."""
ALL = patterns()
SHORTENED = {"common/semver.py": 512}
"""By file: characters of the longest text that is shown to its patterns; they are timed at that length."""
STOPPED = {"workers/render/jsonnet/imports.py": "its reader ends at the first place that opens what nothing closes"}
"""By file: why what is asked for one match after the other is not asked here."""


def _took(work: Callable[[Any], object], text: Any, tries: int = 1) -> float:
    best = float("inf")
    for _ in range(tries):
        started = time.process_time()
        work(text)
        best = min(best, time.process_time() - started)
    return best


def _used(pattern: re.Pattern[Any], methods: frozenset[str]) -> Callable[[Any], object]:
    """Return what asks a pattern as the code does; what finds one match after the other is alike."""

    def use(text: Any) -> None:
        for method in methods & {"match", "fullmatch"}:
            getattr(pattern, method)(text)
        if methods - {"match", "fullmatch"}:
            for _ in pattern.finditer(text):
                pass

    return use


def _slow(pattern: re.Pattern[Any], methods: frozenset[str]) -> str:
    """Return the text on which a pattern takes more than in proportion; empty if there is none."""
    work = _used(pattern, methods)
    for short, long in zip(attacks(pattern, SHORT), attacks(pattern, LONG), strict=True):
        if _took(work, short) > 1:
            return f"{short[:60]!a} of {SHORT} characters takes seconds"
        if _took(work, long) < NOTICED:
            continue
        quotient = _took(work, long, 5) / max(_took(work, short, 5), 1e-6)
        if quotient > LINEAR:
            return f"{long[:60]!a}: {quotient:.0f} times as long for 4 times the text"
    return ""


@pytest.mark.parametrize("found", [one for one in ALL if one.pattern is not None], ids=str)
def test_a_pattern_takes_time_in_proportion_to_the_text(found: Found) -> None:
    assert found.pattern is not None
    if found.file in STOPPED:
        return
    if found.file in SHORTENED:
        work = _used(found.pattern, found.methods)
        assert max(_took(work, text) for text in attacks(found.pattern, SHORTENED[found.file])) < 0.1
        return
    assert not _slow(found.pattern, found.methods)


def test_every_pattern_was_found() -> None:
    assert len(ALL) > 120
    made = {one.file for one in ALL if one.pattern is None}
    assert made == {"common/sources/faults.py", "workers/render/kustomize/rendering.py"}, (
        "made at a call: see what is put in"
    )


@pytest.mark.parametrize("text", [r"[^/\s@]+@", r"\s*=\s*x|\s+$", r"(?i)\w+(?:Error)\("])
def test_a_pattern_that_is_not_linear_is_known(text: str) -> None:
    assert _slow(re.compile(text), frozenset({"search"}))


def test_a_program_that_opens_much_and_closes_nothing_costs_nothing() -> None:
    for opened in ("/*", '"', "@'", "|||\n", "a/*b"):
        started = time.process_time()
        with suppress(RenderError):
            tuple(imports_of(opened * 50_000, "main.jsonnet"))
        assert time.process_time() - started < 1
