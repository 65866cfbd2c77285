"""Evaluates Lua in a process of its own: a script may loop for ever, and catch every error that could end it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it is one folder up


def main() -> None:
    """Answer requests until stdin ends."""
    lua = confined.loaded(Path(__file__).parents[3] / "common" / "lua.py")

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        try:
            found = lua.run(request["script"], request["subject"])
        except lua.LuaError as error:
            return {"error": str(error)}
        return {"status": found.status, "message": found.message}

    confined.serve(version("lupa"), answer)


if __name__ == "__main__":
    main()
