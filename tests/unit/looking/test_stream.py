"""Manifests as YAML: whoever reads them gets the same values."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.yaml import MANIFEST_LIMITS, load_documents
from console.looking.stream import dumped, stream
from workers.render.manifests import Sourced

ODD = "1e3 0o17 017 0x1f 0b11 1_000 12:30 2026-01-01 on y No ~ null .5 1. -.5e+1 - +1 = << @a é …".split()
ODD += ["a\nb\n", "a\n\n", "\n a", "1e3\n", " lead", "tail ", "a: b", "# no", "\t", ""]
TEXTS = st.sampled_from(ODD) | st.text(
    st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), max_size=12
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_back_as_kubectl_reads_it(values: dict[str, object]) -> None:
    (document,) = load_documents(dumped(values).encode(), MANIFEST_LIMITS)
    assert document.value == values


def test_a_part_that_two_objects_share_is_written_twice() -> None:
    shared = {"app": "a"}
    text = dumped({"metadata": {"labels": shared}, "spec": {"selector": shared}})
    assert "&" not in text
    assert yaml.safe_load(text)["spec"]["selector"] == shared


def test_each_object_says_where_it_came_from() -> None:
    objects = [Sourced({"kind": "A"}, "a.yaml:1"), Sourced({"kind": "B"}, "b\n---\nkind: Evil.yaml:3")]
    assert stream(objects).splitlines() == [
        "---",
        "# Source: a.yaml:1",
        "kind: A",
        "---",
        r"# Source: b\n---\nkind: Evil.yaml:3",
        "kind: B",
    ]


@pytest.mark.parametrize("text", ["1e3", "y", "0o17"])
def test_a_text_that_other_readers_take_for_something_else_is_quoted(text: str) -> None:
    assert dumped({"a": text}) == f"a: '{text}'\n"
