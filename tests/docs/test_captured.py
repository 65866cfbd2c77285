"""What the page shows of commands is what they print in a real terminal of that size, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.fleet import answers
from tests.fixtures.api import answering
from tests.fixtures.terminal import shown

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "how-to" / "read-status.md", DOCS / "reference" / "events.md")
BLOCK = re.compile(
    r"^<!-- flotilla (?P<words>[^\n]*), (?P<columns>\d+) columns -->\n```text\n(?P<body>.*?)^```$", re.M | re.S
)
_SINCE = re.compile(r"since (\d{4}-\d\d-\d\d )?\d\d:\d\d")
"""An instant by the reader's clock, which the example cannot know."""
_ANSI = re.compile(r"\x1b\[\d*m")


def blocks(*pages: Path) -> Iterator[tuple[str, int, str]]:
    for block in (block for page in pages or PAGES for block in BLOCK.finditer(page.read_text())):
        yield block["words"], int(block["columns"]), block["body"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with answering(tmp_path, answers()):
        yield tmp_path


def test_the_page_shows_status_and_runs_in_both_widths() -> None:
    assert [(words, columns) for words, columns, _ in blocks(PAGES[0])] == [
        (words, columns) for words in ("status", "runs") for columns in (80, 140)
    ]


@pytest.mark.parametrize(("words", "columns", "body"), list(blocks()))
def test_what_the_page_shows_is_what_a_terminal_shows(home: Path, words: str, columns: int, body: str) -> None:
    code, told = shown(*words.split(), columns=columns, env={"FLOTILLA_HOME": str(home), "NO_COLOR": "1"})
    told = _SINCE.sub("since 14:02", told)
    assert told == body, f"the page should show:\n{told}"
    assert code == (1 if words == "status" else 0)


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("words", ["status", "runs --all", "events"])
def test_no_line_is_wider_than_the_terminal(home: Path, words: str, columns: int) -> None:
    env = {"FLOTILLA_HOME": str(home), "TERM": "xterm-256color"}
    _, told = shown(*words.split(), columns=columns, env=env)
    plain = _ANSI.sub("", told)
    assert plain.strip()
    assert [line for line in plain.splitlines() if len(line) > columns] == []


def test_the_wide_form_keeps_each_row_on_one_line_with_everything(home: Path) -> None:
    _, told = shown("runs", "-o", "wide", columns=80, env={"FLOTILLA_HOME": str(home), "NO_COLOR": "1"})
    rows = told.splitlines()
    assert len(rows) == 5
    assert "12 times the same" in rows[1]
    assert "Correct the manifest and commit." in rows[1]


def test_colours_are_for_terminals_that_want_them(home: Path) -> None:
    env = {"FLOTILLA_HOME": str(home), "TERM": "xterm"}
    assert "\x1b[31mfailed" in shown("runs", columns=80, env=env)[1]
    assert "\x1b" not in shown("runs", columns=80, env={**env, "NO_COLOR": "1"})[1]
    assert "\x1b" not in shown("runs", columns=80, env={**env, "TERM": "dumb"})[1]
