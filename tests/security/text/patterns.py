"""Finds every pattern of the code, and makes the texts that are worst for each."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# CPython's own parser, which has no public door. By name, since whether a type checker knows of it depends on whether
# a library has imported it.
codes: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")

ROOT = Path(__file__).parents[3]
PACKAGES = ("common", "scheduler", "workers", "console")
_FUNCTIONS = frozenset({"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
_LONG = 60
"""A repetition with more turns than this is pumped."""
_MOST_SAMPLES = 6
_MOST_PUMPS = 24


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern of the code.

    Attributes:
        file: from the root.
        methods: of the pattern that the code calls.
        pattern: compiled; None where it is made of what only a call knows.
    """

    file: str
    line: int
    methods: frozenset[str]
    pattern: re.Pattern[Any] | None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def files() -> Iterator[Path]:
    """Yield every module of the packages."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def patterns() -> list[Found]:
    """Return every pattern that is handed to ``re``."""
    found: list[Found] = []
    for file in files():
        text = file.read_text()
        tree = ast.parse(text)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_of_re(node.func)]
        if calls:
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            names = vars(importlib.import_module(name)) if "/child" not in str(file) else {"re": re}
            own = {
                id(node.value): _name(node) for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign)
            }
            found += [_found(file, call, names, _methods(call, own.get(id(call), ""), text)) for call in calls]
    return found


def _name(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])


def _methods(call: ast.Call, name: str, text: str) -> frozenset[str]:
    """Return the methods of a pattern that its own module calls; all of them where another one may."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "compile":
        return frozenset({call.func.attr})
    called = re.findall(rf"\b{re.escape(name)}\.(\w+)", text) if name.startswith("_") else []
    return frozenset(called) & _FUNCTIONS or _FUNCTIONS - {"compile"}


def _is_of_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in _FUNCTIONS
    )


def _found(file: Path, call: ast.Call, names: dict[str, Any], methods: frozenset[str]) -> Found:
    place = str(file.relative_to(ROOT))
    flags = [each for each in (*call.args[1:], *(word.value for word in call.keywords)) if "re." in ast.unparse(each)]
    try:
        text = eval(compile(ast.Expression(call.args[0]), place, "eval"), dict(names))  # noqa: S307 - our own code
    except NameError:
        return Found(place, call.lineno, methods, None)
    flag = eval(compile(ast.Expression(flags[-1]), place, "eval"), dict(names)) if flags else 0  # noqa: S307
    return Found(place, call.lineno, methods, re.compile(text, flag))


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[Any]:
    """Yield texts of about ``size`` characters on which a pattern that repeats within a repetition takes long."""
    text, is_bytes = pattern.pattern, isinstance(pattern.pattern, bytes)
    tree = parser.parse(text.decode("latin-1") if is_bytes else text, pattern.flags & ~re.UNICODE if is_bytes else 0)
    whole = _samples(tree)
    pumps = dict.fromkeys([*_pumps(tree, [""]), *(("", sample) for sample in whole)])
    for before, pump in [*pumps][:_MOST_PUMPS]:
        if not pump:
            continue
        many = pump * (size // len(pump))
        turns = (before + pump) * (size // len(before + pump))
        for made in (before + many + "\x00", many + "!\n", turns):
            yield made.encode("latin-1", "replace") if is_bytes else made


def _pumps(tree: Any, before: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what leads to each long repetition, and what it repeats."""
    so_far = list(before)
    for code, argument in tree:
        for inner, lead in _inside(code, argument, so_far):
            yield from _pumps(inner, lead)
        if code in _REPEATS and argument[1] > _LONG:
            yield from ((lead, sample) for lead in so_far[:_MOST_SAMPLES] for sample in _samples(argument[2]))
        parts = _of_node(code, argument)
        so_far = [lead + part for lead in so_far for part in parts][:_MOST_SAMPLES]


def _inside(code: Any, argument: Any, so_far: list[str]) -> Iterator[tuple[Any, list[str]]]:
    if code is codes.SUBPATTERN:
        yield argument[3], so_far
    elif code in _REPEATS:
        yield argument[2], so_far
    elif code is codes.BRANCH:
        yield from ((branch, so_far) for branch in argument[1])
    elif code in {codes.ASSERT, codes.ASSERT_NOT}:
        yield argument[1], so_far
    elif code is codes.ATOMIC_GROUP:
        yield argument, so_far


_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_CANDIDATES = "a0 .-/:_=\"'\\A\n\t@%,{[(<>#é"


def _samples(tree: Any) -> list[str]:
    """Return a few short texts that a part of a pattern matches."""
    found = [""]
    for code, argument in tree:
        parts = _of_node(code, argument)
        found = [each + part for each in found for part in parts][:_MOST_SAMPLES]
    return found


def _of_node(code: Any, argument: Any) -> list[str]:
    if code is codes.LITERAL:
        return [chr(argument)]
    if code is codes.NOT_LITERAL:
        return [each for each in _CANDIDATES if ord(each) != argument][:3]
    if code is codes.ANY:
        return ["a", " ", "."]
    if code is codes.IN:
        return _of_set(argument)
    if code is codes.BRANCH:
        return [sample for branch in argument[1] for sample in _samples(branch)[:2]][: 2 * _MOST_SAMPLES]
    if code is codes.SUBPATTERN:
        return _samples(argument[3])
    if code is codes.ATOMIC_GROUP:
        return _samples(argument)
    if code in _REPEATS:
        least, _, inner = argument
        return [sample * max(least, 1) for sample in _samples(inner)] + ([""] if least == 0 else [])
    return [""]


def _of_set(members: Any) -> list[str]:
    """Return some characters of a set, the odd ones among them."""
    negated = any(code is codes.NEGATE for code, _ in members)
    inside = [each for each in _CANDIDATES if _holds(members, each)]
    if negated:
        return [each for each in _CANDIDATES if each not in inside][:4]
    own = [chr(value if code is codes.LITERAL else value[0]) for code, value in members if code in _NAMED]
    return list(dict.fromkeys([*inside[:3], *own[:2]])) or ["a"]


_NAMED = {codes.LITERAL, codes.RANGE}


def _holds(members: Any, character: str) -> bool:
    for code, value in members:
        if code is codes.LITERAL and ord(character) == value:
            return True
        if code is codes.RANGE and value[0] <= ord(character) <= value[1]:
            return True
        if code is codes.CATEGORY and re.match(_CLASS[value], character):
            return True
    return False


_CLASS = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_NOT_WORD: r"\W",
}
