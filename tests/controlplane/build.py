"""Finds the control plane's programs, or builds them: ``python -m tests.controlplane.build``.

Order of look-up: ``KUBEBUILDER_ASSETS`` (envtest's convention), the cache, then a build into the cache. The cache lies
outside the tree, named by what decides the result, so that switching branches never rebuilds what was built before.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

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
PATIENCE = 3600


class MissingToolsError(RuntimeError):
    """A program is neither given, cached nor built."""


def cache() -> Path:
    """Return the folder of the programs that fit this checkout; it may not exist yet."""
    decides = hashlib.sha256()
    for part in ((HERE / "go.mod").read_bytes(), (HERE / "go.sum").read_bytes(), LDFLAGS.encode()):
        decides.update(hashlib.sha256(part).digest())
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "flotilla" / "controlplane" / decides.hexdigest()[:16]


def find(name: str) -> Path | None:
    """Return where a program lies, or None; builds nothing."""
    for folder in (os.environ.get("KUBEBUILDER_ASSETS"), cache()):
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    return None


def require(name: str) -> Path:
    """Return where a program lies.

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
        MissingToolsError: there is no Go to build with.
        subprocess.CalledProcessError: a build failed; its output was shown.
    """
    missing = [name for name in names if find(name) is None]
    if not missing:
        return
    if shutil.which("go") is None:
        message = "Go 1.26 or newer is needed to build the control plane (or set KUBEBUILDER_ASSETS)"
        raise MissingToolsError(message)
    target = cache()
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        for number, name in enumerate(missing, start=1):
            if find(name) is None:
                _build_one(name, target, f"[{number}/{len(missing)}]")


def _build_one(name: str, target: Path, label: str) -> None:
    began = time.monotonic()
    print(f"{label} building {name} …", flush=True)
    # Renamed at the end, so that a build cut short never looks like a program.
    unfinished = target / f".{name}.{os.getpid()}"
    subprocess.run(
        ("go", "build", "-trimpath", "-ldflags", LDFLAGS, "-o", str(unfinished), TOOLS[name]),
        cwd=HERE,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"},
        check=True,
        timeout=PATIENCE,
    )
    if name == "kwok":
        _keep_stages(target)
    unfinished.rename(target / name)
    print(f"{label} {name} built in {time.monotonic() - began:.0f} s", flush=True)


def _keep_stages(target: Path) -> None:
    """Copy kwok's own fast stages out of its module, so that running them later needs no Go."""
    asked = subprocess.run(
        ("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"), cwd=HERE, capture_output=True, text=True, check=True
    )
    stages = Path(asked.stdout.strip()) / "kustomize" / "stage"
    parts = [path.read_text() for kind in ("node", "pod") for path in sorted(stages.glob(f"{kind}/fast/{kind}-*.yaml"))]
    (target / STAGES).write_text("\n---\n".join(parts))


def main() -> int:
    """Build what is missing, with progress."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(TOOLS), help="comma-separated programs")
    names = parser.parse_args().only.split(",")
    try:
        build(names)
    except MissingToolsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Control plane: {', '.join(names)} in {cache()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
