"""Evaluates Jsonnet programs in a process of its own; what one reads is in its request, and nothing else is read."""

from __future__ import annotations

import json
import posixpath
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it is one folder up

_STACK = 500
_TRACE = 5
"""Lines of an error: what went wrong comes first, the way there after it."""


def main() -> None:
    """Answer requests until stdin ends."""
    confined.serve(version("rjsonnet"), _answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _evaluated(request)}
    except RuntimeError as error:
        return {"error": "\n".join(str(error).splitlines()[:_TRACE])}


def _evaluated(request: dict[str, Any]) -> str:
    import rjsonnet

    files: dict[str, str] = request["files"]

    def read(folder: str, name: str) -> tuple[str, str]:
        for place in (folder, *request["libs"]):
            path = posixpath.normpath(posixpath.join(place, name))
            if path in files:
                return path, files[path]
        message = f"{name} was not found"
        raise RuntimeError(message)

    return rjsonnet.evaluate_file(
        request["entry"],
        max_stack=_STACK,
        ext_codes={name: json.dumps(value) for name, value in request["variables"].items()},
        tla_codes={name: json.dumps(value) for name, value in request["arguments"].items()},
        import_callback=read,
    )


if __name__ == "__main__":
    main()
