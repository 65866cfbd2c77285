"""Unknown names: which known one may have been meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_LONGEST = 100
_MOST_READ = 20_000
_MOST_COMPARED = 1_000
_MOST_LISTED = 8


def nearest(name: str, known: Iterable[str], *, most: int = 1) -> tuple[str, ...]:
    """Return the known names that come close to ``name``, the nearest first; at most ``most``.

    Among thousands of names only those of about the same length are compared, so that it takes milliseconds.
    """
    names = sorted(set(islice(known, _MOST_READ)))
    if len(names) > _MOST_COMPARED:
        names = [one for one in names if abs(len(one) - len(name)) <= 1][:_MOST_COMPARED]
    asked = name[:_LONGEST]
    # Case is the commonest slip of all, and difflib counts each letter of it.
    folded = {one.casefold(): one for one in reversed(names)}
    if asked.casefold() in folded:
        return (folded[asked.casefold()],)
    close = get_close_matches(asked, names, n=most)
    return tuple(close)


def suggestion(name: str, known: Iterable[str], otherwise: str = "", *, most: int = 1) -> str:
    """Return a remedy for an unknown name: the nearest of ``known``, else a few of them, else ``otherwise``.

    Args:
        name: that is unknown.
        known: names.
        otherwise: said where none are.
        most: of the nearest that are named.
    """
    names = sorted(set(islice(known, _MOST_READ)))
    close = nearest(name, names, most=most)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    if not names:
        return otherwise
    more = ", …" if len(names) > _MOST_LISTED else ""
    return f"known: {', '.join(names[:_MOST_LISTED])}{more}"
