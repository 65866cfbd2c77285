"""``python -m tests.controlplane.run``: clusters in the foreground, for people and benchmarks."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.controlplane.build import MissingToolsError
from tests.controlplane.process import StartError
from tests.controlplane.runner import ControlPlanes, Workloads


def _names(text: str) -> tuple[str, ...]:
    """Return the names; a number stands for that many."""
    if text.isdecimal():
        return tuple(f"cluster-{number}" for number in range(1, int(text) + 1))
    return tuple(text.split(","))


def _serve(planes: ControlPlanes, names: Sequence[str], kubeconfigs: Path) -> None:
    ended = threading.Event()
    try:
        planes.start(names)
        kubeconfigs.mkdir(parents=True, exist_ok=True)
        for name, cluster in planes.clusters.items():
            cluster.write_kubeconfig(kubeconfigs / f"{name}.kubeconfig")
        for name, pid in planes.pids().items():
            print(f"{pid}\t{name}")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        print("ready", flush=True)
        ended.wait()
    finally:
        planes.stop()


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=_names, default=("alpha",), help="how many, or comma-separated names")
    parser.add_argument("--live", action="store_true", help="with controllers, so that workloads become healthy")
    parser.add_argument("--kubeconfig-dir", type=Path, required=True, help="gets NAME.kubeconfig for each cluster")
    options = parser.parse_args()
    # Until they are ready, SIGTERM ends this like Ctrl-C does, and the folder goes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="controlplane-") as folder:
        try:
            planes = ControlPlanes(Path(folder), Workloads.LIVE if options.live else Workloads.INERT)
            _serve(planes, options.clusters, options.kubeconfig_dir)
        except (MissingToolsError, StartError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
