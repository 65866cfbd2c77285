"""Evaluates CEL in a process of its own: its steps are counted, but one step may take all time and memory there is."""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import confined  # type: ignore[import-not-found]  # it is one folder up


def _loaded(path: str) -> Any:
    """Return the module in one file: nothing beside it can be read here."""
    spec = spec_from_file_location("expressions", path)
    assert spec is not None  # noqa: S101 - the type cannot say it
    assert spec.loader is not None  # noqa: S101 - the type cannot say it
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Answer requests until stdin ends."""
    cel = _loaded(str(Path(__file__).parents[3] / "common" / "cel.py"))

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"first": cel.first(request["texts"], request["subject"])}
        except cel.ExpressionError as error:
            return {"error": str(error)}

    confined.serve(version("cel-expr-python"), answer)


if __name__ == "__main__":
    main()
