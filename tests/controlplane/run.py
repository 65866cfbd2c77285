"""``python -m tests.controlplane.run``: clusters in the foreground, for people, demos and benchmarks."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.controlplane.build import MissingToolsError
from tests.controlplane.runner import ControlPlanes, Workloads


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", default="alpha", help="comma-separated names")
    parser.add_argument("--live", action="store_true", help="with controllers, so that workloads become healthy")
    parser.add_argument("--kubeconfig-dir", type=Path, required=True, help="gets NAME.kubeconfig for each cluster")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with tempfile.TemporaryDirectory(prefix="controlplane-") as folder:
        try:
            planes = ControlPlanes(Path(folder), Workloads.LIVE if options.live else Workloads.INERT)
        except MissingToolsError as error:
            print(error, file=sys.stderr)
            return 1
        try:
            planes.start(options.clusters.split(","))
            options.kubeconfig_dir.mkdir(parents=True, exist_ok=True)
            for name, cluster in planes.clusters.items():
                cluster.write_kubeconfig(options.kubeconfig_dir / f"{name}.kubeconfig")
            for name, pid in planes.pids().items():
                print(f"{pid}\t{name}")
            print("ready", flush=True)
            ended.wait()
        finally:
            planes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
