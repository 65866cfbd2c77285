"""How tokens look: a prefix and a checksum, by which scanners of code know one, and a made-up one costs nothing.

``flt_``, 36 random characters, and 6 that are the CRC-32 of those, all of the 62 letters and digits of ASCII.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib

PREFIX = "flt_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 36
"""Characters: over 200 bits."""
_CHECKSUM = 6
_TOKEN = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECKSUM}}})")


def new_token() -> str:
    """Return a token that nobody has seen before."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"{PREFIX}{random}{_checksum(random)}"


def is_token(text: str) -> bool:
    """Return whether ``text`` could be a token of a hub: prefix, length and checksum are right."""
    match = _TOKEN.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def _checksum(random: str) -> str:
    number, found = zlib.crc32(random.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        found = _ALPHABET[digit] + found
    return found
