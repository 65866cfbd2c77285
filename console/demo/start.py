"""``flotilla demo``: a hub, a Git server and simulated clusters, from nothing to synced."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from common.credentials import DirectoryProvider
from common.domain.errors import PermanentError
from common.domain.rights import ALL
from common.settings import Settings, settings
from common.store.engine.session import open_database
from common.store.reads.summary import summary
from console.demo.guide import things_to_try, write_command
from console.demo.repository import DemoCluster, demo_clusters, write_repository
from console.processes import embedded
from console.processes.extras import need_simulator
from console.processes.home import LOCK, hold_home, prepare_home
from console.processes.spec import ProcessSpec, flotilla_env, python
from console.processes.supervisor import StoppedError, Supervisor
from console.processes.up import refuse_taken_port, start_hub, stop_on_signals

MARKER = ".flotilla-demo"
"""A file that says that the folder is ours to wipe."""
WORKERS = 2
LOOPBACK = "127.0.0.1"
GIT_PORT = 7781
KEPT = ("kustomize", "log_format", "log_level", "sandbox")
"""Settings of the environment that the demo's hub has too; the port of its api is looked at before."""
PATIENCE = 120.0
"""Seconds without progress until a fleet that is not synced is called a failure."""


class DemoFolderError(PermanentError):
    """The demo's folder holds something else."""

    code = "demo.folder"


class DemoNotSyncedError(PermanentError):
    """The fleet was not synced in time."""

    code = "demo.not-synced"


class NoGitError(PermanentError):
    """The demo cannot do without Git."""

    code = "demo.no-git"


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
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    message = "no free port on 127.0.0.1"
    raise OSError(message)


@contextmanager
def demo_home(home: Path) -> Iterator[int]:
    """Make the demo's folder again and hold it, as ``hold_home`` does.

    Raises:
        DemoFolderError: it exists and was not made by a demo.
        HomeInUseError: a hub runs in it.
    """
    found = {entry.name for entry in home.iterdir()} if home.exists() else set()
    if found - {LOCK} and MARKER not in found:
        message = f"{home} exists and was not made by the demo"
        raise DemoFolderError(message, remedy="Name another folder with --home, or move this one away.")
    with hold_home(home) as held:
        (home / MARKER).touch()
        for entry in home.iterdir():
            if entry.name not in (LOCK, MARKER):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        prepare_home(home)
        yield held


def demo_api_port() -> int:
    """Return the port that ``FLOTILLA_API_PORT`` asks for, else 7780 or, if that is taken, another one."""
    wished = settings()
    if "api_port" in wished.model_fields_set:
        refuse_taken_port(LOOPBACK, wished.api_port)
        return wished.api_port
    return free_port(wished.api_port)


def demo_settings(home: Path, *, git_port: int, api_port: int) -> Settings:
    """Return the settings of the demo's hub; also put into the environment, which its processes inherit.

    Also writes the command that has these settings. What the environment says of another hub is left aside: the demo
    touches no database, broker or registry but its own.
    """
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
    kept = {f"FLOTILLA_{name.upper()}" for name in KEPT}
    for name in [name for name in os.environ if name.startswith("FLOTILLA_") and name not in kept]:
        del os.environ[name]
    os.environ.update({f"FLOTILLA_{name.upper()}": value for name, value in values.items()})
    write_command(home, values)
    return Settings()


def simulated_clusters(supervisor: Supervisor, home: Path, settings: Settings) -> Clusters:
    """Start the simulator and return its clusters."""
    clusters = demo_clusters()
    folder = home / "simulator"
    folder.mkdir(mode=0o700)
    names = [cluster.name for cluster in clusters]
    port = free_port(7782)
    served = ("--clusters", ",".join(names), "--port", str(port), "--kubeconfig-dir", str(folder))
    argv = python("simulator", *served, "--pods")

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
    say("No kustomize or kubectl on the PATH: shop-dev and shop-prod are left out")
    return frozenset({"shop.yaml"})


