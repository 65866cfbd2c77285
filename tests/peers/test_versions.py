"""A range of versions means what the library means that Helm, Flux and Argo CD use."""

from __future__ import annotations

import random
from collections.abc import Sequence

from common.semver import Partial, RangeError, VersionRange, is_version
from tests.peers.conftest import Ask

TAGS = (
    *(
        "0.0.0 0.0.0-0 0.0.0-alpha 0.0.1 0.0.2-rc.1 0.0.3 0.1.0 0.2.3 0.2.4-beta 0.3.0 1.0.0 1.0.0-0 1.0.0-alpha "
        "1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.1 1.1.0 1.2.0 1.2.2 1.2.3-beta.2 "
        "1.2.3-beta.4 1.2.3 1.2.4 1.2.4-rc.1 1.3.0-0 1.3.0 1.9.2 1.10.0 1.10.0-rc.1 1.11.0+b 1.11.0+a 1.11.0+10 "
        "1.11.0+9 2.0.0-0 2.0.0-rc.1 2.0.0 2.1.0 2.1.0-a--b 2.1.1-0-0 3.0.0-alpha 3.0.0-99999999999999999999 3.0.0-1 "
        "10.0.0 11.2.3-x.7.z.92 v1.2.3 v1.2.3-beta.3 v2.0.1 v3.1.0+meta.1 1 v1 1.2 v1.2 1.2-rc.1 v2-beta 01.2.3 1.02.3 "
        "1.2.03 1.2.3-01 1.2.3-0a 1.2.3- 1.2.3+ 1.2.3.4 V1.2.3 vv1 20230101 2024.01.01 18446744073709551615.0.0 "
        "18446744073709551616.0.0 latest main x * 1.x a1.2.3 1.2.3_a é1 1..2 -1.2.3"
    ).split(),
    *("", " 1.2.3", "1.2.3 ", "1.2.3\n", "1." + "2" * 300),
)
NUMBERS = ("0", "1", "1", "2", "3", "10", "x", "*")
ODD_NUMBERS = ("X", "01", "00", "18446744073709551615", "18446744073709551616", "1|", "xx", "1x", "")
ENDINGS = ("-0", "-alpha", "-beta.2", "-rc.1", "+b", "-rc.1+b")
ODD_ENDINGS = ("-01", "-0a", "-a--b", "-99999999999999999999", "-", "+", "-a..b", "-é", ".4", "_")
OPERATORS = ("", "=", "!=", ">", "<", ">=", "<=", "=>", "=<", "~", "~>", "^")
ODD_OPERATORS = ("==", "<>", "!", "~=", "^^", ">>", "<=>")
BETWEEN = (" ", ", ", ",", " , ", "  ", " || ", "||", " - ")
ODD_BETWEEN = (" | ", ",,", " -", "- ", "\t", "\u00a0", "\n", "|| ||", " , , ", ";", "")
AROUND = ("", "", "", "", "", " ", "\n", "\u00a0", ",", "v")
WRITTEN = (
    ">=0.0.0-0", "*-0", "~1.0-0", "^1-0", "x.x.x-rc", ">0.0.0-0", "!=1.2", "!=1.2.x", "!=1", "!=*", "!=x.2", ">*",
    "<*", ">=*", "<=*", "^*", "~*", "^0", "^0.0", "^0.0.0", "~0.0.0", "~0.0", "^0.2.3", "1.2 - 1.4", "1.2 - 1.4.x",
    "1 - 2 || 3", "1||2 - 3", "1.0.0 - 2.0.0-rc.1", ">=1.0 - 2.0", "1 - 2 - 3", "11 - 2 || 1 - 2", ">= 1.8 < 2",
    "1.2.3 1.2.3", "", " ", "latest", "v", ">=v1.2", "=>1.2", "=<1.2", "||", "1 ||", "|| 1", "1" * 513, "1 " * 256,
    "||".join(["1"] * 32), "||".join(["1"] * 33), "1.x.3", "x.2.3", "1.*", "1.2.*", "1.2.3 - x", "* - 2", "1.2.3+b",
    "^1.2+b", "1.2.3-rc.1 - 1.2.3",
)  # fmt: skip
MANY = 3_000


def ranges(count: int) -> list[str]:
    """Return generated ranges; every other one with something that is hardly a range."""
    draw = random.Random(20)  # noqa: S311 - the same ones each time
    odd = 0.0

    def one_of(usual: Sequence[str], seldom: Sequence[str]) -> str:
        return draw.choice(seldom if draw.random() < odd else usual)

    def comparison() -> str:
        numbers = ".".join(one_of(NUMBERS, ODD_NUMBERS) for _ in range(draw.choice((1, 2, 3, 3, 3))))
        ending = one_of(ENDINGS, ODD_ENDINGS) if draw.random() < 0.3 else ""
        return (
            one_of(OPERATORS, ODD_OPERATORS)
            + draw.choice(("", "", " "))
            + draw.choice(("", "", "v"))
            + numbers
            + ending
        )

    found = []
    for number in range(count):
        odd = 0.15 * (number % 2)
        text = comparison()
        for _ in range(draw.choice((0, 0, 1, 1, 2, 4))):
            text += one_of(BETWEEN, ODD_BETWEEN) + comparison()
        found.append(draw.choice(AROUND) + text + draw.choice(AROUND) if number % 2 else text)
    return found


def test_a_range_holds_what_the_library_says(ask: Ask) -> None:
    texts = [*WRITTEN, *ranges(MANY)]
    taken = 0
    for text, answer in zip(texts, ask({"range": one, "tags": TAGS} for one in texts), strict=True):
        try:
            found = VersionRange(text)
        except RangeError:
            assert answer["refused"], text
            continue
        assert not answer["refused"], text
        held = [tag for tag in TAGS if found.highest([tag]) is not None]
        assert held == [tag for tag, theirs in zip(TAGS, answer["held"], strict=True) if theirs], text
        highest = found.highest(TAGS, partial=Partial.ALIKE)
        assert highest in ([TAGS[place] for place in answer["highest"]] if answer["highest"] else [None]), text
        taken += 1
    assert MANY / 3 < taken < MANY, "of both kinds enough is generated"


def test_one_spelling_means_the_same(ask: Ask) -> None:
    spelt = [(text, found.text) for text in [*WRITTEN, *ranges(MANY)] if (found := _range(text)) is not None]
    answers = ask({"range": one, "tags": TAGS} for pair in spelt for one in pair)
    for (text, spelling), one, other in zip(spelt, answers[::2], answers[1::2], strict=True):
        assert one == other, (text, spelling)


def test_a_full_version_is_one_for_the_library_too(ask: Ask) -> None:
    (answer,) = ask([{"range": "*", "tags": TAGS}])
    versions = [tag for tag, known in zip(TAGS, answer["versions"], strict=True) if known]
    assert [tag for tag in TAGS if VersionRange("*-0").highest([tag]) or tag in _low(versions)] == versions
    assert {tag for tag in TAGS if is_version(tag)} < set(versions)


def _low(versions: Sequence[str]) -> Sequence[str]:
    return [tag for tag in versions if tag == "0.0.0-0"]


def _range(text: str) -> VersionRange | None:
    try:
        return VersionRange(text)
    except RangeError:
        return None
