"""Where a hub is started does not decide whose code it runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from console.processes.spec import python

MODULES = ("console.api", "scheduler", "workers", "simulator", "simulator.git_http")


@pytest.mark.parametrize("module", MODULES)
def test_a_folder_with_our_names_is_not_imported(module: str, tmp_path: Path) -> None:
    """Folders called ``common`` are common: with one, a hub ended at its first import, or ran what lay there."""
    for package in ("common", "console", "scheduler", "workers", "simulator"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported from where it was started')\n")
    done = subprocess.run(python(module, "--help"), cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
