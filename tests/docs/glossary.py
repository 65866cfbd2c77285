"""Writes the types of the glossary from their docstrings: ``python -m tests.docs.glossary``."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import common.domain

PAGE = Path(__file__).parents[2] / "docs/explanation/glossary.md"
BEGIN, END = "<!-- types -->\n", "<!-- end -->\n"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def table() -> str:
    """Return the table of the domain's public types, by term, as the page has it."""
    rows = ["| term | type | meaning |", "| --- | --- | --- |"]
    rows += [f"| {term} | `{where}` | {meaning} |" for term, where, meaning in sorted(_terms())]
    return "\n".join(rows) + "\n"


def _terms() -> list[tuple[str, str, str]]:
    found = []
    for module in pkgutil.walk_packages(common.domain.__path__, "common.domain."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(one) and one.__module__ == module.name and not name.startswith("_"):
                meaning = (inspect.getdoc(one) or "").partition("\n")[0].replace("``", "`").replace("|", "\\|")
                found.append((_CAPITAL.sub(" ", name).lower(), f"{module.name}.{name}", meaning))
    return found


def written() -> str:
    """Return the page with its table made anew."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written())
