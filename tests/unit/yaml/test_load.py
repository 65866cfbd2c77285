"""What may be loaded, what is a fault, and that nothing is built beyond the bounds."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from common.yaml import REGISTRY_LIMITS, Dialect, YamlError, YamlLimits, load_documents

SMALL = YamlLimits(max_bytes=1_000, max_documents=3, max_nodes=20, max_depth=5)


def values(text: str | bytes, limits: YamlLimits = REGISTRY_LIMITS, dialect: Dialect = Dialect.KUBERNETES) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return [document.value for document in load_documents(data, limits, dialect=dialect)]


def faults(text: str | bytes, limits: YamlLimits = REGISTRY_LIMITS) -> list[tuple[int, str]]:
    with pytest.raises(YamlError) as caught:
        load_documents(text.encode() if isinstance(text, str) else text, limits)
    return [(fault.line, fault.what) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", True),
        ("'yes'", "yes"),
        ("2001-01-01", "2001-01-01"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
        ("190:20:30", "190:20:30"),
        ("1.10", 1.1),
        ("1.0", 1),
        ("1e3", 1000),
        ("0777", 511),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("08", 8),
        ("1_000", 1000),
        ("+12", 12),
        (".5", 0.5),
        ("1e30", 1e30),
        ("-", [None]),
        ("- ~", [None]),
        ("18446744073709551615", 2**64 - 1),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12),
        ("1.2.3", "1.2.3"),
        ("0x", "0x"),
        ("=", "="),
        ('"\\u00e9\\/"', "é/"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_mean_what_kubectl_makes_of_them(text: str, value: object) -> None:
    loaded = values(text)
    assert loaded == [value]
    assert type(loaded[0]) is type(value)


def test_empty_documents_are_left_out() -> None:
    assert values("---\n---\n# nothing\n---\na: 1\n---\n~\n") == [{"a": 1}]
    assert values("") == []


def test_keys_are_read_as_kubectl_does_or_as_written() -> None:
    text = "on: 1\n80: 2\ntrue: 3\n'no': 4\n"
    assert values(text.replace("true: 3\n", "")) == [{"true": 1, "80": 2, "no": 4}]
    assert values(text, dialect=Dialect.REGISTRY) == [{"on": 1, "80": 2, "true": 3, "no": 4}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"a": "\ud83d\ude80 x"}', "\U0001f680 x"),
        (r'{"a": "\\\ud83d\ude80"}', "\\\U0001f680"),
        (r'{"a": "\\ud83d\\ude80"}', r"\ud83d\ude80"),
        (r'{"a": "\uD83D\uDE80\ud83d\ude80"}', "\U0001f680\U0001f680"),
        (r"{a: '\ud83d\ude80'}", r"\ud83d\ude80"),
        (r"{a: x\ud83d\ude80}", r"x\ud83d\ude80"),
    ],
)
def test_what_json_writes_as_two_escapes_is_one_character(text: str, value: str) -> None:
    assert values(text) == [{"a": value}]


@pytest.mark.parametrize("text", [r'{"a": "\ud83d"}', r'{"a": "\ude80\ud83d"}', r'{"a": "\ud83dx\ude80"}'])
def test_half_a_character_is_a_fault(text: str) -> None:
    assert "invalid Unicode character escape" in faults(text)[0][1]


def test_looking_for_characters_takes_time_in_proportion_to_the_text() -> None:
    began = time.process_time()
    for text in ("\\" * 200_000, "[" + '"\\ud83d\\ude80",' * 20_000, '{"' + "\\ud83d" * 50_000, '"' * 200_000):
        with suppress(YamlError):
            values(text + r"\ud83d\ude80'")
    assert time.process_time() - began < 5


def test_json_with_tabs_and_a_byte_order_mark_is_read() -> None:
    assert values(b'\xef\xbb\xbf{\n\t"a": [1, null, true, "x"]\n}\n') == [{"a": [1, None, True, "x"]}]


def test_aliases_and_merges_are_read() -> None:
    assert values("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x\nd: &s s\ne: *s\n") == [
        {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}, "c": {"p": 1, "q": 2}, "d": "s", "e": "s"}
    ]
    assert values("a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n")[0]["c"] == {"p": 1, "q": 2}


def test_anchors_do_not_cross_documents() -> None:
    assert faults("a: &x 1\n---\nb: *x\n") == [(3, "alias *'x' has no anchor before it")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, "key 'a' is given twice, first on line 1")]),
        ("a:\n\tb: 1\n", [(2, "found character that cannot start any token")]),
        ("a: b: c\n", [(1, "mapping values are not allowed in this context")]),
        ("x: 1\na: [\n", [(3, "did not find expected node content")]),
        (b"a: \xff\n", [(1, "the text is not UTF-8")]),
        (b"a: 1\nb: \xc3\x28\n", [(2, "the text is not UTF-8")]),
        ("a: 1".encode("utf-16"), [(1, "the text is UTF-16")]),
        ("a: 1\nb: \0\n", [(2, "character U+0000 is not allowed in YAML")]),
        ("a: \x1b[31m\n", [(1, "character U+001B is not allowed in YAML")]),
        ("a: !ruby/object x\n", [(1, "tag '!ruby/object' does not fit here")]),
        ("a: !!python/name:os.system x\n", [(1, "tag 'tag:yaml.org,2002:python/name:os.system' does not fit here")]),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", [(1, "a %TAG directive")]),
        ("a: 18446744073709551616\n", [(1, "18446744073709551616 does not fit 64 bits")]),
        ("a: 1e999\n", [(1, "1e999 does not fit a double")]),
        ("a: .nan\n", [(1, ".nan is not a finite number")]),
        ("a: " + "9" * 5_000, [(1, "a number of 5000 characters")]),
        ("~: 1\n", [(1, "null cannot be a key")]),
        ("1.5: 1\n", [(1, "1.5 cannot be a key")]),
        ("[a]: 1\n", [(1, "a mapping or list cannot be a key")]),
        ("a: {{ x }}\n", [(1, "a mapping or list cannot be a key")]),
        ("a: &x 1\n*x : 2\n", [(2, "an alias cannot be a key")]),
        ("a: &x [*x]\n", [(1, "alias *'x' lies inside what it repeats")]),
        ("a: {<<: 5}\n", [(1, "<< takes a mapping or a list of mappings")]),
    ],
)
def test_a_fault_has_its_line(text: str | bytes, found: list[tuple[int, str]]) -> None:
    assert faults(text) == found


def test_lines_are_counted_as_editors_count_them() -> None:
    assert faults("a: 'x\u2028y\x85z'\r\nb: 1\r\na: 2\n") == [(3, "key 'a' is given twice, first on line 1")]
    assert faults("a: 'x\u2028y'\nb: [\n")[0][0] == 3


def test_faults_that_do_not_stop_the_reading_are_reported_together() -> None:
    assert [line for line, _ in faults("a: 1\na: 2\nb: .inf\nc: !x y\n---\nd: [\n")] == [2, 3, 4, 7]


def test_a_fault_reads_as_a_sentence_with_a_remedy() -> None:
    with pytest.raises(YamlError, match=r"^line 2: key 'a' is given twice, first on line 1\. Keep one of the two\.$"):
        load_documents(b"a: 1\na: 2\n", SMALL)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a" * 1_001, "1,001 bytes; the limit is 1,000"),
        ("--- a\n" * 4, "more than 3 documents"),
        ("---\n" * 4, "more than 3 documents"),
        ("[" + "a," * 20 + "]", "more than 20 nodes, aliases counted in full"),
        ("--- [a,a,a,a,a,a,a]\n" * 3, "more than 20 nodes, aliases counted in full"),
        ("[[[[[[a]]]]]]", "nested deeper than 5 levels"),
        ("- - - - - - a", "nested deeper than 5 levels"),
        ("a: &a [[[x]]]\nb: [[*a]]\n", "nested deeper than 5 levels"),
        ("a: &a [x,x,x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "more than 20 nodes, aliases counted in full"),
    ],
)
def test_a_breach_of_a_bound_is_a_fault(text: str, what: str) -> None:
    assert [found for _, found in faults(text, SMALL)] == [what]


def test_what_just_fits_the_bounds_is_read() -> None:
    assert values("[[[[[a]]]]]", SMALL) == [[[[[["a"]]]]]]
    assert len(values("--- a\n" * 3, SMALL)) == 3
    assert values("[" + "a," * 19 + "]", SMALL) == [["a"] * 19]


def test_lines_and_text_of_each_document_are_kept_when_asked_for() -> None:
    text = "# head\na:\n  - b: 1\n    c: [x,\n      y]\n---\nd: |\n  é\ne: {f: 1}\n"
    first, second = load_documents(text.encode(), REGISTRY_LIMITS, lines=True)
    assert (first.line, second.line) == (2, 6)
    assert first.lines == {
        (): 2,
        ("a",): 2,
        ("a", 0): 3,
        ("a", 0, "b"): 3,
        ("a", 0, "c"): 4,
        ("a", 0, "c", 0): 4,
        ("a", 0, "c", 1): 5,
    }
    assert second.lines == {(): 7, ("d",): 7, ("e",): 9, ("e", "f"): 9}
    for document in (first, second):
        assert [again.value for again in load_documents(document.text.encode(), REGISTRY_LIMITS)] == [document.value]
