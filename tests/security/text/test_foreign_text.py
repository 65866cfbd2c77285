"""Foreign text holds the interpreter: one long word in a name or a message stops every worker."""

from __future__ import annotations

import time

import pytest

from common.domain.errors import MESSAGE_LIMIT, PermanentError
from common.domain.foreign import said
from common.sources.faults import fault_of

WORDS = (
    "a",
    "a ",
    "/",
    "://",
    "a@",
    "https://a:b",
    "password",
    "password: ",
    "'",
    '"',
    "Error",
    " ",
    "\n",
    "eyJ",
    "&a",
)


@pytest.mark.parametrize("word", WORDS)
def test_a_long_word_in_an_error_costs_nothing(word: str) -> None:
    text = word * (1_000_000 // len(word))
    started = time.process_time()
    assert len(str(PermanentError(text, remedy=text))) <= 2 * MESSAGE_LIMIT + 3
    said(ValueError(text))
    fault_of(text, url="https://git.example.com/x.git")
    assert time.process_time() - started < 2
