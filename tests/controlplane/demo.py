"""``make demo-real``: the demo's fleet on real API servers instead of simulated ones."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from common.credentials import DirectoryProvider
from common.domain.errors import FlotillaError
from common.settings import Settings
from console.demo.guide import as_typed, commands, commit_a_change
from console.demo.repository import demo_clusters, write_repository
from console.demo.start import (
    GIT_PORT,
    Until,
    await_synced,
    demo_api_port,
    demo_home,
    demo_settings,
    free_port,
    git_server,
    left_out,
)
from console.processes import embedded
from console.processes.supervisor import StoppedError, Supervisor
from console.processes.up import start_hub, stop_on_signals
from tests.controlplane.build import MissingToolsError, find
from tests.controlplane.process import StartError
from tests.controlplane.runner import ControlPlane, ControlPlanes, Workloads

NAMES = ("eu-1", "us-2", "ap-2")
"""One of each region, for development and for production; each takes about half a gigabyte."""
WORKERS = 2


def say(line: str) -> None:
    """Print a line for the person who looks on."""
    print(line, flush=True)


def run(home: Path, planes: ControlPlanes, *, until: Until) -> None:
    """Run clusters and a hub in the foreground.

    Raises:
        FlotillaError: the folder holds something else, a process did not start, or the fleet was not synced in time.
        StartError: a control plane did not become ready.
    """
    kustomize = find("kustomize")
    if kustomize is not None:
        os.environ["FLOTILLA_KUSTOMIZE"] = str(kustomize)
    with demo_home(home) as held:
        settings = demo_settings(home, git_port=free_port(GIT_PORT), api_port=demo_api_port())
        supervisor = Supervisor(home / "log", say=say, inherit=(held,))
        try:
            _run(home, settings, supervisor, planes, until=until)
        except StoppedError:
            pass  # as asked
        finally:
            say("Stopping")
            supervisor.end_all()


def _run(home: Path, settings: Settings, supervisor: Supervisor, planes: ControlPlanes, *, until: Until) -> None:
    began = time.monotonic()
    say(f"Starting {len(NAMES)} real clusters: {', '.join(NAMES)}")
    planes.start(NAMES)
    stop_on_signals(supervisor)
    declare(home, settings, planes.clusters)
    supervisor.start(git_server(home / "git", settings))
    say("Starting the hub")
    start_hub(supervisor, settings, workers=WORKERS)
    await_synced(settings, supervisor, say)
    if supervisor.stopping:
        return
    say(f"The fleet is synced, {time.monotonic() - began:.0f} s after the first line.")
    if until is Until.STOPPED:
        say(things_to_try(home, embedded.api_ready_file(settings).read_text()))
        supervisor.watch()


def declare(home: Path, settings: Settings, clusters: Mapping[str, ControlPlane]) -> None:
    """Write the sample fleet for the running clusters, what reaches them, and a kubeconfig of each for people."""
    provider = DirectoryProvider(home / "credentials")
    folder = home / "kubeconfigs"
    folder.mkdir(mode=0o700)
    for name, cluster in clusters.items():
        provider.store(f"clusters/{name}", {"kubeconfig": yaml.safe_dump(cluster.kubeconfig()).encode()})
        cluster.write_kubeconfig(folder / name)
    write_repository(
        home / "git" / "fleet",
        url=settings.registry_url,
        servers={name: cluster.server for name, cluster in clusters.items()},
        clusters=tuple(cluster for cluster in demo_clusters() if cluster.name in clusters),
        leave_out=left_out(settings, say),
    )


def things_to_try(home: Path, address: str) -> str:
    """Return the addresses and what to try, with the commands."""
    fleet, flotilla = as_typed(home / "git" / "fleet"), as_typed(home / "flotilla")
    kubectl = ("kubectl" if (built := find("kubectl")) is None else as_typed(built), "--kubeconfig")
    on_us_2 = (*kubectl, as_typed(home / "kubeconfigs" / "us-2"))
    return f"""
  Status page   {address}/
  Its token     {flotilla} token
  Repository    {fleet}

  Try, in another terminal:
  1. Commit a change. All clusters follow within seconds:
{commit_a_change(fleet, flotilla)}
  2. Look with kubectl, and delete something. The next sweep (every 30 s) puts
     it back:
{commands((*on_us_2, "get", "deployments", "--all-namespaces"))}
{commands((*on_us_2, "--namespace", "web", "delete", "deployment", "web"), (flotilla, "runs", "us-2/web"))}

  Ctrl-C ends everything."""


def main() -> int:
    """Run the demo until Ctrl-C, or until the fleet is synced."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path.home() / ".flotilla" / "demo-real"
    parser.add_argument("--home", type=Path, default=default, help=f"made anew at each start (default: {default})")
    parser.add_argument("--until-synced", action="store_true", help="end once the fleet is synced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="controlplane-") as folder:
        try:
            planes = ControlPlanes(Path(folder), Workloads.LIVE)
            try:
                run(options.home, planes, until=Until.SYNCED if options.until_synced else Until.STOPPED)
            finally:
                planes.stop()
        except FlotillaError as error:
            print(f"error: {error.message}\n{error.remedy}", file=sys.stderr)
            return 1
        except (MissingToolsError, StartError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
