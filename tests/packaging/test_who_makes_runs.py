"""Only the scheduler makes runs: nothing outside of it names what does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("workers", "console", "simulator")
MAKERS = frozenset({"NewRun", "create", "create_many"})
"""What of ``common.store.queue.runs`` makes them."""


def makers(source: str) -> Iterator[str]:
    """Yield what of a module makes runs: names of the store's, and rows put into their table."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="common.store.queue.runs", names=names):
                yield from (one.name for one in names if one.name in MAKERS)
            case ast.Attribute(value=ast.Name(id="runs"), attr=name) if name in MAKERS:
                yield name
            case ast.Name(id="RunRow") | ast.alias(name="RunRow"):
                yield "RunRow"


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ELSEWHERE)
def test_nothing_but_the_scheduler_makes_runs(package: str) -> None:
    found = {str(path.relative_to(ROOT)): [*makers(path.read_text(encoding="utf-8"))] for path in modules(package)}
    assert found
    assert {name: made for name, made in found.items() if made} == {}


def test_the_scheduler_makes_them() -> None:
    found = {path.name for path in modules("scheduler") if any(makers(path.read_text(encoding="utf-8")))}
    assert found == {"findings.py", "intents.py", "planner.py"}


@pytest.mark.parametrize(
    "line",
    [
        "from common.store.queue.runs import ClaimedRun, NewRun",
        "from common.store.queue import runs\nruns.create(connection, run, now=now)",
        "from common.store.queue import runs\nruns.create_many(connection, [run], now=now)",
        "from common.store.schema.tables import RunRow\ninsert(RunRow)",
    ],
)
def test_who_makes_one_is_found(line: str) -> None:
    assert [*makers(line)]
