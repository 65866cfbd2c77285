"""``flotilla demo``: a hub, a Git server and simulated clusters, from nothing to synced."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

from common.db.reads.summary import Summary, summary
from common.db.session import open_database
from common.domain.errors import PermanentError
from common.settings import Settings
from common.sources.credentials import DirectoryProvider
from console.demo.repository import DemoCluster, demo_clusters, write_repository
from console.processes import embedded
from console.processes.spec import ProcessSpec, flotilla_env, python
from console.processes.supervisor import Supervisor
from console.processes.up import start_hub, stop_on_signals

MARKER = ".flotilla-demo"
"""A file that says that the folder is ours to wipe."""
WORKERS = 2
PATIENCE = 120.0
"""Seconds until a fleet that is not synced is called a failure."""


class DemoFolderError(PermanentError):
    """The demo's folder holds something else."""

    code = "demo.folder"


class DemoNotSyncedError(PermanentError):
    """The fleet was not synced in time."""

    code = "demo.not-synced"


class Until(Enum):
    """When the demo ends."""

    STOPPED = "stopped"
    SYNCED = "synced"


@dataclass(frozen=True, slots=True)
class Clusters:
    """Where the demo's clusters are and how to reach them."""

    clusters: tuple[DemoCluster, ...]
    servers: Mapping[str, str]
    kubeconfigs: Mapping[str, bytes]


def free_port(preferred: int) -> int:
    """Return ``preferred`` if nothing listens there, else a port that is free now."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    message = "no free port on 127.0.0.1"
    raise OSError(message)


def prepare_folder(home: Path) -> None:
    """Make the demo's folder anew.

    Raises:
        DemoFolderError: it exists and was not made by a demo.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            message = f"{home} exists and was not made by the demo"
            raise DemoFolderError(message, remedy="Name another folder with --home, or move this one away.")
        shutil.rmtree(home)
    embedded.prepare_home(home)
    (home / MARKER).touch()


def demo_settings(home: Path, *, git_port: int, api_port: int) -> Settings:
    """Return the settings of the demo's hub; also put into the environment, which its processes inherit."""
    values = {
        "home": str(home),
        "registry_url": f"http://127.0.0.1:{git_port}/fleet/.git",
        "registry_path": "registry",
        "registry_interval": "PT2S",
        "source_interval": "PT2S",
        "allow_loopback_http": "true",
        "api_port": str(api_port),
        "concurrency": "6",
    }
    os.environ.update({f"FLOTILLA_{name.upper()}": value for name, value in values.items()})
    return Settings()


def simulated_clusters(supervisor: Supervisor, home: Path, settings: Settings) -> Clusters:
    """Start the simulator and return its clusters."""
    clusters = demo_clusters()
    folder = home / "simulator"
    folder.mkdir(mode=0o700)
    names = [cluster.name for cluster in clusters]
    port = free_port(7782)
    argv = python("simulator", "--clusters", ",".join(names), "--port", str(port), "--kubeconfig-dir", str(folder))

    def ready() -> bool:
        return all((folder / f"{name}.kubeconfig").exists() for name in names)

    supervisor.start(ProcessSpec("simulator", argv, flotilla_env(settings), ready=ready))
    return Clusters(
        clusters,
        {name: f"https://127.0.0.1:{port}/clusters/{name}" for name in names},
        {name: (folder / f"{name}.kubeconfig").read_bytes() for name in names},
    )


def left_out(settings: Settings, say: Callable[[str], None]) -> frozenset[str]:
    """Return the registry files that nothing on this machine can render, saying so."""
    if settings.kustomize or shutil.which("kustomize") or shutil.which("kubectl"):
        return frozenset()
    say("No kustomize or kubectl found: the applications shop-dev and shop-prod are left out")
    return frozenset({"shop.yaml"})


