"""``flotilla up``: a whole hub on one machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from common.settings import Settings
from common.store.engine.session import open_database
from common.store.engine.upgrade import upgrade
from console.listening import listen
from console.processes import embedded
from console.processes.home import hold_home
from console.processes.supervisor import StoppedError, Supervisor


def stop_on_signals(supervisor: Supervisor) -> None:
    """Make SIGTERM and SIGINT end the supervisor's watch."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())


def start_hub(supervisor: Supervisor, settings: Settings, *, workers: int) -> None:
    """Prepare the database, then start every process of the hub.

    Raises:
        ProcessFailedError: a process did not become ready.
    """
    database = open_database(settings)
    try:
        upgrade(database)
    finally:
        database.dispose()
    if not settings.broker_url:
        supervisor.start(embedded.broker(settings))
    supervisor.start(*embedded.hub(settings, workers=workers))


def run_up(settings: Settings, *, workers: int, say: Callable[[str], None]) -> None:
    """Run a hub in the foreground until SIGTERM or SIGINT.

    Raises:
        HomeInUseError: another hub runs in the home folder.
        PortInUseError: another program listens on the api's port.
        ProcessFailedError: a process did not become ready.
    """
    with hold_home(settings.home) as held:
        refuse_taken_port(settings.api_host, settings.api_port)
        supervisor = Supervisor(settings.home / "log", say=say, inherit=(held,))
        stop_on_signals(supervisor)
        say(f"Starting a hub in {settings.home} (process {os.getpid()})")
        try:
            start_hub(supervisor, settings, workers=workers)
            address = embedded.api_ready_file(settings).read_text()
            say(f"Ready: {address}  (flotilla token prints its token)")
            supervisor.watch()
        except StoppedError:
            pass  # as asked
        finally:
            say("Stopping")
            supervisor.end_all()


def refuse_taken_port(host: str, port: int) -> None:
    """Return if an api could listen there now.

    Raises:
        PortInUseError: another program listens there.
        AddressError: this machine cannot listen there.
    """
    for each in listen(host, port):
        each.close()
