"""What a process is: its command line, its surroundings, and how to tell that it is ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.settings import Settings


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to run.

    Attributes:
        name: as shown to people and as the log file's name.
        argv: the command, exec'd without a shell.
        env: variables on top of this process's own.
        ready: returns True once it does its work; polled after the start. What it looks at is of this process alone.
        intact: returns False once the process can no longer be reached though it runs: it is started again then.
        patience: seconds until ``ready`` must have answered True.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    intact: Callable[[], bool] = lambda: True
    patience: float = 60.0


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs ``module`` with this interpreter, as it is installed.

    ``-P``: else a folder ``common`` where a hub is started would be imported in place of ours.
    """
    return (sys.executable, "-P", "-m", module, *arguments)


def flotilla_env(settings: Settings, **changes: str) -> dict[str, str]:
    """Return the ``FLOTILLA_…`` variables that give another process these settings, with ``changes`` on top."""
    env = {name: value for name, value in os.environ.items() if name.startswith("FLOTILLA_")}
    env["FLOTILLA_HOME"] = str(settings.home)
    env.update({f"FLOTILLA_{name.upper()}": value for name, value in changes.items()})
    return env


def fresh(path: Path) -> Callable[[], bool]:
    """Remove what a former process left at ``path``, and return a check that is True once there is something again."""
    path.unlink(missing_ok=True)
    return path.exists
