"""Numbers of things as people say them."""

from __future__ import annotations


def of(count: int, one: str) -> str:
    """Return ``1 object`` or ``2 objects``; ``one`` is a word, or two of which the first counts, as in ``run of``."""
    word, space, rest = one.partition(" ")
    return f"{count:,} {word}{'' if count == 1 else 's'}{space}{rest}"


def are(count: int) -> str:
    """Return ``is`` for one, else ``are``."""
    return "is" if count == 1 else "are"
