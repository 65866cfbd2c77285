"""Holds a renderer's library in a process of its own: a request a line on stdin, an answer a line on stdout.

Imported by scripts that are started by path, and imports nothing of ours: such a process knows nothing of the worker,
neither settings nor credentials. What it evaluates may eat all memory or never end: then it dies, not the worker.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


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
