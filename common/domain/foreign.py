"""What a foreign error means, in words: how a library prints its exceptions is for its authors.

Adapters translate with it what they cannot tell apart any further. It looks at the chain of causes, because libraries
wrap the operating system's errors in their own.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence

from common.domain.redact import cut, redacted
from common.domain.status import Reason

_PROXY = "ProxyError"
"""Its own text is told too where it is for people: a proxy's status says whether it wants credentials."""
_BY_TYPE = (
    ("SSLCertVerificationError", "its certificate is not trusted"),
    ("CertificateError", "its certificate is not trusted"),
    ("SSLError", "TLS failed"),
    ("gaierror", "its name cannot be resolved"),
    ("NameResolutionError", "its name cannot be resolved"),
    ("RemoteDisconnected", "it closed the connection without an answer"),
    ("ConnectionRefusedError", "the connection was refused"),
    ("ConnectionResetError", "the connection was reset"),
    ("BrokenPipeError", "the connection was closed"),
    ("ConnectionAbortedError", "the connection was aborted"),
    ("IncompleteRead", "the answer broke off"),
    ("ConnectTimeoutError", "no connection within the time limit"),
    ("ReadTimeoutError", "no answer within the time limit"),
    ("TimeoutError", "no answer within the time limit"),
    ("ConnectTimeout", "no connection within the time limit"),
    ("ReadTimeout", "no answer within the time limit"),
    (_PROXY, "the proxy failed"),
    ("LocationParseError", "the URL cannot be read"),
)
"""By the name of a class or of one of its bases, the first that fits; modules that may be absent are not imported."""
_QUOTED = re.compile(r"""\A['"](.*)['"]\Z""", re.DOTALL)
_PYTHON = re.compile(
    r"0x[0-9a-f]{6,}|<[\w.]+ object|Pool\(|\w(?:Error|Exception|Disconnected)\(|\A\(|Traceback |\[Errno "
)
"""Marks of text that was made for programmers: addresses, reprs, tuples."""
LONGEST_WAY = 1_000
"""Characters of a way to a field. Its steps are keys that strangers chose: one of a megabyte above a thousand fields
would be repeated for each."""
_CUT = "…"
_DEPTH = 8
_MOST = 300
"""Characters of a text that is not ours."""


def further(way: str, step: str) -> str:
    """Return a way into a foreign value with one step more; where that is too long it is cut, and grows no further."""
    if len(way) > LONGEST_WAY:
        return way
    room = LONGEST_WAY - len(way)
    return way + step if len(step) <= room else f"{way}{step[:room]}{_CUT}"


def foreign(code: str, **words: str | Sequence[str]) -> Reason:
    """Return a reason whose parameters are words of others: cut, without secrets, empty ones left out."""
    return Reason(code, {name: _without_secrets(said) for name, said in words.items() if said})


def _without_secrets(words: str | Sequence[str]) -> str | list[str]:
    return redacted(cut(words)) if isinstance(words, str) else [redacted(cut(one)) for one in words]


def said(error: BaseException) -> str:
    """Return what an error means, as a clause of a sentence; never how Python prints it."""
    for one in _chain(error):
        names = [each.__name__ for each in type(one).__mro__]
        for name, words in _BY_TYPE:
            if name in names:
                text = _clean(one) if name == _PROXY else ""
                return f"{words}: {text}" if text else words
        if isinstance(one, OSError) and one.errno:
            return _system(one.errno)
        if isinstance(one, OSError) and (text := _clean(one)):
            return text
    return _clean(error) or f"it failed ({type(error).__name__})"


def _clean(error: BaseException) -> str:
    """Return an error's own text if it was made for people; empty else."""
    text = _QUOTED.sub(r"\1", " ".join(cut(str(error)).split()))
    return "" if _PYTHON.search(text) else text[:_MOST]


def _system(number: int) -> str:
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    words = os.strerror(number)
    return words[:1].lower() + words[1:]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield what caused an error, the innermost first, then the error itself."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < _DEPTH:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        inside = [each for each in (*one.args, getattr(one, "reason", None)) if isinstance(each, BaseException)]
        waiting += [one.__context__, one.__cause__, *inside]
    yield from reversed(found)
