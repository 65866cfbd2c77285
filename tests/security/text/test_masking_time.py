"""Masking takes time in proportion to the text, whatever the secrets are."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from common.domain.secrecy import Secrets

HOSTILE: dict[str, tuple[list[str], str]] = {
    "many": ([f"secret-value-{number:06d}" for number in range(5_000)], "secret-value-00000x "),
    "of all lengths": (["a" * size for size in range(4, 1000)], "a"),
    "of all lengths, nearly": (["a" * size + "b" for size in range(4, 1000)], "a"),
    "long": (["ab" * 100_000], "ab"),
    "of lines": (["\n".join(f"line number {number}" for number in range(10_000))], "line number 1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_is_in_proportion_to_the_text(name: str) -> None:
    values, unit = HOSTILE[name]
    secrets = Secrets(values)
    secrets.masked("warm up" * 10)
    took = []
    for size in (50_000, 200_000):
        text = (unit * size)[:size]
        began = time.process_time()
        secrets.masked(text)
        took.append(time.process_time() - began)
    assert all(after < 8 * before + 0.2 for before, after in pairwise(took)), took
    assert took[-1] < 2, took
