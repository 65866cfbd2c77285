"""Tests of one kind take nothing from tests of another: what several need lies in what all of them share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SHARED = frozenset({"controlplane", "factories", "fakes", "fixtures", "harness"})
"""What tests of every kind may use; itself it uses nothing else."""
KINDS = frozenset(one.name for one in TESTS.iterdir() if (one / "__init__.py").exists()) - SHARED


def imports(module: Path) -> Iterator[tuple[str, ...]]:
    """Yield the parts of every name under ``tests`` that a module imports from."""
    for node in ast.walk(ast.parse(module.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (tuple(name.split(".")) for name in names if name.startswith("tests."))


def strangers(module: Path) -> set[str]:
    """Return the kinds of tests that a module takes from and may not."""
    kind = module.relative_to(TESTS).parts[0].removesuffix(".py")
    used = {name[1] for name in imports(module)}
    return used - SHARED - ({kind} if kind in KINDS else set())


@pytest.mark.parametrize("kind", sorted(KINDS | SHARED))
def test_no_kind_of_test_takes_from_another(kind: str) -> None:
    found = [*(TESTS / kind).rglob("*.py"), *TESTS.glob(f"{kind}.py")]
    assert found
    assert {str(one.relative_to(TESTS)): strangers(one) for one in found if strangers(one)} == {}
