"""Ranges of semantic versions, as npm writes them, and the highest tag in one.

Rules: https://semver.org for versions, https://github.com/npm/node-semver#ranges for ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt

from semver import Version

_TAG = re.compile(r"v?(?P<version>\d+\.\d+\.\d+(?:[-+].*)?)")
_NUMBER = r"(?:0|[1-9]\d{0,15}|[xX*])"
_PARTIAL = rf"v?(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER})(?:\.(?P<patch>{_NUMBER})(?:-(?P<pre>[0-9A-Za-z.-]+))?)?)?"
_COMPARATOR = re.compile(rf"(?P<operator>>=|<=|>|<|=|\^|~)?{_PARTIAL}")
_HYPHEN = re.compile(r"(?P<low>\S+) - (?P<high>\S+)")
_LONGEST = 200
_BEFORE = "0"
"""The lowest that comes before a release: an upper bound that leaves even those of the next release out."""


class RangeError(ValueError):
    """A text that is no range of versions."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """One comparison; ``named`` is whether the range itself names a version before a release."""

    holds: Callable[[Version, Version], bool]
    version: Version
    named: bool = False


class VersionRange:
    """Versions such as ``>=1.8 <2``, ``^1.2``, ``~1.2.3``, ``1.x``, ``1.2 - 1.4`` or ``1.2 || ^3``; commas are spaces.

    A version before a release (``2.0.0-rc.1``) is in it only where the range names one of the same release.

    Attributes:
        text: the range in one spelling, so that equal ones share what is looked up for them.

    Raises:
        RangeError: the text is none.
    """

    def __init__(self, text: str) -> None:
        joined = " ".join(text.replace(",", " ").split())
        self.text = re.sub(r"(?<=[<>=^~]) (?=\S)", "", joined)
        if not self.text or len(self.text) > _LONGEST:
            raise _none(text)
        self._alternatives = [tuple(_bounds(part.strip(), text)) for part in self.text.split("||")]

    def highest(self, tags: Iterable[str]) -> str | None:
        """Return the tag of the highest version in the range; None where none is.

        Tags are versions of three numbers, with or without a leading ``v``; others are left out. Of two that differ
        in build metadata only, the later by name.
        """
        found = [(version, tag) for tag in tags if (version := _version(tag)) is not None and self._holds(version)]
        best: tuple[Version, str] | None = None
        for version, tag in found:
            if best is None or version > best[0] or (version == best[0] and tag > best[1]):
                best = (version, tag)
        return best[1] if best is not None else None

    def _holds(self, version: Version) -> bool:
        return any(_all_hold(bounds, version) for bounds in self._alternatives)


def is_version(text: str) -> bool:
    """Tell whether ``text`` is one full version, with or without a leading ``v``, and no range."""
    return _version(text) is not None


def _all_hold(bounds: tuple[_Bound, ...], version: Version) -> bool:
    if not all(bound.holds(version, bound.version) for bound in bounds):
        return False
    release = version.finalize_version()
    return not version.prerelease or any(b.named and b.version.finalize_version() == release for b in bounds)


def _version(tag: str) -> Version | None:
    match = _TAG.fullmatch(tag)
    return Version.parse(match["version"]) if match and Version.is_valid(match["version"]) else None


def _bounds(part: str, text: str) -> Iterator[_Bound]:
    hyphen = _HYPHEN.fullmatch(part)
    comparators = [f">={hyphen['low']}", f"<={hyphen['high']}"] if hyphen else part.split()
    if not comparators:
        raise _none(text)
    for comparator in comparators:
        match = _COMPARATOR.fullmatch(comparator)
        if match is None:
            raise _none(text)
        yield from _compared(match["operator"] or "=", *_parts(match, text))


def _parts(match: re.Match[str], text: str) -> tuple[Version, int]:
    """Return the lowest version that a partial one stands for, and how many of its numbers are given."""
    numbers: list[int] = []
    for name in ("major", "minor", "patch"):
        word = match[name]
        if word is None or word in "xX*":
            break
        numbers.append(int(word))
    given = len(numbers)
    release = ".".join(map(str, [*numbers, *[0] * (3 - given)]))
    whole = f"{release}-{match['pre']}" if match["pre"] else release
    if not Version.is_valid(whole) or (match["pre"] and given < 3):
        raise _none(text)
    return Version.parse(whole), given


def _compared(operator: str, low: Version, given: int) -> Iterator[_Bound]:
    named = bool(low.prerelease)
    full = given == 3
    if given == 0:  # any version; and nothing is above or below all of them
        yield _Bound(lt if operator in "<>" else ge, Version(0, 0, 0, _BEFORE if operator in "<>" else None))
    elif operator in {"^", "~"} or (operator == "=" and not full):
        yield _Bound(ge, low, named)
        yield _Bound(lt, _above(low, _kept(operator, low, given)))
    elif operator == "<=" and not full:
        yield _Bound(lt, _above(low, given))
    elif operator == ">" and not full:
        yield _Bound(ge, _above(low, given).finalize_version())
    elif operator == "<" and not full:
        yield _Bound(lt, low.replace(prerelease=_BEFORE))
    else:
        holds = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}[operator]
        yield _Bound(holds, low, named)


def _kept(operator: str, low: Version, given: int) -> int:
    """Return how many of the numbers stay as they are."""
    if operator == "=":
        return given
    if operator == "~":
        return min(given, 2)
    numbers = (low.major, low.minor, low.patch)[:given]
    first = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return first + 1


def _above(low: Version, kept: int) -> Version:
    """Return the bound above all versions that share the first ``kept`` numbers with ``low``."""
    bumped = {1: low.bump_major, 2: low.bump_minor, 3: low.finalize_version().bump_patch}[kept]()
    return bumped.replace(prerelease=_BEFORE)


def _none(text: str) -> RangeError:
    message = f"{text[:80]!r} is no range of versions"
    return RangeError(message)
