"""Finds the control plane's programs, or builds them: ``python -m tests.controlplane.build``.

Order of look-up: ``KUBEBUILDER_ASSETS`` (envtest's convention), the cache, then a build into the cache. The cache lies
outside the tree, named by what decides the result, so that switching branches never rebuilds what was built before.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from tests.controlplane.golang import NoGoError, find_go

HERE = Path(__file__).parent
VERSION = "v1.37.2"
_STAMP = "k8s.io/component-base/version"
LDFLAGS = f"-s -w -X {_STAMP}.gitVersion={VERSION} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=37"
TOOLS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}
STAGES = "kwok-stages.yaml"
"""What kwok plays; no program, but found and built like one."""
PARTS = (*TOOLS, STAGES)
SHORT = {"apiserver": "kube-apiserver", "controller-manager": "kube-controller-manager", "scheduler": "kube-scheduler"}
PATIENCE = 3600
"""Seconds one program may take to build."""


class MissingToolsError(RuntimeError):
    """A program is neither given, cached nor built; the message says what to do."""


def cache() -> Path:
    """Return the folder of the programs that fit this checkout; it may not exist yet."""
    decides = hashlib.sha256()
    for part in ((HERE / "go.mod").read_bytes(), (HERE / "go.sum").read_bytes(), LDFLAGS.encode()):
        decides.update(hashlib.sha256(part).digest())
    return _home() / "controlplane" / decides.hexdigest()[:16]


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flotilla"


def find(name: str) -> Path | None:
    """Return where a program lies, or None; builds nothing."""
    for folder in (os.environ.get("KUBEBUILDER_ASSETS"), cache()):
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    return None


def require(name: str) -> Path:
    """Return where a program lies; builds nothing.

    Raises:
        MissingToolsError: it was neither given nor built.
    """
    path = find(name)
    if path is None:
        message = (
            f"{name} is not there; build it with `make controlplane`, or point KUBEBUILDER_ASSETS at a folder of it"
        )
        raise MissingToolsError(message)
    return path


def build(names: Iterable[str]) -> None:
    """Build the named programs into the cache, those that are missing, one after the other.

    Raises:
        MissingToolsError: there is no Go to build with and none to be had, or a build failed (its output was shown).
    """
    missing = [name for name in names if find(name) is None]
    if not missing:
        return
    target = cache()
    target.mkdir(parents=True, exist_ok=True)
    # Two builders would each need all the cores and memory; the second one waits, and finds what it wanted.
    with FileLock(target / ".lock"):
        missing = [name for name in missing if find(name) is None]
        if not missing:
            return
        try:
            go = find_go(_home() / "go")
        except NoGoError as error:
            message = (
                f"{', '.join(missing)} must be built: {error}, or point KUBEBUILDER_ASSETS at a folder of programs"
            )
            raise MissingToolsError(message) from error
        for number, name in enumerate(missing, start=1):
            _build_one(name, target, go, label=f"[{number}/{len(missing)}]")


def _build_one(name: str, target: Path, go: Path, *, label: str) -> None:
    began = time.monotonic()
    print(f"{label} building {name} …", flush=True)
    # Renamed at the end, so that a build cut short never looks like a program.
    unfinished = target / f".{name}.{os.getpid()}"
    try:
        if name == STAGES:
            unfinished.write_text(_fast_stages(go))
        else:
            _run(go, "build", "-trimpath", "-ldflags", LDFLAGS, "-o", str(unfinished), TOOLS[name])
        unfinished.rename(target / name)
    except subprocess.CalledProcessError as error:
        message = f"{name} could not be built (go ended with {error.returncode}, see above)"
        raise MissingToolsError(message) from error
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"{label} {name} built in {time.monotonic() - began:.0f} s", flush=True)


def _run(go: Path, *arguments: str) -> str:
    # A Go finds its own parts; GOROOT may name those of another one.
    inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    done = subprocess.run(
        (str(go), *arguments),
        cwd=HERE,
        # This Go and no other, and go.sum decides: a build never fetches what is not named there.
        env={**inherited, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return done.stdout


def _fast_stages(go: Path) -> str:
    """Return kwok's own fast stages out of its module, so that running them later needs no Go."""
    stages = Path(_run(go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok").strip()) / "kustomize" / "stage"
    found = [path for kind in ("node", "pod") for path in sorted(stages.glob(f"{kind}/fast/{kind}-*.yaml"))]
    if not found:
        message = f"kwok's module has no fast stages in {stages}; its layout has changed"
        raise MissingToolsError(message)
    return "\n---\n".join(path.read_text() for path in found)


def _names(text: str) -> list[str]:
    names = [SHORT.get(name, name) for name in text.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        message = f"unknown: {', '.join(unknown)}; choose from {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(message)
    return names


def main() -> int:
    """Build what is missing, with progress."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_names, default=list(PARTS), metavar="NAMES", help="comma-separated programs")
    names: list[str] = parser.parse_args().only
    try:
        build(names)
    except MissingToolsError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        print(f"{name:<25}{find(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
