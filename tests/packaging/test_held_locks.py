"""Nothing is read, written or called back under a lock: once the other end hangs, so would every thread."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("common", "scheduler", "workers", "console", "simulator")
QUICK = frozenset(
    "add append clear copy dict discard float fromkeys get int items keys len list max min monotonic move_to_end pop"
    " popitem range remove set setdefault sorted sum total_seconds tuple update values".split()
)
"""What may be called under a lock: it touches memory only, and comes to an end."""


def guarded(tree: ast.AST) -> Iterator[tuple[str, ast.With]]:
    """Yield every block that holds a lock, with the lock's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            for item in node.items:
                held = item.context_expr
                name = held.attr if isinstance(held, ast.Attribute) else held.id if isinstance(held, ast.Name) else ""
                if "lock" in name.lower():
                    yield name, node


def called(block: ast.With) -> Iterator[tuple[int, str]]:
    """Yield what is called, awaited or yielded in a block."""
    for statement in block.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                function = node.func
                yield node.lineno, function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
            elif isinstance(node, ast.Yield | ast.YieldFrom | ast.Await):
                yield node.lineno, "yield"


def offences(source: str) -> list[str]:
    """Return the calls of a module that wait for something, or may, under a lock."""
    found = [(line, what) for _, block in guarded(ast.parse(source)) for line, what in called(block)]
    return [f"{line}: {what}" for line, what in found if what not in QUICK]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_lock_is_held_while_something_is_waited_for(package: str) -> None:
    found = {str(path.relative_to(ROOT)): offences(path.read_text()) for path in sorted((ROOT / package).rglob("*.py"))}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_locks_are_held_by_blocks_only(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "acquire":
                assert "lock" not in ast.unparse(node.func.value).lower(), f"{path}:{node.lineno}"


def test_the_rule_sees_what_it_is_to_see() -> None:
    assert offences("with self._lock:\n    x = self._read()\n") == ["2: _read"]
    assert offences("with lock:\n    while x:\n        yield x.pop()\n") == ["3: yield"]
    assert offences("with self._lock:\n    self._known[key] = list(found)\nread()\n") == []
