"""Takes out of an error what a tool quoted of the values that it was given.

Tools quote: a schema names the value that does not fit, a template the text that it cannot read. Who may read why a
rendering failed is not who may read the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.domain.errors import FlotillaError
from common.domain.secrecy import Ends, Secrets, silence
from workers.render.faults import ToolFailedError

_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|token|secret|credential|private|api[-_]?key|access[-_]?key", re.IGNORECASE
)


def secrets_given(values: Iterable[Any], *, sets: Sequence[str]) -> Secrets:
    """Return what the registry itself gives under names that speak of secrets: in plain JSON, or in Helm's ``sets``."""
    return Secrets({secret for value in values for secret in _secrets_in(value)} | set(_secrets_set(sets)))


def _secrets_in(value: Any, *, below: bool = False) -> Iterator[str]:
    """Yield the texts in registry values that stand under a key that speaks of a secret, however deep.

    Args:
        value: plain JSON.
        below: whether such a key was already passed.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_in(item, below=below or _SECRET.search(str(key)) is not None)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_in(item, below=below)
    elif below and value is not None and not isinstance(value, bool):
        yield str(value)


def _secrets_set(sets: Sequence[str]) -> Iterator[str]:
    """Yield what Helm's ``sets`` give to such keys."""
    for text in sets:
        key, _, value = text.partition("=")
        if _SECRET.search(key):
            yield value


def silenced(error: FlotillaError, secrets: Secrets) -> FlotillaError:
    """Return ``error`` without ``secrets``, nor what it was raised from, which says the same in other words."""
    silence(error, secrets)
    if secrets and isinstance(error, ToolFailedError):
        error.failed, error.said = secrets.masked(error.failed), secrets.masked(error.said, Ends.CUT)
        error.tell()
    return error
