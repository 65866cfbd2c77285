"""The page about the architecture names files and names that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
PLACE = re.compile(r"`((?:common|scheduler|workers|console|docs)/[\w./]+)`")
NAMED = re.compile(r"`(\w+)` in `([\w/]+\.py)`")
KINDS_OF_WORK = (
    "a renderer", "a kind of source", "a provider of credentials", "a gate", "a notification", "a rule of health",
    "the code of", "an endpoint", "a page", "a command", "a table",
)  # fmt: skip


def table() -> list[list[str]]:
    """Return the rows of the newcomer's table, by cells."""
    part = PAGE.partition("## Where do I put")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def top_level(module: Path) -> set[str]:
    """Return the names that a module defines, or its classes and functions do at once."""
    found: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def places() -> list[str]:
    """Return every file and folder that the page names, but for those that a reader is to name."""
    return sorted({place for place in PLACE.findall(PAGE) if "NAME" not in place})


@pytest.mark.parametrize("place", places())
def test_every_file_that_is_named_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_each_step_of_a_commit_names_its_files() -> None:
    steps = PAGE.partition("## From a commit to a cluster")[2].partition("\n## ")[0]
    texts = re.split(r"^\d+\. ", steps, flags=re.MULTILINE)[1:]
    assert len(texts) == 8
    assert [text[:40] for text in texts if not PLACE.search(text)] == []


@pytest.mark.parametrize(("name", "module"), NAMED.findall(PAGE))
def test_every_name_is_where_the_page_says(name: str, module: str) -> None:
    assert name in top_level(ROOT / module)


@pytest.mark.parametrize("what", KINDS_OF_WORK)
def test_a_newcomer_is_told_where_to_put(what: str) -> None:
    (row, *_) = [row for row in table() if what in row[0]]
    assert len(row) == 3
    assert all("`" in cell or "registration" in cell for cell in row[1:])
