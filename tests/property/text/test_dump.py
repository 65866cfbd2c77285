"""Whatever is written is read back as the very same values: by our reader and by one of YAML 1.1."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.yaml import MANIFEST_LIMITS, REGISTRY_LIMITS, Dialect, dump, dump_all, load_documents
from tests.harness.yaml_texts import VALUES


@settings(max_examples=500)
@given(VALUES)
@example("a: b #c\n")
@example({"": ["", {"": ""}], "a\nb": {"x" * 200: "y"}})
def test_what_is_written_is_read_back_by_every_reader(value: Any) -> None:
    text = dump(value)
    expected = [] if value is None else [value]
    for dialect in Dialect:
        limits = REGISTRY_LIMITS if dialect is Dialect.REGISTRY else MANIFEST_LIMITS
        assert [each.value for each in load_documents(text.encode(), limits, dialect=dialect)] == expected, text
    assert yaml.safe_load(text) == value, text


@given(st.lists(VALUES, max_size=4))
def test_a_stream_keeps_its_documents_apart(values: list[Any]) -> None:
    assert list(yaml.safe_load_all(dump_all(values))) == values
