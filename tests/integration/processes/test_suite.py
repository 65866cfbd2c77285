"""A suite that is spread over processes fails as one in a single process does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


TESTS = """
import warnings
import pytest

@pytest.mark.parametrize("number", range(4))
def test_passes(number): pass

def test_skips(): pytest.skip("no such service on this host")

def test_warns(): warnings.warn("of old ways", DeprecationWarning, stacklevel=1)
"""


def test_warnings_are_errors_and_skips_are_told_of_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "test_other.py").write_text(TESTS)
    command = (sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path))
    spread = ("-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", str(tmp_path))
    done = subprocess.run((*command, *spread), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "8 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("DeprecationWarning: of old ways") >= 2
    assert "SKIPPED [2]" in done.stdout or done.stdout.count("no such service on this host") == 2
    assert done.returncode == 1
