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

from common.domain.errors import FlotillaError
from common.settings import Settings
from common.sources.credentials import DirectoryProvider
from console.demo.repository import demo_clusters, write_repository
from console.demo.start import Until, await_synced, demo_settings, free_port, left_out, prepare_folder
from console.processes import embedded
from console.processes.spec import ProcessSpec, python
from console.processes.supervisor import Supervisor
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
    began = time.monotonic()
    git_port, api_port = free_port(7781), free_port(7780)
    prepare_folder(home)
    kustomize = find("kustomize")
    if kustomize is not None:
        os.environ["FLOTILLA_KUSTOMIZE"] = str(kustomize)
    settings = demo_settings(home, git_port=git_port, api_port=api_port)
    supervisor = Supervisor(home / "log", say=say)
    try:
        say(f"Starting {len(NAMES)} real clusters: {', '.join(NAMES)}")
        planes.start(NAMES)
        stop_on_signals(supervisor)
        declare(home, settings, planes.clusters)
        git_server = python("simulator.git_http", "--root", str(home), "--port", str(git_port))
        ready = embedded.answers("127.0.0.1", git_port, "/fleet/.git/info/refs?service=git-upload-pack")
        supervisor.start(ProcessSpec("git", git_server, ready=ready))
        say("Starting the hub")
        start_hub(supervisor, settings, workers=WORKERS)
        await_synced(settings, supervisor, say)
        if supervisor.stopping:
            return
        say(f"The fleet is synced, {time.monotonic() - began:.0f} s after the first line.")
        if until is Until.STOPPED:
            say(things_to_try(home, settings))
            supervisor.watch()
    finally:
        say("Stopping")
        supervisor.end_all()


def declare(home: Path, settings: Settings, clusters: Mapping[str, ControlPlane]) -> None:
    """Write the sample fleet for the running clusters, what reaches them, and a kubeconfig of each for people."""
    provider = DirectoryProvider(home / "credentials")
    folder = home / "kubeconfigs"
    folder.mkdir(mode=0o700)
    for name, cluster in clusters.items():
        provider.store(f"clusters/{name}", {"kubeconfig": yaml.safe_dump(cluster.kubeconfig()).encode()})
        cluster.write_kubeconfig(folder / name)
    write_repository(
        home / "fleet",
        url=settings.registry_url,
        servers={name: cluster.server for name, cluster in clusters.items()},
        clusters=tuple(cluster for cluster in demo_clusters() if cluster.name in clusters),
        leave_out=left_out(settings, say),
    )


def things_to_try(home: Path, settings: Settings) -> str:
    """Return the addresses and what to try, with the commands."""
    fleet = home / "fleet"
    command = f"FLOTILLA_HOME={home} FLOTILLA_API_PORT={settings.api_port} flotilla"
    kubectl = f"{find('kubectl') or 'kubectl'} --kubeconfig {home / 'kubeconfigs' / 'us-2'}"
    return f"""
  Status page   http://{settings.api_host}:{settings.api_port}/          (token: {command} token)
  Repository    {fleet}   (commit there; that is all it takes)

  Try:
  1. Change something in Git. All clusters follow within seconds:
       sed -i 's/Hello from Flotilla/Hello from Git/' {fleet}/apps/web/web.yaml
       git -C {fleet} commit -qam 'Say hello from Git'
       {command} runs --application web
  2. Look with kubectl, and delete something. The next sweep (every 30 s) puts it back:
       {kubectl} get deployments --all-namespaces
       {kubectl} --namespace web delete deployment web
       {command} runs us-2/web

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