def run_demo(home: Path, *, until: Until, say: Callable[[str], None]) -> None:
    """Run the demo in the foreground.

    Raises:
        DemoFolderError: the folder holds something else.
        DemoNotSyncedError: the fleet was not synced in time.
        HomeInUseError: a hub runs in the folder.
        NoGitError: there is no Git.
        NotInstalledError: Flotilla was installed without its simulator.
        PortInUseError: ``FLOTILLA_API_PORT`` is taken.
        ProcessFailedError: a process did not become ready.
    """
    need_simulator()
    home = home.absolute()
    if shutil.which("git") is None:
        message = "there is no git on the PATH"
        raise NoGitError(message, remedy="Install it; the demo's registry is a Git repository.")
    with demo_home(home) as held:
        settings = demo_settings(home, git_port=free_port(GIT_PORT), api_port=demo_api_port())
        supervisor = Supervisor(home / "log", say=say, inherit=(held,))
        stop_on_signals(supervisor)
        try:
            _run(home, settings, supervisor, until=until, say=say)
        except StoppedError:
            pass  # as asked
        finally:
            say("Stopping")
            supervisor.end_all()


def _run(home: Path, settings: Settings, supervisor: Supervisor, *, until: Until, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    say("Starting 12 simulated clusters in 3 regions")
    clusters = simulated_clusters(supervisor, home, settings)
    provider = DirectoryProvider(home / "credentials")
    for name, kubeconfig in clusters.kubeconfigs.items():
        provider.store(f"clusters/{name}", {"kubeconfig": kubeconfig})
    say("Writing the sample fleet into a Git repository, served over loopback HTTP")
    write_repository(
        home / "git" / "fleet",
        url=settings.registry_url,
        servers=clusters.servers,
        clusters=clusters.clusters,
        leave_out=left_out(settings, say),
    )
    supervisor.start(git_server(home / "git", settings))
    say(f"Starting the hub: scheduler, {WORKERS} workers and one for what you ask for, api, Flower")
    start_hub(supervisor, settings, workers=WORKERS)
    await_synced(settings, supervisor, say)
    if supervisor.stopping:
        return
    say(f"The fleet is synced, {time.monotonic() - began:.0f} s after the first line.")
    if until is Until.STOPPED:
        say(things_to_try(home, embedded.api_ready_file(settings).read_text()))
        supervisor.watch()


def git_server(root: Path, settings: Settings) -> ProcessSpec:
    """Return the server of the demo's repositories, where the settings say that they are."""
    url = urlsplit(settings.registry_url)
    argv = python("simulator.git_http", "--root", str(root), "--port", str(url.port))
    ready = embedded.answers(LOOPBACK, url.port or 0, f"{url.path}/info/refs?service=git-upload-pack")
    return ProcessSpec("git", argv, ready=ready)


def await_synced(settings: Settings, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Return once every placement is synced and healthy, or ``supervisor`` was told to stop.

    Raises:
        DemoNotSyncedError: nothing became better for ``PATIENCE``.
    """
    database = open_database(settings)
    until = time.monotonic() + PATIENCE
    told, best = (0, 0, 0), 0
    try:
        while not supervisor.stopping:
            with database.read() as connection:
                seen = summary(connection, ALL)
            counts = seen.sync["synced"], seen.placements, seen.health["healthy"]
            if counts != told and seen.placements:
                say(_progress(counts))
            told = counts
            if seen.sync["synced"] + seen.health["healthy"] > best:
                best, until = seen.sync["synced"] + seen.health["healthy"], time.monotonic() + PATIENCE
            if seen.placements and seen.sync["synced"] == seen.health["healthy"] == seen.placements:
                return
            if time.monotonic() > until:
                message = f"nothing became better for {PATIENCE:g} s: {_progress(told)}"
                raise DemoNotSyncedError(message, remedy=f"Read the logs in {settings.home / 'log'}")
            time.sleep(0.3)
    finally:
        database.dispose()


def _progress(counts: tuple[int, int, int]) -> str:
    synced, placements, healthy = counts
    return f"{synced} of {placements} placements synced, {healthy} healthy"
