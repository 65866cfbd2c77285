"""What a command imports is what it costs: no server's code for one that asks a hub, no boxes for help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.api import answering

HEAVY = (
    "alembic",
    "asyncio",
    "celery",
    "fastapi",
    "git",
    "httpx",
    "jinja2",
    "kubernetes",
    "pydantic_settings",
    "pyrage",
    "requests",
    "rich",
    "sqlalchemy",
    "yaml",
)
SCRIPT = """
import json, sys
from console.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(*words: str, home: Path) -> tuple[int, set[str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOTILLA_")}
    env["FLOTILLA_HOME"] = str(home)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["status", "--help"], ["sync", "--help"]])
def test_help_needs_none_of_what_is_heavy(words: list[str], tmp_path: Path) -> None:
    code, modules = imported(*words, home=tmp_path)
    assert (code, modules & set(HEAVY)) == (0, set())


@pytest.mark.parametrize(
    ("words", "code"),
    [(["status"], 1), (["runs"], 0), (["approvals"], 0), (["pause", "eu/web", "--reason", "x"], 0)],
)
def test_a_command_that_asks_a_running_hub_needs_none_of_it(words: list[str], code: int, tmp_path: Path) -> None:
    with answering(tmp_path):
        seen, modules = imported(*words, home=tmp_path)
    assert (seen, modules & set(HEAVY)) == (code, set())
