"""No tag and no range breaks the reader of versions."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from common.semver import RangeError, VersionRange


@given(st.lists(st.text(max_size=12)), st.text(max_size=12))
def test_no_tag_and_no_text_breaks_it(tags: list[str], text: str) -> None:
    assert VersionRange("*").highest(tags) in {None, *tags}
    with suppress(RangeError):
        assert VersionRange(text).highest(tags) in {None, *tags}
