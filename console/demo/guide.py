"""What the demo tells at the end: addresses, and commands that work as they are printed, from any folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.settings import Settings

WIDTH = 80
"""Columns of the narrowest terminal that a line is made for; what cannot be broken is longer."""
INDENT = " " * 7


def write_command(home: Path, values: Mapping[str, str]) -> Path:
    """Write the command of the demo's hub, so that nobody has to set a variable, and return where it is.

    Args:
        home: the demo's folder.
        values: the settings of its hub by lower-case name; all others are the defaults, whatever the shell has.
    """
    program = Path(sys.executable).with_name("flotilla")
    others = [name for name in Settings.model_fields if name not in values]
    lines = [
        "#!/bin/sh",
        "# flotilla, for the hub in this folder",
        f"unset {' '.join(_variable(name) for name in (*others, 'api_token'))}",
        *(f"export {_variable(name)}={shlex.quote(value)}" for name, value in values.items()),
        f'exec {shlex.quote(str(program))} "$@"',
    ]
    path = home / "flotilla"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o700)
    return path


def _variable(name: str) -> str:
    return f"FLOTILLA_{name.upper()}"


def as_typed(path: Path) -> str:
    """Return a path as a person types it in a shell, wherever they stand."""
    home = Path.home()
    absolute = Path(os.path.abspath(path))
    if home != Path("/") and absolute.is_relative_to(home):
        return "/".join(("~", *(shlex.quote(part) for part in absolute.relative_to(home).parts)))
    return shlex.quote(str(absolute))


def commands(*lines: Iterable[str]) -> str:
    """Return commands, each given as the words it is broken between, a line for each; longer ones go on below."""
    return "\n".join(_wrapped(tuple(words)) for words in lines)


def _wrapped(words: tuple[str, ...]) -> str:
    rows = [words[0]]
    for word in words[1:]:
        if len(f"{INDENT}{rows[-1]} {word} \\") <= WIDTH:
            rows[-1] += f" {word}"
        else:
            rows.append(f"  {word}")
    return " \\\n".join(f"{INDENT}{row}" for row in rows)


def things_to_try(home: Path, address: str) -> str:
    """Return the addresses and three things to try, with the commands and what will be seen."""
    fleet = as_typed(home / "git" / "fleet")
    flotilla = as_typed(home / "flotilla")
    return f"""
  Status page   {address}/
  Its token     {flotilla} token
  Flower        {address}/flower/
  Repository    {fleet}
  Logs          {as_typed(home / "log")}

  Try, in another terminal:
  1. Commit a change. 12 clusters follow within seconds:
{commit_a_change(fleet, flotilla)}
  2. Break a cluster. It is shown unreachable, and the other 11 go on. Mend it,
     and it catches up:
{commands((flotilla, "simulator", "fault", "eu-1", "refuse"), (flotilla, "refresh"), (flotilla, "status"))}
{commands((flotilla, "simulator", "fault", "eu-1", "none"))}
  3. Delete an object behind our back. The next sweep (every 30 s) finds it
     missing and puts it back:
{commands((flotilla, "simulator", "delete", "us-2", "web", "Deployment", "web"), (flotilla, "runs", "us-2/web"))}

  See also the fault that was planted for you (a label that does not exist):
{commands((flotilla, "status", "--faults"))}

  Ctrl-C ends everything."""


def commit_a_change(fleet: str, flotilla: str) -> str:
    """Return the commands that change a text in the demo's repository and show what follows."""
    edit = ("sed", "-i", "'s/Hello from Flotilla/Hello from Git/'", f"{fleet}/apps/web/web.yaml")
    commit = ("git", "-C", fleet, "commit", "-qam", "'Say hello from Git'")
    return commands(edit, commit, (flotilla, "runs", "--application", "web"))
