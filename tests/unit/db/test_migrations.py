"""Migrations are frozen: what one does must not change with the code of today."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from common.store.schema.migrations import MIGRATIONS

ALLOWED = {"__future__", "alembic", "collections", "datetime", "json", "re", "sqlalchemy", "typing", "uuid"}
VERSIONS = sorted((MIGRATIONS / "versions").glob("0*.py"))


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_imports_nothing_of_ours(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." if node.level else str(node.module).partition(".")[0])
    assert imported <= ALLOWED
