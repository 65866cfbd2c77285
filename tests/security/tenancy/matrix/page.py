"""The page's tables, and whether they say what was seen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "tenants.md"
HEAD = (
    "| what `ours` writes | what it names of `theirs` | refused by | what is said or done |\n| --- | --- | --- | --- |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        field: what is written; several separated by a comma.
        names: what it names.
        by: who refuses it; ``nobody`` where it crosses nothing, or is no boundary.
        seen: what was said or done when it was tried.
    """

    field: str
    names: str
    by: str
    seen: str

    def __str__(self) -> str:
        written = ", ".join(f"`{one}`" for one in self.field.split(", "))
        cells = (written, self.names, self.by, " ".join(self.seen.replace("|", "\\|").split()))
        return f"| {' | '.join(cells)} |"


def shown(name: str) -> str:
    """Return the table of that name as the page has it."""
    found = re.search(rf"<!-- matrix: {name} -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    return found[1] if found is not None else ""


def table(rows: Iterable[Row]) -> str:
    """Return rows as the page is to have them; fields of which the same is said share one."""
    fields: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        fields.setdefault((row.names, row.by, row.seen), []).append(row.field)
    return "\n".join([HEAD, *(str(Row(", ".join(dict.fromkeys(of)), *rest)) for rest, of in fields.items())])


def check(name: str, rows: Iterable[Row]) -> None:
    """Return if the page's table says what was seen."""
    made = table(rows)
    assert shown(name) == made, f"between `<!-- matrix: {name} -->` and `<!-- end -->` the page should say:\n{made}"
