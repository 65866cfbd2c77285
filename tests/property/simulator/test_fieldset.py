"""Field sets are told in full, and read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator import fieldset

LEAVES = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"1"'])


PATHS = st.frozensets(st.lists(LEAVES, min_size=1, max_size=4).map(tuple), max_size=8)


@given(PATHS)
def test_a_field_set_survives_its_wire_form(paths: fieldset.FieldSet) -> None:
    assert fieldset.decode(fieldset.tree(paths)) == paths


@given(PATHS)
def test_every_path_is_listed_once_in_order(paths: fieldset.FieldSet) -> None:
    listed = fieldset.ordered(paths)
    assert len(listed) == len(paths)
    assert frozenset(listed) == paths
