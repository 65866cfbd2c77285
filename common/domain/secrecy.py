"""The secrets that one run knows, and texts without them, in whichever form they stand there. Pure.

``common.domain.redact`` tells a secret by what stands around it; this one by where it came from.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum, auto
from functools import cached_property
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from common.domain.errors import FlotillaError
from common.domain.redact import MASK
from common.domain.status import Reason

SHORTEST = 4
"""Characters; to mask a ``1`` wherever it stands would leave no text readable."""
SHORTEST_LINE = 8
"""Characters of a line of a secret that has several: ``true`` is often one."""
MOST = 1 << 20
"""Characters of all secrets together; where there are more, every text is masked whole."""
_PIECE = 32
"""Longer forms are told by pieces of this length, so that a part of one is masked too."""
_RULES = frozenset(" \t-=*#_.")
"""A piece of nothing else is a rule between paragraphs, and no secret."""
_PEM = "-----"
_LONGEST_TWICE = 16_384
"""Bytes of a secret that is looked for in base64 within base64 too, as registries' credentials have it."""
_WIDTHS = (64, 76)
"""Of lines of base64, by PEM and by MIME."""
_LARGE = re.compile(r"-?[1-9][0-9]{6,19}")
_PERCENT = re.compile(r"%[0-9A-F]{2}")


class Ends(Enum):
    """What the ends of a text may be."""

    WHOLE = auto()
    CUT = auto()
    """A secret may have been cut off there, on either side."""


class Secrets:
    """Texts that are shown to no one. Masking takes time in proportion to the text, however many there are.

    Args:
        values: what was decrypted, or is otherwise known to be secret; shorter ones than ``SHORTEST`` are left out.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(value for value in values if len(value.strip()) >= SHORTEST)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._values)

    def __or__(self, others: Secrets) -> Secrets:
        """Return these and others."""
        return Secrets(self._values | others._values)

    def __repr__(self) -> str:
        """Return how many there are, and no more."""
        return f"Secrets({len(self._values)})"

    def masked(self, text: str, ends: Ends = Ends.WHOLE) -> str:
        """Return ``text`` with every secret masked: as it is, by line, quoted, escaped, in base64 and in hex."""
        if not self._values or not text:
            return text
        if self._too_many:
            return MASK
        parts, at = [], 0
        for start, end in _joined([*self._found(text), *(self._cut_off(text) if ends is Ends.CUT else ())]):
            parts += [text[at:start], MASK]
            at = end
        return "".join([*parts, text[at:]])

    def holds(self, value: Any) -> bool:
        """Return whether a JSON value has a secret in it, in keys too."""
        return bool(self._values) and self.masked_in(value) != value

    def masked_in(self, value: Any) -> Any:
        """Return a JSON value with the secrets in its texts, keys and numbers masked; itself where there are none."""
        if not self._values or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, Mapping):
            return {self.masked(str(key)): self.masked_in(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked_in(item) for item in value]
        shown = json.dumps(value, default=str)
        return value if self.masked(shown) == shown else MASK

    def masked_reason(self, reason: Reason) -> Reason:
        """Return a reason with the secrets in its parameters masked."""
        return Reason(reason.code, self.masked_in(reason.params))

    @cached_property
    def _too_many(self) -> bool:
        return sum(map(len, self._values)) > MOST

    @cached_property
    def _pieces(self) -> frozenset[str]:
        forms = {form for value in self._values for form in _forms(value) if len(form) >= SHORTEST}
        return frozenset(piece for form in forms for piece in _cut(form))

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """Of the pieces, longest first, by how they begin."""
        found: dict[str, set[int]] = {}
        for piece in self._pieces:
            found.setdefault(piece[:SHORTEST], set()).add(len(piece))
        return {head: tuple(sorted(lengths, reverse=True)) for head, lengths in found.items()}

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        lengths, pieces = self._lengths, self._pieces
        for start in range(len(text) - SHORTEST + 1):
            for length in lengths.get(text[start : start + SHORTEST], ()):
                if text[start : start + length] in pieces:
                    yield start, start + length
                    break

    def _cut_off(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield what a secret left at the ends of a text: its own end before, its own beginning behind."""
        for size in range(min(_PIECE - 1, len(text)), SHORTEST - 1, -1):
            if any(piece.endswith(text[:size]) for piece in self._pieces):
                yield 0, size
                break
        for size in range(min(_PIECE - 1, len(text)), SHORTEST - 1, -1):
            behind = text[-size:]
            if behind[:SHORTEST] in self._lengths and any(piece.startswith(behind) for piece in self._pieces):
                yield len(text) - size, len(text)
                break


