"""Takes out of an error what a tool quoted of the values that it was given.

Tools quote: a schema names the value that does not fit, a template the text that it cannot read. Who may read why a
rendering failed is not who may read the secret.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from common.domain.errors import FlotillaError
from common.domain.redact import MASK

_SHORTEST = 4
"""Characters; to mask a ``1`` wherever it stands would leave no error readable."""
_SAID = " cannot be rendered: "
"""What stands before the words of a tool."""
_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|token|secret|credential|private|api[-_]?key|access[-_]?key", re.IGNORECASE
)


def secrets_in(value: Any, *, below: bool = False) -> Iterator[str]:
    """Yield the texts in registry values that stand under a key that speaks of a secret, however deep.

    Args:
        value: plain JSON.
        below: whether such a key was already passed.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_in(item, below=below or _SECRET.search(str(key)) is not None)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item, below=below)
    elif below and value is not None and not isinstance(value, bool):
        yield str(value)


def secrets_set(sets: list[str]) -> Iterator[str]:
    """Yield what Helm's ``sets`` give to such keys."""
    for text in sets:
        key, _, value = text.partition("=")
        if _SECRET.search(key):
            yield value


def without(text: str, secrets: set[str]) -> str:
    """Return ``text`` with every one of ``secrets`` masked: whole, by line, in base64, and as quoted in JSON."""
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return _without_ends(text, forms)


def _without_ends(text: str, forms: set[str]) -> str:
    """Return ``text`` without the part of a secret that is left where what a tool said was cut off, on either side."""
    before, said, words = text.rpartition(_SAID)
    for form in forms:
        for size in range(min(len(form), len(words)) - 1, _SHORTEST - 1, -1):
            if words.endswith(form[:size]):
                words = words[:-size] + MASK
            if said and words.startswith(form[-size:]):
                words = MASK + words[size:]
    return before + said + words


def silenced(error: FlotillaError, secrets: set[str]) -> FlotillaError:
    """Return ``error`` without ``secrets``, nor what it was raised from, which says the same in other words."""
    if secrets:
        error.args = (without(error.message, secrets), *error.args[1:])
        error.remedy = without(error.remedy, secrets)
        error.__cause__ = error.__context__ = None
    return error


def _forms(secret: str) -> Iterator[str]:
    for part in {secret, secret.strip(), " ".join(secret.split()), *(line.strip() for line in secret.splitlines())}:
        yield part
        yield json.dumps(part)[1:-1]
        yield b64encode(part.encode()).decode().rstrip("=")
