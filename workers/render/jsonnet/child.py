"""Evaluates one Jsonnet program in a process of its own: what it reads is in the request, and nothing else.

Started by path, so that it imports nothing of ours. Usage: ``child.py REQUEST``, a JSON file; prints JSON.
"""

from __future__ import annotations

import json
import posixpath
import sys
from typing import Any

import rjsonnet

_STACK = 500
_TRACE = 5
"""Lines of an error: what went wrong comes first, the way there after it."""


def main() -> None:
    """Evaluate what the request asks for."""
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    try:
        said = _evaluated(request)
    except RuntimeError as error:
        sys.exit("\n".join(str(error).splitlines()[:_TRACE]))
    sys.stdout.write(said)


def _evaluated(request: dict[str, Any]) -> str:
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
