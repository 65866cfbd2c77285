"""The page of attacks names tests that there are, and leaves out no file of theirs."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "attacks.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)?::(\w+)`")
ELSEWHERE = {
    "tests/security/kube/test_impersonation.py",
    "tests/security/kube/test_kubeconfig_runs_code.py",
    "tests/security/rendering/test_environment.py",
    "tests/security/rendering/test_lookup.py",
    "tests/security/rendering/test_remote_and_exec.py",
    "tests/security/rendering/test_secrets_in_errors.py",
    "tests/security/rendering/test_wrong_types.py",
    "tests/security/sources/test_hostile_registries.py",
    "tests/security/sources/test_loops_and_bombs.py",
    "tests/security/sources/test_path_escape.py",
    "tests/security/sources/test_secrets_in_errors.py",
    "tests/security/sources/test_shell_injection.py",
    "tests/security/sources/test_signatures.py",
}
"""Of what was defended from the first: the page on security names them as whole files."""


def named() -> list[tuple[str, str]]:
    """Return the tests that the page names; one without a file is in the file before it."""
    found, file = [], ""
    for path, function in _NAMED.findall(PAGE.read_text()):
        file = path or file
        found.append((file, function))
    return found


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("file", sorted({file for file, _ in named()}))
def test_every_test_that_is_named_is_there(file: str) -> None:
    assert (ROOT / file).is_file(), file
    assert {function for path, function in named() if path == file} <= functions_in(file)


def test_every_attack_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    attacks = [row for row in rows if not row.startswith("| attack")]
    assert len(attacks) > 50
    assert [row for row in attacks if not _NAMED.search(row)] == []


def test_no_file_of_attacks_is_left_out() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "security").rglob("test_*.py")}
    assert files - {file for file, _ in named()} == ELSEWHERE
    explained = (ROOT / "docs" / "explanation" / "security.md").read_text()
    assert [file for file in sorted(ELSEWHERE) if file not in explained] == []
