"""Patterns of files as Argo CD has them, by patterns of the registry.

Argo CD's are those of gobwas/glob without separators: a star goes over any number of folders, and braces hold a choice.
Here a star stays within one name, and ``**`` goes over folders.
"""

from __future__ import annotations

_MOST = 100
_SUFFIXES = (".yaml", ".yml", ".json")
_UNSAYABLE = frozenset("?[]\\!")


class UnsayableError(ValueError):
    """A pattern has a sign that has no like here, is out of balance, or stands for too many."""


def patterns(text: str, *, below: bool, manifests: bool) -> list[str]:
    """Return the registry's patterns that together take what one of Argo CD's takes.

    Args:
        text: the pattern.
        below: whether folders below are looked into; else a star has no folder to go over.
        manifests: whether only what ends as a manifest does is to be taken.

    Raises:
        UnsayableError: there are none.
    """
    if _UNSAYABLE & set(text):
        raise UnsayableError
    found = [one for each in choices(text) for one in (_of_manifests(each) if manifests else [each])]
    if below:
        found = [one for each in found for one in _over_folders(each)]
    if len(found) > _MOST:
        raise UnsayableError
    return list(dict.fromkeys(found))


def choices(text: str) -> list[str]:
    """Return the texts that braces stand for: ``a{b,c}`` for two; outside of braces a comma is a sign like any other.

    Raises:
        UnsayableError: the braces are out of balance, or stand for more than a hundred.
    """
    levels: list[tuple[list[str], list[str]]] = [([], [""])]
    for sign in text:
        done, now = levels[-1]
        if sign == "{":
            levels.append(([], [""]))
        elif sign == "," and len(levels) > 1:
            levels[-1] = ([*done, *now], [""])
        elif sign == "}":
            if len(levels) == 1:
                raise UnsayableError
            levels.pop()
            outer, before = levels[-1]
            levels[-1] = (outer, [begin + end for begin in before for end in (*done, *now)])
        else:
            levels[-1] = (done, [one + sign for one in now])
        if sum(map(len, levels[-1])) > _MOST:
            raise UnsayableError
    if len(levels) > 1:
        raise UnsayableError
    return [one for one in levels[0][1] if one]


def _of_manifests(text: str) -> list[str]:
    """Return patterns for those files among what ``text`` takes that end as manifests do."""
    if text.endswith(_SUFFIXES):
        return [text]
    if not text.endswith("*"):
        return []
    before = text.rstrip("*").rpartition("/")[2].rpartition("*")[2]
    ending = before[before.rfind(".") :] if "." in before else ""
    if ending and any(suffix.startswith(ending) for suffix in _SUFFIXES):
        raise UnsayableError
    return [text + suffix for suffix in _SUFFIXES]


def _over_folders(text: str) -> list[str]:
    """Return patterns for what ``text`` takes where each of its stars goes over folders too."""
    while "**" in text:
        text = text.replace("**", "*")
    found = [""]
    for number, sign in enumerate(text):
        if sign != "*":
            found = [one + sign for one in found]
            continue
        first = number == 0 or text[number - 1] == "/"
        last = number == len(text) - 1 or text[number + 1] == "/"
        if first:
            found = [f"{one}**/*" for one in found]
        elif last:
            found = [f"{one}*/**" for one in found]
        else:
            found = [one + way for one in found for way in ("*", "*/**/*")]
        if len(found) > _MOST:
            raise UnsayableError
    return found
