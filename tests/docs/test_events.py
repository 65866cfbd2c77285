"""The table of events is the one that the code makes."""

from __future__ import annotations

from pathlib import Path

from common.domain.events import CODES, PARAMS, EventKind

PAGE = Path(__file__).parents[2] / "docs/reference/events.md"
_BEGIN, _END = "<!-- kinds -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the table as the page has it."""
    rows = ["| kind | code | parameters |", "| --- | --- | --- |"]
    for kind in EventKind:
        params = "; ".join(f"`{name}`: {what}" for name, what in PARAMS[kind].items())
        rows.append(f"| `{kind.value}` | {CODES[kind]} | {params} |")
    return "\n".join(rows) + "\n"


def test_the_page_has_the_table_that_the_code_makes() -> None:
    assert PAGE.read_text().split(_BEGIN)[1].split(_END)[0] == table()
