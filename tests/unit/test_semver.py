"""Which tag a range of versions means."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from common.semver import Partial, RangeError, VersionRange

TAGS = (
    "v1.0.0",
    "v1.8.0",
    "1.9.2",
    "v1.10.0",
    "v2.0.0-rc.1",
    "v2.0.0",
    "v2.1",
    "latest",
    "v3.0.0-alpha",
    "01.2.3",
    "v1.10.0-rc.1",
)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (">=1.8 <2", "v1.10.0"),
        (">=1.8, <2", "v1.10.0"),
        (">= 1.8 < 2", "v1.10.0"),
        ("^1.2", "v1.10.0"),
        ("~1.9", "1.9.2"),
        ("1.8.x", "v1.8.0"),
        ("1.x", "v1.10.0"),
        ("*", "v2.0.0"),
        (">=2.0.0-rc.0 <2.0.0", "v2.0.0-rc.1"),
        ("^3", None),
        (">=3.0.0-a", "v3.0.0-alpha"),
        ("1.0.0 - 1.9.2", "1.9.2"),
        ("1.0.0 || ^2", "v2.0.0"),
        ("=1.8.0", "v1.8.0"),
        (">9", None),
        (">1.9", "v2.0.0"),
        (">1", "v2.0.0"),
        ("<=1.9", "1.9.2"),
        ("<1.9", "v1.8.0"),
        ("<2", "v1.10.0"),
        ("<2.0.0", "v1.10.0"),
        ("<=2", "v2.0.0"),
        (">1.9.2", "v2.0.0"),
        (">*", "v2.0.0"),
        (">=*", "v2.0.0"),
        ("v1.8.0", "v1.8.0"),
        ("1.0 - 1.8", "v1.8.0"),
        ("~1", "v1.10.0"),
        ("~1.10.0-rc.0", "v1.10.0"),
    ],
)
def test_the_highest_version_in_the_range_is_taken(text: str, tag: str | None) -> None:
    assert VersionRange(text).highest(TAGS) == tag
    assert VersionRange(text).highest(reversed(TAGS)) == tag


@pytest.mark.parametrize(
    "text", ["", "main", "latest", ">=", "1.2.3.4", "v", "^^1", ">=1.8 <two", "1..2", "\n", "1" * 500 + "."]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        VersionRange(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("^0.2.3", ("0.2.3", "0.2.9"), ("0.3.0", "0.2.2", "0.3.0-rc.1")),
        ("^0.0.3", ("0.0.3",), ("0.0.4", "0.0.2")),
        ("^0.0", ("0.0.0", "0.0.9"), ("0.1.0",)),
        ("^0", ("0.9.9",), ("1.0.0",)),
        (
            "^1.2.3-beta.2",
            ("1.2.3-beta.2", "1.2.3-beta.11", "1.2.3", "1.9.0", "1.2.4-beta.3"),
            ("1.2.3-beta.1", "2.0.0"),
        ),
        ("~1.2.3-beta.2", ("1.2.3-beta.4", "1.2.9", "1.2.4-beta.2"), ("1.3.0",)),
        ("~1.0-0", ("1.0.0", "1.0.1-rc.1"), ("1.1.0",)),
        (">=1.2.7 <1.3.0", ("1.2.7", "1.2.99"), ("1.2.6", "1.3.0", "1.3.0-rc.1")),
        (">=1.2.7 <1.3.0-0", ("1.2.8-rc.1",), ("1.3.0-rc.1",)),
        ("1.2.3 - 2.3", ("1.2.3", "2.3.9"), ("1.2.2", "2.4.0", "2.4.0-0")),
        ("<1.2.3-rc.2", ("1.2.3-rc.1", "1.2.2", "1.2.2-rc.1"), ("1.2.3-rc.2", "1.2.3")),
        (">=0.0.0-0", ("0.0.1-a", "9.0.0-rc.1"), ()),
        ("*-0", ("0.0.1-a", "9.0.0-rc.1", "1.0.0"), ()),
        ("^1, !=1.5.0", ("1.4.0", "1.5.1"), ("1.5.0", "2.0.0")),
        ("!=1.5", ("1.4.0", "2.0.0"), ("1.5.0", "1.5.9")),
        ("=>1.2 =<1.4", ("1.2.0", "1.4.9"), ("1.5.0", "1.1.9")),
        ("~>1.2", ("1.2.9",), ("1.3.0",)),
        ("1.x || >=3-0", ("1.9.0", "3.0.0-rc.1"), ("1.9.0-rc.1", "2.0.0")),
        ("01.2", ("1.2.3",), ("1.3.0",)),
    ],
)
def test_ranges_hold_what_helm_flux_and_argo_say(text: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    for tag in inside:
        assert VersionRange(text).highest([tag]) == tag
    for tag in outside:
        assert VersionRange(text).highest([tag]) is None, tag


@pytest.mark.parametrize(
    ("tags", "last", "alike"),
    [
        (["v1", "v1.2", "v1.1.5"], "v1.1.5", "v1.2"),
        (["v1", "v1.2", "v2"], "v1.2", "v1.2"),
        (["20230101", "1.0.0"], "1.0.0", "20230101"),
        (["01.3.0", "1.2.0"], "1.2.0", "01.3.0"),
    ],
)
def test_tags_of_fewer_numbers_count_last_but_among_charts(tags: list[str], last: str, alike: str) -> None:
    wanted = VersionRange("1.x || >=2000")
    assert wanted.highest(tags) == wanted.highest(reversed(tags)) == last
    assert wanted.highest(tags, partial=Partial.ALIKE) == alike


def test_one_range_has_one_spelling() -> None:
    assert VersionRange(" >= 1.8 ,  <2 ").text == VersionRange(">=1.8 <2").text == ">=1.8 <2"


def test_of_two_builds_of_one_version_the_later_is_taken() -> None:
    assert VersionRange("^1").highest(["1.0.0+b", "1.0.0+a"]) == "1.0.0+b"
    assert VersionRange("^1").highest(["1.0.0+9", "1.0.0+10", "1.0.0"]) == "1.0.0+10"


@pytest.mark.parametrize(
    "text", ["  " * 250 + "!", "1 " * 255 + "!", "1" * 500 + "!", "1-" + "-" * 500, "1 - " * 127 + "1"]
)
def test_a_range_that_strangers_wrote_takes_no_time(text: str) -> None:
    began = time.process_time()
    with suppress(RangeError):
        VersionRange(text)
    assert time.process_time() - began < 1
