"""``python -m simulator``: clusters to practise on, until SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import orjson

from simulator.server import Simulator


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Kubernetes clusters to practise on, all in one process.",
        epilog="example: python -m simulator --clusters eu-1,eu-2 --port 7443 --kubeconfig-dir /tmp/kubeconfigs",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--clusters", metavar="NAME,NAME", help="names of the clusters")
    which.add_argument("--count", type=int, metavar="N", help="this many clusters, called sim-1 to sim-N")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--kubeconfig-dir", type=Path, metavar="DIR", help="write NAME.kubeconfig for each cluster there"
    )
    parser.add_argument("--ready-after", type=float, default=0.3, metavar="SECONDS", help="until workloads are ready")
    parser.add_argument(
        "--no-controllers", action="store_true", help="workloads never become ready, nothing is collected"
    )
    parser.add_argument("--pods", action="store_true", help="workloads have ReplicaSets and Pods, which write logs")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; return the exit code."""
    options = _parser().parse_args(arguments)
    names = options.clusters.split(",") if options.clusters else [f"sim-{i}" for i in range(1, options.count + 1)]
    ready_after = None if options.no_controllers else timedelta(seconds=options.ready_after)
    token = os.environ.get("SIMULATOR_ADMIN_TOKEN", "")
    simulator = Simulator(names, port=options.port, ready_after=ready_after, pods=options.pods, admin_token=token)
    if options.kubeconfig_dir:
        write_kubeconfigs(simulator, names, options.kubeconfig_dir)
    sys.stdout.write(f"simulator: {len(names)} clusters at https://127.0.0.1:{simulator.port}/clusters/NAME\n")
    sys.stdout.flush()
    simulator.run()
    return 0


def write_kubeconfigs(simulator: Simulator, names: Sequence[str], folder: Path) -> None:
    """Write ``NAME.kubeconfig`` for each cluster, readable by the owner only, and ``admin.json`` for the admin API."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        _write_private(
            folder / f"{name}.kubeconfig", orjson.dumps(simulator.kubeconfig(name), option=orjson.OPT_INDENT_2)
        )
    authority = simulator.authority.decode()
    access = {"url": simulator.admin_url, "token": simulator.admin_token, "certificateAuthority": authority}
    _write_private(folder / "admin.json", orjson.dumps(access))


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


if __name__ == "__main__":
    raise SystemExit(main())
