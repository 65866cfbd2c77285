"""The scheduler's process: leads or stands by until SIGTERM, and ends in under 5 s."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
from datetime import timedelta

from common.broker.app import make_celery
from common.broker.sender import CelerySender
from common.clock import SystemClock
from common.domain.errors import FlotillaError, PermanentError
from common.domain.refs import GitRef
from common.settings import Settings, settings
from common.snapshots import Snapshots
from common.sources.registry import GitRepository
from common.store.engine.session import Bounds, Database, open_database
from common.telemetry.logs import configure, logger
from scheduler.loop.bell import Bell
from scheduler.loop.counting import Counting
from scheduler.loop.dispatch import Dispatcher
from scheduler.loop.findings import Findings
from scheduler.loop.intents import IntentRunner
from scheduler.loop.leader import Leadership
from scheduler.loop.listening import Listening
from scheduler.loop.planner import Planner
from scheduler.loop.reaper import Reaper
from scheduler.loop.registry_watch import RegistryWatch
from scheduler.loop.requeue import Requeue
from scheduler.loop.retention import Retention
from scheduler.loop.tick import Scheduler
from scheduler.readers import readers

log = logger(__name__)
BUSY_PAUSE = timedelta(milliseconds=200)
"""Between two turns while there is something to send."""
LONGEST_STATEMENT = timedelta(seconds=2)
"""Of the scheduler: longer work goes in slices, so that nothing waits for long for what it locks."""


class NoRegistryError(PermanentError):
    """No setting says where the registry is."""

    code = "settings.registry"


def build(config: Settings, database: Database, name: str) -> Scheduler:
    """Return a scheduler with everything it needs.

    Raises:
        NoRegistryError: no registry is set.
    """
    if not config.registry_url:
        message = "no registry to follow"
        raise NoRegistryError(
            message, remedy="Set FLOTILLA_REGISTRY_URL to the Git repository that declares the fleet."
        )
    clock = SystemClock()
    snapshots = Snapshots()
    leadership = Leadership(database, clock, name=name, lease=config.lease)
    led = database.guarded(leadership.prove)
    registry = RegistryWatch(
        led,
        GitRepository.from_settings(config),
        GitRef.read(config.registry_url, config.registry_credentials, config.registry_ref),
        folder=config.registry_path,
        interval=config.registry_interval,
        clock=clock,
    )
    return Scheduler(
        leadership=leadership,
        intents=IntentRunner(led, snapshots, refresh_registry=registry.refresh),
        registry=registry,
        findings=Findings(led, snapshots),
        planner=Planner(led, snapshots),
        dispatcher=Dispatcher(led, CelerySender(make_celery(config)), snapshots, clock),
        reaper=Reaper(led, clock, lease=config.lease),
        requeue=Requeue(led, clock),
        retention=Retention(led, clock, keep=config.retention),
        counting=Counting(led, clock),
        listening=Listening(led, readers()),
    )


def run(config: Settings, name: str, stop: threading.Event) -> None:
    """Lead or stand by until ``stop``."""
    # A frozen leader's transaction is ended by the server before a standby has waited for two leases.
    database = open_database(config, bounds=Bounds(idle=config.lease / 2, statement=LONGEST_STATEMENT))
    database.wait(stop=stop)
    scheduler = build(config, database, name)
    scheduler.leadership.start()
    bell = Bell(database, SystemClock())
    leading = False
    while not stop.is_set():
        leads = scheduler.turn()
        if leads != leading:
            log.info("leader.changed", name=name, leads=leads)
            leading = leads
        # The broker is kept shallow, so that a full fleet's runs go out in many small turns: quickly after one another.
        pause = BUSY_PAUSE if leads and scheduler.dispatcher.sent else config.tick
        if leads:
            bell.wait(pause, stop)
        else:
            stop.wait(pause.total_seconds())
    try:
        scheduler.leadership.resign()
    except FlotillaError as error:
        log.warning("leader.not-resigned", error=str(error))
    database.dispose()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="flotilla scheduler", description=__doc__)
    parser.add_argument("--name", default=f"{socket.gethostname()}:{os.getpid()}", help="shown as the leader's name")
    options = parser.parse_args()
    config = settings()
    configure(config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(config, options.name, stop)
