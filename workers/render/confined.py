"""Holds a renderer's library in a process of its own: a request a line on stdin, an answer a line on stdout.

Imported by scripts that are started by path, and imports nothing of ours: such a process knows nothing of the worker,
neither settings nor credentials. What it evaluates may eat all memory or never end: then it dies, not the worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000
_WRITTEN = 8 << 20


def confine(memory: int) -> None:
    """Bound this process, and take the network from it where the kernel lets it go."""
    bounds = ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, _WRITTEN), (resource.RLIMIT_CORE, 0))
    for kind, bound in bounds:
        resource.setrlimit(kind, (bound, bound))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def serve(version: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Say the library's version, then answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints is no answer
    _say(answers, {"version": version})
    for line in sys.stdin.buffer:
        _say(answers, answer(json.loads(line)))


def _say(answers: Any, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()
