"""Holds a renderer's library in a process of its own: a request a line on stdin, an answer a line on stdout.

Imported by scripts that are started by path, and imports nothing of ours: such a process knows nothing of the worker,
neither settings nor credentials. What it evaluates may eat all memory or never end: then it dies, not the worker.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def loaded(file: Path) -> Any:
    """Return the module in one file: nothing beside it can be read here."""
    spec = spec_from_file_location(f"confined_{file.stem}", file)
    assert spec is not None  # noqa: S101 - the type cannot say it
    assert spec.loader is not None  # noqa: S101 - the type cannot say it
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up the names in their annotations
    spec.loader.exec_module(module)
    return module


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
