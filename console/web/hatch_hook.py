"""Puts the built pages into a wheel and an archive of the sources; an editable installation has none.

Run by the build of the package, which knows neither this package nor its dependencies.
"""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface[Any]):
    """Builds the pages where what is there is not of these sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what an isolated build needs: Node, by the project's own extra, unless the pages are built."""
        root = Path(self.root)
        folder = root / "console" / "web"
        if _load(folder / "build.py").is_current(folder):
            return []
        extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return list(extras["optional-dependencies"]["web"])

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and name the files: Git ignores them, and so would the package."""
        if version == "editable":
            return
        folder = Path(self.root, "console", "web")
        build = _load(folder / "build.py")
        build.build(folder)
        build_data["artifacts"].append("/console/web/dist/")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_web_build", path)
    if spec is None or spec.loader is None:
        message = f"{path} cannot be loaded"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
