"""A small program in Go that asks the libraries: built in seconds, into the cache beside the control planes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.controlplane.golang import NoGoError, find_go, fits

HERE = Path(__file__).parent
SOURCES = ("go.mod", "go.sum", "main.go")
PATIENCE = 600
Ask = Callable[[Iterable[Mapping[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Return how to ask the libraries: questions in, answers out, in their order; see ``main.go``."""
    program = _built()

    def asked(questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        lines = "\n".join(map(json.dumps, questions))
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    return asked


def _built() -> Path:
    decides = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flotilla"
    target = home / "peers" / decides
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if not target.exists():
            unfinished = target.with_suffix(".unfinished")
            # go.sum decides: a build never fetches what is not named there.
            flags = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
            inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
            command = (str(_go(home / "go")), "build", "-trimpath", "-o", str(unfinished), ".")
            subprocess.run(command, cwd=HERE, env={**inherited, **flags}, check=True, timeout=PATIENCE)
            unfinished.rename(target)
    return target


def _go(folder: Path) -> Path:
    """Return a Go; none is installed for these tests on a laptop."""
    on_path = shutil.which("go")
    if os.environ.get("CI") or (on_path and fits(Path(on_path))) or folder.exists():
        try:
            return find_go(folder)
        except NoGoError as error:
            pytest.fail(str(error))
    pytest.skip("there is no Go on the PATH")
