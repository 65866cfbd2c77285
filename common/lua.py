"""Lua, the language of Argo CD's health rules: what they are written in there, without a way to the outside.

Argo CD runs gopher-lua, which is Lua 5.1 with ``goto``. Lua 5.2 is the one that has both: no whole numbers beside the
others, and ``goto``; what 5.1 calls otherwise is given that name. What a script reaches is what Argo CD gives one: the
basic functions that load nothing, ``table``, ``string``, ``math``, and of ``os`` the time. A script may loop, and
nothing here stops it: scripts of others belong in a process that can be ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lupa import lua52  # type: ignore[import-untyped]  # the wheel has no stubs

MEMORY = 64 * 1024 * 1024
"""Bytes of all that one evaluation makes, the object included."""
LONGEST_SCRIPT = 64 * 1024
LONGEST = 1_000
"""Bytes of a message."""
_WIDEST = 2**53
"""From here on Lua's numbers are no whole ones any more, and whole ones of Python do not fit."""
_PRELUDE = """
local load, pcall, type = load, pcall, type
local error, next, rawget, select, sub, tostring = error, next, rawget, select, string.sub, tostring

local function kept(from, names)
  local found = {}
  for name in string.gmatch(names, "%a+") do found[name] = from[name] end
  return found
end

local reach = kept(_G, "assert error getmetatable ipairs next pairs pcall rawequal rawget rawset select setmetatable"
  .. " tonumber tostring type xpcall")
reach._G, reach.unpack = reach, table.unpack
reach.table = kept(table, "concat insert maxn remove sort")
reach.table.getn = function(list) return #list end
reach.string = kept(string, "byte char find format gmatch gsub len lower match rep reverse sub upper")
reach.math = kept(math, "abs acos asin atan ceil cos cosh deg exp floor fmod frexp huge ldexp log max min modf pi"
  .. " pow rad random randomseed sin sinh sqrt tan tanh")
reach.os = kept(os, "time date")
reach.print = function() end
reach.require = function(name)
  local found = (name == "os" or name == "table" or name == "string" or name == "math") and reach[name]
  return found or error("there is no module " .. tostring(name))
end
getmetatable("").__index = reach.string
local globals, all = _G, {}
for name in next, globals do all[#all + 1] = name end
for place = 1, #all do globals[all[place]] = nil end

local function words(value)
  if type(value) == "number" then value = tostring(value) end
  return type(value) == "string" and value or ""
end

local function told(ok, ...)
  if not ok then
    local said = words((...))
    return "error", sub(said ~= "" and said or "it raises what is no text", 1, LONGEST)
  end
  local count = select("#", ...)
  local found = count > 0 and select(count, ...) or nil
  if found == nil then return "silent" end
  if type(found) ~= "table" then return "error", "it returns a " .. type(found) .. ", not a table" end
  local status = rawget(found, "status")
  if status == nil and next(found) == nil then return "silent" end
  if type(status) ~= "string" or status == "" then return "error", "the status that it returns is no word" end
  return "status", sub(status, 1, 64), sub(words(rawget(found, "message")), 1, LONGEST)
end

return function(script, obj)
  local chunk, wrong = load(script, "=rule", "t", reach)
  if not chunk then return "error", sub(words(wrong), 1, LONGEST) end
  if obj == nil then return "silent" end
  reach.obj, reach.actionParams = obj, {}
  return told(pcall(chunk))
end
""".replace("LONGEST", str(LONGEST))


class LuaError(ValueError):
    """A script that is none, that raises, or that returns something other than a health."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a script says of an object.

    Attributes:
        status: a word; empty where it says nothing.
        message: why.
    """

    status: str = ""
    message: str = ""


Script = Callable[[str, Mapping[str, Any]], Verdict]
"""Says what a script says of an object; see ``run``."""


def check(text: str) -> None:
    """Return if ``text`` is a script.

    Raises:
        LuaError: it is none.
    """
    _evaluated(text, None)


def run(text: str, subject: Mapping[str, Any]) -> Verdict:
    """Return what a script says of ``subject``, which is ``obj`` in it, in this process, without a bound of time.

    Raises:
        LuaError: it is none, raises, takes more than ``MEMORY``, or returns something other than a health.
    """
    return _evaluated(text, subject)


def _evaluated(text: str, subject: Mapping[str, Any] | None) -> Verdict:
    script = text.encode("utf-8", "replace")
    if len(script) > LONGEST_SCRIPT:
        message = f"it is longer than {LONGEST_SCRIPT >> 10} KB"
        raise LuaError(message)
    try:
        runtime = lua52.LuaRuntime(
            encoding=None, register_eval=False, register_builtins=False, attribute_filter=_nothing, max_memory=MEMORY
        )
        judge = runtime.execute(_PRELUDE.encode())
        said = judge(script, None if subject is None else runtime.table_from(_value(subject), recursive=True))
    except lua52.LuaMemoryError as error:
        message = f"it takes more than {MEMORY >> 20} MB"
        raise LuaError(message) from error
    kind, *words = said if isinstance(said, tuple) else (said,)
    decoded = [word.decode("utf-8", "replace") for word in words]
    if kind == b"error":
        raise LuaError(decoded[0])
    return Verdict(*decoded)


def _nothing(_owner: Any, _name: Any, _setting: Any) -> Any:
    """Refuse what a script asks of a Python object: none is given to one."""
    raise AttributeError


def _value(found: Any) -> Any:
    """Return a JSON value as Lua's tables take it: text as bytes, and nothing where there is null, as in Argo CD."""
    if isinstance(found, str):
        return found.encode("utf-8", "replace")
    if isinstance(found, Mapping):
        return {_value(key): _value(each) for key, each in found.items() if each is not None}
    if isinstance(found, list):
        return [_value(each) for each in found if each is not None]
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) >= _WIDEST:
        return float(found)
    return found
