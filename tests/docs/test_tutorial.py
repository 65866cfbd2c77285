"""The commands of pages that tell a story are run as they stand, and their outputs are what comes out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.ports import free_port

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"tutorial.md": ("7790", "7791", "7792"), "how-to/ask-the-fleet.md": ("7790",)}
"""Pages that are run, with the ports that they name."""
LONGEST = 240.0
"""Seconds; on two idle cores it takes about a third of that."""
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "#### step"


@dataclass(frozen=True, slots=True)
class Step:
    """Commands, and lines that they print in this order; ``…`` stands for anything."""

    commands: str
    output: tuple[str, ...]


def steps(text: str) -> tuple[Step, ...]:
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        if block["language"] == "sh":
            found.append(Step(block["body"], ()))
        elif block["language"] == "text":
            found[-1] = Step(found[-1].commands, tuple(block["body"].splitlines()))
        else:
            message = f"a block of {block['language'] or 'no'} language would be shown and never run"
            raise ValueError(message)
    return tuple(found)


def missing(expected: tuple[str, ...], printed: str) -> tuple[str, ...]:
    """Return the expected lines that were not printed, or not in this order."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    return tuple(wanted for wanted in expected if not any(_pattern(wanted).fullmatch(line) for line in lines))


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in " ".join(line.split()).split("…")))


@pytest.fixture(params=PAGES)
def text(request: pytest.FixtureRequest) -> str:
    """A page with ports that are free here."""
    found: str = (DOCS / request.param).read_text()
    for written in PAGES[request.param]:
        assert written in found
        found = found.replace(written, str(free_port()))
    return found


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home folder of its own, the checkout's commands, and no settings from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOTILLA_", "GIT_"))}
    binaries = str(Path(sys.executable).parent)
    return {**kept, "HOME": str(tmp_path), "PATH": f"{binaries}{os.pathsep}{kept['PATH']}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def run(script: str, folder: Path, environment: dict[str, str]) -> tuple[str, int]:
    """Return what the script printed and its exit code; ends all that it started."""
    with (folder / "printed.log").open("wb") as printed:
        bash = subprocess.Popen(
            ["bash", "-e", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with suppress(subprocess.TimeoutExpired):
                bash.wait(LONGEST)
        finally:
            _end(bash)
    return (folder / "printed.log").read_text(), bash.returncode


def _end(bash: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(bash.pid, number)
            time.sleep(0.5 if bash.poll() == 0 else 5)
    bash.wait()


def test_a_page_does_what_it_says(text: str, folder: Path, environment: dict[str, str]) -> None:
    told = steps(text)
    script = "".join(f"echo '{_MARK}'\n{step.commands}" for step in told)
    printed, code = run(script, folder, environment)
    parts = printed.split(f"{_MARK}\n")[1:]
    for step, part in zip(told, parts, strict=False):
        assert not missing(step.output, part), f"{step.commands}printed:\n{part}"
    assert len(parts) == len(told), f"it stopped at:\n{told[len(parts) - 1].commands}printed:\n{parts[-1]}"
    assert code == 0, parts[-1]


def test_a_line_that_was_not_printed_is_missed() -> None:
    assert missing(("a … c", "d"), "a  b c\nx\nd") == ()
    assert missing(("d", "a … c"), "a b c\nd") == ("a … c",)
    assert missing(("a … d",), "a b c") == ("a … d",)
