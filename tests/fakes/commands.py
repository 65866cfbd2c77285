"""Commands of an operator for tests: this Python with a program in its arguments, in a file as a worker reads it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ECHO = """
import json, os, sys
ALWAYS = {("PATH", "/nonexistent"), ("LC_ALL", "C"), ("GOMAXPROCS", "2")}
ALWAYS |= {(name + "_PROXY", "http://127.0.0.1:1") for name in ("HTTP", "HTTPS", "ALL")}
ALWAYS |= {("HOME", os.environ["TMPDIR"]), ("TMPDIR", os.path.dirname(os.environ["FLOTILLA_VALUES"]))}
given = json.load(sys.stdin)
files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)
shown = {
    "given": given,
    "files": {path: open(path).read() for path in files},
    "values": json.load(open(sys.argv[1])),
    "variables": {name: value for name, value in os.environ.items() if (name, value) not in ALWAYS},
}
print("apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: shown}\\ndata:")
folder = os.environ["TMPDIR"]
print("  shown: " + json.dumps(json.dumps(shown, sort_keys=True).replace(folder, "SCRATCH")))
"""
"""Shows all that a command is given, but for the variables that each has alike."""


def python(code: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """Return the entry of a command that runs ``code``."""
    return {"path": sys.executable, "arguments": ["-I", "-S", "-c", code, *arguments], **more}


def commands_file(folder: Path, **commands: dict[str, Any]) -> Path:
    """Write the file in which an operator allows ``commands``."""
    path = folder / "commands.yaml"
    path.write_text(yaml.safe_dump({"commands": commands}))
    path.chmod(0o644)
    return path
