"""Secrets in what others say: a message repeats a password in the spelling that its author's program uses.

Each spelling has to be known, and few sentences may lose a word that is none.
"""

from __future__ import annotations

import pytest

from common.domain.errors import MESSAGE_LIMIT, PermanentError
from common.domain.redact import MASK, redacted
from tests.security.text.spellings import HARMLESS, SECRET, SHAPES, VALUE

_CANARIES = (VALUE, VALUE.upper(), "bWU6WGs3aHVudGVyMlF6")


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_masked_however_it_is_spelt(name: str) -> None:
    text = redacted(SECRET[name])
    assert not [canary for canary in _CANARIES if canary in text], text
    assert MASK in text


@pytest.mark.parametrize("name", SECRET)
def test_it_is_masked_inside_other_text_too(name: str) -> None:
    text = str(PermanentError(f"the server said: {SECRET[name]}"))
    assert not [canary for canary in _CANARIES if canary in text], text


@pytest.mark.parametrize("name", SECRET)
def test_masking_again_changes_nothing(name: str) -> None:
    once = redacted(SECRET[name])
    assert redacted(once) == once


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("around", ["{}", "got {} back", '"{}"', "x={};", "/{}/"])
def test_a_token_is_known_by_its_form(shape: str, around: str) -> None:
    assert shape not in redacted(around.format(shape))


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_sentence_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_there_are_enough_of_both() -> None:
    assert len(SECRET) >= 40
    assert len(HARMLESS) >= 40


@pytest.mark.parametrize("before", range(MESSAGE_LIMIT - 20, MESSAGE_LIMIT + 20))
def test_a_secret_at_the_place_of_the_cut_is_not_cut_into_something_unknown(before: int) -> None:
    text = str(PermanentError(f"{'a ' * (before // 2)}https://me:{VALUE}@example.com/ is gone"))
    assert "hunter2" not in text


@pytest.mark.parametrize("before", range(3_500, 4_200, 7))
def test_nor_where_a_long_secret_before_it_makes_room(before: int) -> None:
    key = f"-----BEGIN PRIVATE KEY-----{'A' * before}-----END PRIVATE KEY----- "
    assert "hunter2" not in str(PermanentError(f"{key} https://me:{VALUE}@example.com/ is gone"))


def test_text_that_is_no_unicode_is_masked_as_well() -> None:
    assert "hunter2" not in redacted(f"\udc80 password={VALUE} \udcff")