def run_demo(home: Path, *, until: Until, say: Callable[[str], None]) -> None:
    """Run the demo in the foreground.

    Raises:
        DemoFolderError: the folder holds something else.
        DemoNotSyncedError: the fleet was not synced in time.
        ProcessFailedError: a process did not become ready.
    """
    began = time.monotonic()
    git_port, api_port = free_port(7781), free_port(7780)
    prepare_folder(home)
    settings = demo_settings(home, git_port=git_port, api_port=api_port)
    supervisor = Supervisor(home / "log", say=say)
    stop_on_signals(supervisor)
    try:
        say("Starting 12 simulated clusters in 3 regions")
        clusters = simulated_clusters(supervisor, home, settings)
        provider = DirectoryProvider(home / "credentials")
        for name, kubeconfig in clusters.kubeconfigs.items():
            provider.store(f"clusters/{name}", {"kubeconfig": kubeconfig})
        say("Writing the sample fleet into a Git repository, served over loopback HTTP")
        url = settings.registry_url
        leave_out = left_out(settings, say)
        write_repository(
            home / "git" / "fleet", url=url, servers=clusters.servers, clusters=clusters.clusters, leave_out=leave_out
        )
        git_server = python("simulator.git_http", "--root", str(home / "git"), "--port", str(git_port))
        ready = embedded.answers("127.0.0.1", git_port, "/fleet/.git/info/refs?service=git-upload-pack")
        supervisor.start(ProcessSpec("git", git_server, ready=ready))
        say(f"Starting the hub: scheduler, {WORKERS} workers and one for what you ask for, api, Flower")
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


def await_synced(settings: Settings, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Return once every placement is synced and healthy, or ``supervisor`` was told to stop.

    Raises:
        DemoNotSyncedError: that took longer than ``PATIENCE``.
    """
    database = open_database(settings)
    until = time.monotonic() + PATIENCE
    told = ""
    try:
        while not supervisor.stopping:
            with database.read() as connection:
                seen = summary(connection)
            told = _tell(seen, told, say)
            if seen.placements and seen.sync["synced"] == seen.health["healthy"] == seen.placements:
                return
            if time.monotonic() > until:
                message = f"the fleet is not synced after {timedelta(seconds=PATIENCE)}: {told}"
                raise DemoNotSyncedError(message, remedy=f"Read the logs in {settings.home / 'log'}")
            time.sleep(0.3)
    finally:
        database.dispose()


def _tell(seen: Summary, told: str, say: Callable[[str], None]) -> str:
    line = f"{seen.sync['synced']} of {seen.placements} placements synced, {seen.health['healthy']} healthy"
    if line != told and seen.placements:
        say(line)
    return line


def things_to_try(home: Path, settings: Settings) -> str:
    """Return the addresses and three things to try, with the commands and what will be seen."""
    hub = f"http://{settings.api_host}:{settings.api_port}"
    fleet = home / "git" / "fleet"
    run = f"FLOTILLA_HOME={home} FLOTILLA_API_PORT={settings.api_port} flotilla"
    return f"""
  Status page   {hub}/          (token: {run} token)
  Flower        {hub}/flower/
  Repository    {fleet}   (commit there; that is all it takes)
  Logs          {home / "log"}

  Try:
  1. Change something in Git. 12 clusters follow within seconds:
       sed -i 's/Hello from Flotilla/Hello from Git/' {fleet}/apps/web/web.yaml
       git -C {fleet} commit -qam 'Say hello from Git'
       {run} runs --application web
  2. Break a cluster. It is shown unreachable, the other 11 go on; mend it and it catches up:
       {run} simulator fault eu-1 refuse
       {run} refresh && {run} status
       {run} simulator fault eu-1 none
  3. Delete an object behind our back. The next sweep (every 30 s) finds it missing and puts it back:
       {run} simulator delete us-2 web Deployment web
       {run} runs us-2/web

  See also the fault that was planted for you (a label that does not exist):
       {run} status --faults

  Ctrl-C ends everything."""
