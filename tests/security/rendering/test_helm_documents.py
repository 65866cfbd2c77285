"""Taking apart what a chart rendered takes time in proportion to the text."""

from __future__ import annotations

import time

import pytest

from workers.render.helm.documents import documents


@pytest.mark.parametrize("text", ["\n" * 1_000_000, "---\n\n" * 200_000, "a\n" + " \n" * 500_000 + "--"])
def test_taking_apart_takes_time_in_proportion_to_the_text(text: str) -> None:
    began = time.process_time()
    assert len(list(documents(text))) <= 200_001
    assert time.process_time() - began < 5
