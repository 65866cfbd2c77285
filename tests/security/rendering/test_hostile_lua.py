"""Scripts of health in Lua, as strangers would write them: no way out, no way to the worker, and an end to each.

Each runs in a process that is ended; the object's health is unknown with the reason, and the worker goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.fleet import HealthRule
from common.domain.health import Health, HealthReport
from common.domain.reasons import sentence
from common.lua import LONGEST, LuaError
from workers.render.rules.evaluation import NOT_AGAIN, TIME, Expressions
from workers.render.sandbox import Bounds
from workers.sync.health import Context, assess, own_rules

HEALTHY = "return {status = 'Healthy'}"
NEVER_END: dict[str, str] = {
    "a loop": "while true do end",
    "a loop that catches what would end it": "while true do pcall(function() while true do end end) end",
    "errors caught for ever": "while true do pcall(error, 'x') end",
    "errors that raise errors": "local function f() return xpcall(f, f) end while true do f() end",
    "a pattern that goes back for ever": "return string.find(('a'):rep(40), ('a-'):rep(20) .. 'b')",
    "nothing repeated without end": "return (''):rep(1e18)",
    "a loop when it is asked what it is": (
        "while true do pcall(tostring, setmetatable({}, {__tostring = function() while true do end end})) end"
    ),
    "a sort that never agrees": "local l = {} for n = 1, 1e6 do l[n] = n end while true do table.sort(l) end",
    "memory asked for again and again": "while true do pcall(string.rep, 'x', 1e9) end",
}
ANSWERED: dict[str, tuple[str, str]] = {
    "a text that eats memory": ("local s = 'x' while true do s = s .. s end", "memory"),
    "a text repeated": ("return {status = ('x'):rep(1e9)}", "memory"),
    "a text repeated more often than can be counted": ("return {status = ('x'):rep(2^31)}", "no word"),
    "a table that eats memory": ("local l = {} while true do l[#l + 1] = {} end", "memory"),
    "endless depth": ("local function f() return 1 + f() end return f()", "memory"),
    "endless depth of patterns": ("return string.gsub('a', ('(a?)'):rep(40), '')", ""),
    "a pattern as long as memory": ("return {status = string.rep('a?', 3e5):match(string.rep('a?', 3e5))}", ""),
    "an error": ("error('mine')", "mine"),
    "an error that is no text": ("error({})", "no text"),
    "an error that runs when it is told": (
        "error(setmetatable({}, {__tostring = function() while true do end end}))",
        "no text",
    ),
    "a huge error": ("error(('x'):rep(1e6))", "x"),
    "no script": ("return {", "expected"),
    "a word": ("return 'Healthy'", "string"),
    "a function": ("return function() end", "function"),
    "a boolean": ("return true", "boolean"),
    "a status of another type": ("return {status = {}}", "no word"),
    "a status that is computed": (
        "return setmetatable({message = 'x'}, {__index = function() while true do end end})",
        "no word",
    ),
    "nothing but a message": ("return {message = 'x'}", "no word"),
}
ABSENT = (
    "io", "debug", "package", "python", "load", "loadstring", "loadfile", "dofile", "module", "collectgarbage",
    "coroutine", "newproxy", "getfenv", "setfenv", "gcinfo", "bit32", "os.execute", "os.exit", "os.getenv", "os.remove",
    "os.rename", "os.tmpname", "os.setlocale", "os.clock", "string.dump", "table.foreach",
)  # fmt: skip


@pytest.fixture(scope="module")
def expressions() -> Iterator[Expressions]:
    made = Expressions(Bounds())
    yield made
    made.close()


def judged(expressions: Expressions, script: str, project: str = "team", **fields: Any) -> HealthReport:
    live = {"apiVersion": "example.com/v1", "kind": "Box", "metadata": {"name": "x"}, **fields}
    own = own_rules([HealthRule("Box", "example.com", lua=script, of="box")], expressions.of(project))
    return assess(live, Context(now=datetime.now(UTC)), own)


@pytest.mark.parametrize("attack", NEVER_END)
def test_what_never_ends_is_ended_and_not_tried_again(expressions: Expressions, attack: str) -> None:
    began = time.monotonic()
    report = judged(expressions, NEVER_END[attack])
    assert time.monotonic() - began < TIME.total_seconds() + 8, "its process starts, works, and is ended"
    assert (report.health, "cannot be used" in sentence(report.reason)) == (Health.UNKNOWN, True)
    began = time.monotonic()
    assert judged(expressions, NEVER_END[attack]).health is Health.UNKNOWN
    assert time.monotonic() - began < 0.5
    assert judged(expressions, HEALTHY).health is Health.HEALTHY, "others of the project are"


@pytest.mark.parametrize("attack", ANSWERED)
def test_what_gives_no_health_is_unknown_with_the_reason(expressions: Expressions, attack: str) -> None:
    script, words = ANSWERED[attack]
    report = judged(expressions, script)
    assert report.health is Health.UNKNOWN
    assert words in sentence(report.reason)
    assert len(sentence(report.reason)) < LONGEST + 200
    assert judged(expressions, HEALTHY).health is Health.HEALTHY


@pytest.mark.parametrize("name", ABSENT)
def test_what_reaches_the_outside_is_not_there(expressions: Expressions, name: str) -> None:
    table, _, field = name.rpartition(".")
    holder = table or "_G"
    script = f"return {{status = {holder}['{field}'] == nil and 'Healthy' or 'Degraded'}}"
    assert judged(expressions, script).health is Health.HEALTHY


@pytest.mark.parametrize(
    "script",
    [
        "for _, name in ipairs({'io', 'debug', 'package', 'python', 'lupa', 'coroutine', 'ffi', 'jit'}) do"
        " if pcall(require, name) then return {status = 'Degraded'} end end " + HEALTHY,
        # every value that can be reached, from every place: none of them is an object of Python
        "local seen = {} local function look(v) if type(v) == 'userdata' or type(v) == 'thread' then error('found') end"
        " if type(v) ~= 'table' or seen[v] then return end seen[v] = true look(getmetatable(v))"
        " for k, e in pairs(v) do look(k) look(e) end end"
        " look(_G) look(getmetatable('')) look(obj) look(_ENV) look(actionParams) " + HEALTHY,
        "local held = getmetatable('').__index held.rep = nil held.dump = 1 return {status = 'Healthy'}",
        "obj.status = nil obj = nil status = 1 _G.status = 2 string.rep = nil " + HEALTHY,
    ],
)
def test_there_is_no_way_to_more_than_it_was_given(expressions: Expressions, script: str) -> None:
    report = judged(expressions, script)
    assert report.health is Health.HEALTHY, sentence(report.reason)


def test_nothing_stays_for_the_next_object(expressions: Expressions) -> None:
    leaves = "string.rep = nil; getmetatable('').__index = {}; kept = obj; ipairs = error; _G.pcall = error;" + HEALTHY
    finds = "return {status = kept == nil and ('x'):rep(2) == 'xx' and pcall(ipairs, {}) and 'Healthy' or 'Degraded'}"
    assert judged(expressions, leaves).health is Health.HEALTHY
    assert judged(expressions, finds).health is Health.HEALTHY


def test_odd_objects_are_read_or_refused(expressions: Expressions) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    says = "return {status = 'Degraded', message = tostring(obj.spec.a)}"
    assert "table" in sentence(judged(expressions, says, spec={"a": deep}).reason)
    assert sentence(judged(expressions, says, spec={"a": 2**60}).reason).startswith("1.1529")
    assert sentence(judged(expressions, says, spec={"a": None}).reason) == "nil"
    assert sentence(judged(expressions, says, spec={"a": "ü"}).reason) == "ü"
    whole = "return {status = #obj.spec.a == 2 and obj.spec.a[1] == 'x' and obj.spec.a[2] == 'y' and 'Healthy'}"
    assert judged(expressions, whole, spec={"a": ["x", None, "y"]}).health is Health.HEALTHY
    for _ in range(1_000):
        deep = {"a": deep}
    report = judged(expressions, HEALTHY, spec=deep)
    assert (report.health, "too deep" in sentence(report.reason)) == (Health.UNKNOWN, True)


def test_what_a_script_says_is_cut_and_without_secrets(expressions: Expressions) -> None:
    long = judged(expressions, "return {status = 'Degraded', message = ('x'):rep(1e6)}")
    assert (long.health, len(sentence(long.reason)) <= LONGEST + 1) == (Health.DEGRADED, True)
    secret = "return {status = 'Degraded', message = 'https://me:hunter22@example.com/x'}"
    assert "hunter22" not in sentence(judged(expressions, secret).reason)
    odd = judged(expressions, "return {status = 'Sideways'}")
    assert (odd.health, sentence(odd.reason)) == (Health.UNKNOWN, "its health rule gives no health: Sideways")
    broken = judged(expressions, "return {status = 'Degraded', message = '\\255\\254'}")
    assert broken.health is Health.DEGRADED


def test_a_script_that_was_refused_is_tried_again_later() -> None:
    now = [0.0]
    made = Expressions(Bounds(), clock=lambda: now[0])
    try:
        script = "if obj.a then while true do end end " + HEALTHY
        run = made.of("team").lua
        with pytest.raises(LuaError, match="make it simpler"):
            run(script, {"a": 1})
        with pytest.raises(LuaError, match="make it simpler"):
            run(script, {})
        assert made.of("other").lua(script, {}).status == "Healthy", "it is refused to nobody else"
        now[0] += NOT_AGAIN.total_seconds() + 1
        assert run(script, {}).status == "Healthy"
    finally:
        made.close()
