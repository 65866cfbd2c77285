"""Words of clusters and programs, fit to be shown: without secrets or what steers a terminal, and bounded. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from common.domain.redact import cut, redacted
from common.domain.secrecy import Ends, Secrets

LONGEST_LINE = 2_000
"""Characters of one line."""
LONGEST = 512
"""Characters of a short text, such as an event's message."""
_REPLACED = 0xFFFD
_PICTURES = 0x2400
"""Where Unicode has a visible sign for each control character."""
_INERT = {
    **{code: _PICTURES + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    # C1 controls, and what turns the direction of text or breaks lines unseen.
    **dict.fromkeys([*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF], _REPLACED),
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)], _REPLACED),
}


def inert(text: str) -> str:
    """Return a text in which what would steer a terminal or turn its direction is a visible sign; lines stay."""
    return text.translate(_INERT)


def shown(text: str, secrets: Secrets) -> str:
    """Return a short foreign text on one line, cut, without secrets."""
    return inert(secrets.masked(redacted(cut(text, LONGEST)), Ends.CUT)).replace("\n", " ")


def moment(said: str) -> str:
    """Return an instant of a cluster's as ISO 8601; empty where it is none."""
    try:
        found = datetime.fromisoformat(said[:40])
    except ValueError:
        return ""
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def lines_of(raw: bytes, secrets: Secrets) -> Iterator[str]:
    """Yield the lines of what a program wrote, without secrets, each cut to ``LONGEST_LINE``.

    Secrets are taken out before lines are: a key has many, and one that is cut is known by no pattern.

    Args:
        raw: as it came, bounded by whoever read it; it may begin and end within a line.
        secrets: of the placement.
    """
    text = secrets.masked(redacted(raw.decode(errors="replace")), Ends.CUT)
    for line in text.split("\n"):
        whole = inert(line.removesuffix("\r"))
        yield whole if len(whole) <= LONGEST_LINE else f"{whole[:LONGEST_LINE]}…"