NO_SECRETS = Secrets()


def silence(error: FlotillaError, secrets: Secrets) -> None:
    """Take secrets out of an error, and from it what it was raised from, which says the same in other words."""
    if secrets:
        error.args = (secrets.masked(error.message, Ends.CUT), *error.args[1:])
        error.remedy = secrets.masked(error.remedy, Ends.CUT)
        error.params = secrets.masked_in(error.params)
        error.__cause__ = error.__context__ = None


def _joined(found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ranges in order, those that touch each other as one."""
    begin, end = 0, 0
    for start, stop in sorted(found):
        if start > end:
            if end:
                yield begin, end
            begin = start
        end = max(end, stop)
    if end:
        yield begin, end


def _cut(form: str) -> Iterator[str]:
    """Yield the pieces by which a form is told: itself where it is short."""
    if len(form) <= _PIECE:
        yield form
        return
    for start in (*range(0, len(form) - _PIECE, _PIECE), len(form) - _PIECE):
        piece = form[start : start + _PIECE]
        if not _RULES.issuperset(piece):
            yield piece


def _forms(value: str) -> Iterator[str]:
    """Yield a secret in every form in which tools write it."""
    stripped = value.strip()
    lines = {line.strip() for line in stripped.splitlines()} if "\n" in stripped else set()
    telling = {line for line in lines if len(line) >= SHORTEST_LINE and not line.startswith(_PEM)}
    for part in {value, stripped, " ".join(value.split()), *telling}:
        yield part
        yield from _escaped(part)
        raw = part.encode(errors="surrogatepass")
        yield raw.hex()
        yield raw.hex().upper()
        yield from _in_base64_at_all(raw)
        if len(raw) <= _LONGEST_TWICE:
            for inner in {*_in_base64_at_all(raw)}:
                yield from _in_base64_at_all(inner.encode())
        whole = b64encode(raw).decode()
        for width in _WIDTHS:
            yield from (whole[at : at + width] for at in range(0, len(whole), width) if len(whole) > width)
        if _LARGE.fullmatch(part):
            yield _as_fraction(part)


def _in_base64_at_all(raw: bytes) -> Iterator[str]:
    """Yield what base64 makes of bytes, whatever stands before them."""
    for before in range(3):
        yield from _in_base64(raw, before)


def _as_fraction(number: str) -> str:
    """Return a whole number as charts print it, to which each number is a fraction: ``1.00065e+09``."""
    sign, digits, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    first, *others = map(str, digits)
    point = "." if others else ""
    return f"{'-' if sign else ''}{first}{point}{''.join(others)}e+{len(digits) - 1 + int(exponent):02d}"


def _escaped(part: str) -> Iterator[str]:
    for escaped in (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]):
        yield escaped
        # as Go writes JSON
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    # as pages and their errors have it, by Go and by others
    for quotes in (("&#34;", "&#39;"), ("&quot;", "&#x27;"), ("&quot;", "&#39;")):
        yield escape(part, quote=False).replace('"', quotes[0]).replace("'", quotes[1])
    yield part.replace("'", "''")
    yield part.replace("'", "'\\''")
    yield quote(part, safe="", errors="replace")
    yield _PERCENT.sub(lambda found: found[0].lower(), quote(part, safe="", errors="replace"))
    yield quote(part, errors="replace")
    yield quote_plus(part, errors="replace")


def _in_base64(raw: bytes, before: int) -> Iterator[str]:
    """Yield what base64 makes of bytes that ``before`` others come before, but for what the neighbours have part in."""
    start, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
    for encoded in (b64encode, urlsafe_b64encode):
        yield encoded(bytes(before) + raw).decode()[start:end]
