"""The glossary names every type of the domain, in the words of the code."""

from __future__ import annotations

from tests.docs import glossary


def test_the_page_is_what_the_code_says() -> None:
    assert glossary.PAGE.read_text() == glossary.written(), "run `python -m tests.docs.glossary`"


def test_every_type_says_what_it_is() -> None:
    without = [row for row in glossary.table().splitlines() if row.endswith("|  |")]
    assert without == []
