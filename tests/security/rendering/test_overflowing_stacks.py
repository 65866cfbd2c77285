"""Loops and bombs: a program that overflows its renderer's stack is at fault for good, and harms nobody else.

The library's process dies of it. Were that taken for an accident, the same program would be rendered, and kill its
process, again and again. Some of these are refused before the stack is full: that is as good.
"""

from __future__ import annotations

import pytest

from common.domain.errors import PermanentError
from tests.security.rendering.attacks import honest, render
from workers.render.renderers import Renderers

MANY = 100_000
PROGRAMS = {
    "lists in lists": "[" * MANY + "]" * MANY,
    "objects in objects": "{a:" * MANY + "1" + "}" * MANY,
    "brackets in brackets": "(" * MANY + "1" + ")" * MANY,
    "one condition after the other": "if true then " * MANY + "1",
    "functions of functions": "function(x) " * MANY + "1",
    "locals in locals": "local a = 1; " * MANY + "a",
    "a value that is printed": f"std.foldl(function(a, b) [a], std.range(1, {MANY}), 1)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_overflows_the_stack_is_at_fault_for_good(renderers: Renderers, name: str) -> None:
    with pytest.raises(PermanentError) as refused:
        render(renderers, {"app/main.jsonnet": PROGRAMS[name]})
    assert "main.jsonnet" in str(refused.value)
    honest(renderers)
