"""Proves that the lock files are complete: ``python -m tests.packaging.locks``.

They are installed without a resolver, so nothing else would notice a package that is missing from them. The wish list
of each package is read from what is installed: `make lock` installs what it has locked, then asks here.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {
    "requirements.lock": ("build", "mcp"),
    "requirements-demo.lock": ("build", "mcp", "simulator", "web"),
    "requirements-dev.lock": ("build", "mcp", "simulator", "web", "dev"),
}
"""Each lock file, and the extras of the project that it serves."""

Environment = Mapping[str, str]


class Package(NamedTuple):
    """What an installed package says of itself."""

    version: str
    requires: tuple[str, ...]


Describe = Callable[[str], "Package | None"]
"""Gives an installed package by its name, or None."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins of one lock file, by normal name."""

    name: str
    pins: Mapping[str, Requirement]

    def version(self, package: str) -> str:
        """Return the one version that is pinned."""
        return next(iter(self.pins[package].specifier)).version

    def holds(self, package: str, environment: Environment) -> bool:
        """Return whether ``package`` is installed from this lock in ``environment``."""
        pin = self.pins.get(package)
        return pin is not None and (pin.marker is None or pin.marker.evaluate(dict(environment)))


def read_lock(path: Path) -> Lock:
    """Return the pins of a lock file, their hashes left aside."""
    lines = [line for line in path.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    pins = [Requirement(line.removesuffix("\\").strip()) for line in lines]
    return Lock(path.name, {canonicalize_name(pin.name): pin for pin in pins})


def installed(name: str) -> Package | None:
    """Return an installed package as it describes itself, or None."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return Package(found.version, tuple(found.requires or ()))


def wishes(extras: Iterable[str]) -> list[str]:
    """Return what the project asks for itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]


def environments() -> tuple[dict[str, str], ...]:
    """Return this machine under each Python that the project supports, its own first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    here = {name: str(value) for name, value in default_environment().items()}
    others = ({**here, "python_version": each, "python_full_version": f"{each}.0"} for each in versions)
    return here, *others


def faults(lock: Lock, wanted: Iterable[str], environment: Environment, describe: Describe) -> list[str]:
    """Return what keeps ``lock`` from being the whole answer to ``wanted``, in words; nothing if it is.

    A package that is pinned and not installed is passed over: it belongs to another system or Python.
    """
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    waiting = [("the project", "", text) for text in wanted]
    while waiting:
        by, extra, text = waiting.pop()
        wish = Requirement(text)
        name = canonicalize_name(wish.name)
        if wish.marker is not None and not wish.marker.evaluate({**environment, "extra": extra}):
            continue
        if not lock.holds(name, environment):
            found.append(f"{by} asks for {text}, which is not in it")
            continue
        if not wish.specifier.contains(lock.version(name), prereleases=True):
            found.append(f"{by} asks for {text}, and {lock.version(name)} is pinned")
        found += [
            f"{by} asks for {wish.name}[{each}], and the pin has no such extra"
            for each in sorted(wish.extras - lock.pins[name].extras)
        ]
        package = describe(name)
        requires = package.requires if package else ()
        for each in {"", *wish.extras} - {e for n, e in seen if n == name}:
            seen.add((name, each))
            waiting += [(name, each, text) for text in requires]
    asked = {name for name, _ in seen}
    return sorted({*found, *(f"nothing asks for {each}" for each in _extra(lock, asked, environment, describe))})


def _extra(lock: Lock, asked: set[str], environment: Environment, describe: Describe) -> Iterable[str]:
    return (name for name in lock.pins if name not in asked and lock.holds(name, environment) and describe(name))


def not_as_locked(lock: Lock, describe: Describe) -> list[str]:
    """Return which packages of ``lock`` are not installed here as pinned, in words."""
    here = environments()[0]
    told = []
    for name in lock.pins:
        package = describe(name)
        if lock.holds(name, here) and (package is None or package.version != lock.version(name)):
            told.append(f"{name} {lock.version(name)} is pinned, and {package.version if package else 'none'} is here")
    return told


def main() -> int:
    """Check all lock files against what is installed."""
    found: set[str] = set()
    for name, extras in LOCKS.items():
        lock = read_lock(ROOT / name)
        told = not_as_locked(lock, installed)
        for environment in environments():
            told += faults(lock, wishes(extras), environment, installed)
        found |= {f"{name}: {each}" for each in told}
    print("\n".join(sorted(found)) or f"Complete: {', '.join(LOCKS)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
