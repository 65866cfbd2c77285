"""The table names what is there, and every step has its file."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_every_step_has_a_file_and_the_table_names_what_exists() -> None:
    steps = {int(path.name[10:12]) for path in HERE.glob("test_step_*.py")}
    assert steps == set(range(1, 14))
    named = re.findall(r"`((?:tests|docs)/[^`]+)`", (HERE / "README.md").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
