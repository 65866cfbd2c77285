"""Lua as Argo CD's scripts have it: what they use is there, and a check of one runs nothing of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from common.lua import LONGEST_SCRIPT, LuaError, Verdict, check, run


def said(expression: str, **subject: Any) -> str:
    return run(f"return {{status = 'Healthy', message = tostring({expression})}}", subject).message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("#obj.l", "2"),
        ("table.getn(obj.l)", "2"),
        ("unpack(obj.l)", "a"),
        ("select('#', unpack(obj.l))", "2"),
        ("obj.n / 2", "1.5"),
        ("obj.n", "3"),
        ("obj.big == 9007199254740991", "true"),
        ("2^31", "2147483648"),
        ("obj.none", "nil"),
        ("next(obj.empty)", "nil"),
        ("obj.yes", "true"),
        ("('a-b'):gsub('%-', '_')", "a_b"),
        ("string.format('%s of %d', 'x', 3)", "x of 3"),
        ("math.floor(2.7)", "2"),
        ("math.pow(2, 3)", "8"),
        ("tonumber('12')", "12"),
        ("type(os.time())", "number"),
        ("os.date('!%Y', 0)", "1970"),
        ("require('os') == os", "true"),
        ("pcall(error, 'x')", "false"),
        ("_G.obj == obj", "true"),
        ("next(actionParams)", "nil"),
    ],
)
def test_what_scripts_use_is_there(expression: str, expected: str) -> None:
    subject = {"l": ["a", "b"], "n": 3, "big": 2**53 - 1, "none": None, "empty": {}, "yes": True}
    assert said(expression, **subject) == expected


def test_goto_is_known_as_in_argo_cd() -> None:
    script = (
        "for _, one in ipairs(obj.l) do if one == 'a' then goto continue end"
        " do return {status = one} end ::continue:: end"
    )
    assert run(script, {"l": ["a", "Healthy"]}) == Verdict("Healthy")


def test_a_check_runs_nothing_and_takes_a_moment() -> None:
    began = time.process_time()
    check("while true do end")
    check("error('x')")
    for deep in ("(" * 60_000, "x = {" * 10_000, "local a = 1 " * 5_000, "do " * 20_000):
        with pytest.raises(LuaError):
            check(deep)
    check("x = " + "1 + " * 15_000 + "1")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text", ["return {", "x = = 1", "\x1bLua", "return 'a", "\x00", "return \ud800", "x" * (LONGEST_SCRIPT + 1)]
)
def test_what_is_no_script_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(LuaError) as raised:
        check(text)
    assert 0 < len(str(raised.value)) < 2_000


def test_names_and_words_that_are_no_unicode_are_taken() -> None:
    assert said("obj['\\239\\191\\189'] or obj['?']", **{"\ud800": "x"}) == "x"
    assert said("obj.a", a="\udfff") in {"?", "\ufffd"}


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(LuaError, match="there is no module x"):
        run("return require('x')", {})
