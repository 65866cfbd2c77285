"""YAML that would fill memory is a fault before it does."""

from __future__ import annotations

import tracemalloc

import pytest

from common.yaml import REGISTRY_LIMITS, YamlError, YamlLimits, load_documents


def faults(text: str | bytes, limits: YamlLimits = REGISTRY_LIMITS) -> list[tuple[int, str]]:
    with pytest.raises(YamlError) as caught:
        load_documents(text.encode() if isinstance(text, str) else text, limits)
    return [(fault.line, fault.what) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "[" * 30_000 + "]" * 30_000,
        "{a: " * 200_000,
        "- " * 200_000,
        "? " * 200_000,
        "[?" * 200_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(60)),
        "[" + '{"a": [1, 2], "b": {"c": 3}}, ' * 15_000,
    ],
    ids=["lists", "closed", "flow maps", "items", "keys", "key lists", "alias bomb", "wide"],
)
def test_a_bomb_is_refused_with_little_memory(text: str) -> None:
    tracemalloc.start()
    try:
        assert len(faults(text, REGISTRY_LIMITS)) == 1
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
