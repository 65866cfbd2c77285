"""Ranges of versions as Helm, Flux and Argo CD read them, and the highest tag in one.

All three use one library, github.com/Masterminds/semver v3; its rules hold here, odd ones included, and a test asks it
about thousands of ranges. They are not those of npm: where one comparison of an alternative names a version before a
release, all such versions count in that alternative, ``>=1.0.0-0`` being the usual way to ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_ENDING = rf"(?P<ending>-(?P<pre>{_IDENTIFIERS}))?(?:\+(?P<build>{_IDENTIFIERS}))?"
_VERSION = re.compile(rf"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?{_ENDING}")
_FULL = re.compile(rf"v?(?:(?:0|[1-9][0-9]*)\.){{2}}(?:0|[1-9][0-9]*)(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?")
_SPACE = "[\t\n\f\r ]"
_PART = "[0-9|xX*]+"
"""A bar counts as a digit for the library when it looks for ``A - B``: what becomes of it then is no version."""
_BOUND = rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?"
_HYPHEN = re.compile(rf"{_SPACE}*({_BOUND}){_SPACE}+-{_SPACE}+({_BOUND}){_SPACE}*")
_COMPARISON = re.compile(
    rf"(?P<operator>>=|=>|<=|=<|!=|~>|[=<>~^])?{_SPACE}*"
    rf"(?P<bound>v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_ENDING})"
    rf"(?={_SPACE}|,|\Z)"
)
_BETWEEN = re.compile(rf"{_SPACE}*(?:,{_SPACE}*|{_SPACE})")
_ANY = frozenset({"x", "X", "*"})
_LONGEST_RANGE = 512
_MOST_ALTERNATIVES = 32
_LONGEST_VERSION = 256
_LARGEST = 2**64 - 1


class RangeError(ValueError):
    """A text that is no range of versions."""


class Partial(StrEnum):
    """What tags of one or two numbers (``v1``, ``1.2``) count for."""

    LAST = "last"
    """Only where no tag of three numbers is in the range: often such a tag moves along, or is a date."""
    ALIKE = "alike"
    """As much as any other, a missing number being 0: as Helm reads an index of charts."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A version; ``key`` orders them: build metadata does not count, what comes before a release is below it."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    build: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.major, self.minor, self.patch, not self.pre, _ordered(self.pre)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One comparison; ``given`` is how many of the numbers it names."""

    operator: str
    text: str
    bound: _Version
    given: int


class VersionRange:
    """Versions such as ``>=1.8 <2``, ``^1.2``, ``~1.2.3``, ``1.x``, ``!=1.5``, ``1.2 - 1.4`` or ``1.2 || ^3``.

    Attributes:
        text: the range in one spelling, so that equal ones share what is looked up for them.

    Raises:
        RangeError: the text is none.
    """

    def __init__(self, text: str) -> None:
        if len(text.encode(errors="replace")) > _LONGEST_RANGE:
            raise _none(text)
        parts = _without_hyphens(text).split("||")
        if len(parts) > _MOST_ALTERNATIVES:
            raise _none(text)
        self._alternatives = [tuple(_comparisons(part, text)) for part in parts]
        self.text = " || ".join(" ".join(f"{c.operator}{c.text}" for c in group) for group in self._alternatives)

    def highest(self, tags: Iterable[str], *, partial: Partial = Partial.LAST) -> str | None:
        """Return the tag of the highest version in the range; None where none is.

        Args:
            tags: those that are no versions, with or without a leading ``v``, are left out. Of two that differ in build
                metadata only, the higher by the rules for what comes before a release is taken, then the later by name.
            partial: what tags of one or two numbers count for.
        """
        best: tuple[tuple[Any, ...], str] | None = None
        for tag in tags:
            version = _version(tag)
            if version is None or not self._holds(version):
                continue
            rank = (partial is Partial.ALIKE or is_version(tag), version.key, _ordered(version.build), tag)
            if best is None or rank > best[0]:
                best = (rank, tag)
        return best[1] if best is not None else None

    def _holds(self, version: _Version) -> bool:
        return any(_all_hold(group, version) for group in self._alternatives)


def is_version(text: str) -> bool:
    """Tell whether ``text`` is one full version, with or without a leading ``v``, and no range."""
    return _FULL.fullmatch(text) is not None and _version(text) is not None


def _all_hold(group: tuple[_Comparison, ...], version: _Version) -> bool:
    if version.pre and not any(each.bound.pre for each in group):
        return False
    return all(_RULES[each.operator](version, each) for each in group)


def _version(text: str) -> _Version | None:
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST_VERSION else None
    if match is None:
        return None
    major, minor, patch = (int(match[name] or 0) for name in ("major", "minor", "patch"))
    pre = match["pre"] or ""
    numeric = (part for part in pre.split(".") if part.isdigit())
    if max(major, minor, patch) > _LARGEST or any(part[0] == "0" and part != "0" for part in numeric):
        return None
    return _Version(major, minor, patch, pre, match["build"] or "")


def _ordered(identifiers: str) -> tuple[tuple[bool, int, str], ...]:
    """Return dot-separated identifiers in a form that orders them: numbers by value, below words."""
    if not identifiers:
        return ()
    return tuple(
        (False, int(part), "") if part.isdigit() and int(part) <= _LARGEST else (True, 0, part)
        for part in identifiers.split(".")
    )


def _without_hyphens(text: str) -> str:
    """Return ``A - B`` as two comparisons."""
    for match in _HYPHEN.finditer(text):
        text = text.replace(match[0], f">= {match[1]}, <= {match[2]} ", 1)
    return text


def _comparisons(part: str, text: str) -> Iterator[_Comparison]:
    """Yield the comparisons of one alternative, which spaces or single commas keep apart."""
    part = part.strip("\t\n\f\r ")
    place = 0
    while True:
        match = _COMPARISON.match(part, place)
        bound = None if match is None else _bound(match)
        if match is None or bound is None:
            raise _none(text)
        yield _Comparison(match["operator"] or "", match["bound"], *bound)
        if match.end() == len(part):
            return
        between = _BETWEEN.match(part, match.end())
        if between is None:
            raise _none(text)
        place = between.end()


def _bound(match: re.Match[str]) -> tuple[_Version, int] | None:
    """Return the lowest version that a partial one stands for, and how many of its numbers are given."""
    ending = match["ending"] or ""
    numbers = [match[name] for name in ("major", "minor", "patch")]
    given = next((place for place, number in enumerate(numbers) if number is None or number in _ANY), 3)
    whole = match["bound"] if given == 3 else ".".join([*numbers[:given], *["0"] * (3 - given)]) + ending
    version = _version(whole)
    return None if version is None else (version, given)


def _equal(version: _Version, than: _Comparison) -> bool:
    return version.key == than.bound.key if than.given == 3 else _tilde(version, than)


def _not_equal(version: _Version, than: _Comparison) -> bool:
    bound = than.bound
    if than.given == 1:
        return version.major != bound.major
    if than.given == 2:
        return (version.major, version.minor, version.pre) != (bound.major, bound.minor, bound.pre)
    return version.key != bound.key


def _greater(version: _Version, than: _Comparison) -> bool:
    bound = than.bound
    if than.given in {1, 2}:  # above all versions that share the numbers given
        return (version.major, version.minor)[: than.given] > (bound.major, bound.minor)[: than.given]
    return version.key > bound.key


def _less(version: _Version, than: _Comparison) -> bool:
    return version.key < than.bound.key


def _at_least(version: _Version, than: _Comparison) -> bool:
    return version.key >= than.bound.key


def _at_most(version: _Version, than: _Comparison) -> bool:
    bound = than.bound
    if than.given == 3:
        return version.key <= bound.key
    count = 1 if than.given == 1 else 2
    return (version.major, version.minor)[:count] <= (bound.major, bound.minor)[:count]


def _tilde(version: _Version, than: _Comparison) -> bool:
    """``~1.2.3`` is up to 1.3, ``~1`` up to 2; ``~0.0.0`` is everything, as ``*`` is."""
    bound = than.bound
    if version.key < bound.key:
        return False
    if than.given in {0, 3} and (bound.major, bound.minor, bound.patch) == (0, 0, 0):
        return True
    return version.major == bound.major and (than.given == 1 or version.minor == bound.minor)


def _caret(version: _Version, than: _Comparison) -> bool:
    """``^1.2.3`` is up to 2, ``^0.2.3`` up to 0.3, ``^0.0.3`` that alone: the first number that is not 0 stays."""
    bound = than.bound
    if version.key < bound.key:
        return False
    if bound.major or than.given == 1:
        return version.major == bound.major
    if bound.minor or than.given == 2:
        return (version.major, version.minor) == (0, bound.minor)
    return (version.major, version.minor, version.patch) == (0, 0, bound.patch)


_RULES: dict[str, Callable[[_Version, _Comparison], bool]] = {
    **dict.fromkeys(("", "="), _equal),
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    **dict.fromkeys((">=", "=>"), _at_least),
    **dict.fromkeys(("<=", "=<"), _at_most),
    **dict.fromkeys(("~", "~>"), _tilde),
    "^": _caret,
}


def _none(text: str) -> RangeError:
    message = f"{text[:80]!r} is no range of versions"
    return RangeError(message)
