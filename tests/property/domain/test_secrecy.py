"""No secret is left in any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.domain.redact import MASK
from common.domain.secrecy import SHORTEST, Secrets


@given(st.lists(st.text(min_size=4, max_size=60), max_size=5), st.text(max_size=200))
def test_none_is_left_in_any_text(values: list[str], around: str) -> None:
    secrets = Secrets(values)
    for value in values:
        if len(value.strip()) >= SHORTEST and value not in MASK:
            assert value not in secrets.masked(around + value + around).replace(MASK, "\0")
    assert secrets.masked("") == ""
