"""What is taken out of texts, and what a person has to be told all the same."""

from __future__ import annotations

import pytest

from common.domain.redact import MASK, redacted


@pytest.mark.parametrize(
    "text",
    [
        "secret: hunter2",
        "/secret:hunter2",
        "a/secret:pass/word",
        "Secret: default/web",
        "client-secret=hunter2",
        '{"password": "hunter2"}',
        "https://me:hunter2@example.com/x",
        "Authorization: Bearer abcdefghij",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    assert MASK in redacted(text)
    assert "hunter2" not in redacted(text)


@pytest.mark.parametrize("text", ["/Secret:default/web is rendered twice", "c1/pay: /Secret:pay/db was refused"])
def test_which_secret_it_is_about_is_told(text: str) -> None:
    assert redacted(text) == text
