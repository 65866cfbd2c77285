"""``python -m benchmarks.commands``: the CPU time of a command, as a multiple of an interpreter that does nothing."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.fleet import answers
from tests.fixtures.api import answering

_PROGRAM = ("-m", "console.cli.main")
COMMANDS = (
    ("flotilla --help", (*_PROGRAM, "--help")),
    ("flotilla status", (*_PROGRAM, "status")),
    ("flotilla runs", (*_PROGRAM, "runs")),
)


def cpu(arguments: tuple[str, ...], home: Path, *, times: int) -> float:
    """Return the least seconds of CPU that a run of the interpreter took."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOTILLA_")}
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        argv = [sys.executable, *arguments]
        subprocess.run(argv, env={**env, "FLOTILLA_HOME": str(home)}, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="runs of each, of which the least counts")
    times: int = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder, answering(Path(folder), answers()):
        home = Path(folder)
        nothing = cpu(("-c", "pass"), home, times=times)
        print(f"python -c pass   {nothing:.3f} s")
        for name, arguments in COMMANDS:
            seconds = cpu(arguments, home, times=times)
            print(f"{name:<16} {seconds:.3f} s  {seconds / nothing:.0f} x")


if __name__ == "__main__":
    main()
