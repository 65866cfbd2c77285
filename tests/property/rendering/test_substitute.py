"""No text breaks the substitution of variables."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.harness.substitution import put
from workers.render.faults import UndefinedVariableError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(alphabet="a${}:=.n\n", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_no_text_makes_it_crash_or_changes_an_objects_shape(value: Any) -> None:
    try:
        found = put(value)
    except UndefinedVariableError:
        return
    if "${" not in repr(value):
        assert found == value
    if isinstance(value, list):
        assert len(found) == len(value)
    if isinstance(value, dict):
        assert found.keys() == value.keys()
