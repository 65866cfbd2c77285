"""Evaluates CEL in a process of its own: its steps are counted, but one step may take all time and memory there is."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it is one folder up


def main() -> None:
    """Answer requests until stdin ends."""
    cel = confined.loaded(Path(__file__).parents[3] / "common" / "cel.py")

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"first": cel.first(request["texts"], request["subject"])}
        except cel.ExpressionError as error:
            return {"error": str(error)}

    confined.serve(version("cel-expr-python"), answer)


if __name__ == "__main__":
    main()
