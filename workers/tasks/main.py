"""The worker's process: takes messages of its queues and carries them out, until SIGTERM."""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
from collections.abc import Sequence

from celery.signals import task_rejected, task_unknown
from celery.worker.control import Panel

from common.broker.app import FlotillaCelery, make_celery
from common.broker.keys import pool_keys
from common.broker.transport import report_to
from common.domain.codes import MessageReason
from common.domain.queues import pool_of
from common.sandbox import layers
from common.sandbox.launch import Strictness
from common.settings import Settings, settings
from common.telemetry.logs import configure, logger
from workers.tasks.app import register
from workers.tasks.heartbeat import Heartbeat
from workers.tasks.refusals import Refusals
from workers.tasks.runtime import make_runtime
from workers.tasks.vitals import Vitals

log = logger(__name__)
INSPECTION = frozenset(
    {
        "active",
        "active_queues",
        "clock",
        "conf",
        "ping",
        "registered",
        "report",
        "reserved",
        "scheduled",
        "stats",
    }
)
"""Remote commands that only look: nothing is stopped, revoked or changed through the broker."""


def only_inspection() -> None:
    """Take every remote command away that does more than look."""
    for table in (Panel.data, Panel.meta):
        for name in set(table) - INSPECTION:
            del table[name]


def tune_memory() -> None:
    """Collect garbage rarely: answers of API servers are large trees of small objects without cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def warn_of_missing_layers(config: Settings) -> None:
    """Log which layers of the renderers' sandbox do not hold on this machine."""
    missing = layers.held().missing
    if missing:
        could = ", ".join(layers.MEANINGS[layer] for layer in missing)
        refused = bool(layers.held().lacking) and config.sandbox is not Strictness.WARN
        result = "nothing is rendered by a tool" if refused else "renderers run all the same"
        log.warning("sandbox.missing", said=f"a renderer could {could}; {result}", remedy=layers.REMEDY)


def warn_of_shared_keys(config: Settings) -> None:
    """Log that this worker was given the keys of every pool, where it could be given fewer."""
    if config.message_key_file is not None and config.pool_message_key_file is None:
        remedy = "Give it FLOTILLA_POOL_MESSAGE_KEY_FILE instead of FLOTILLA_MESSAGE_KEY_FILE: `flotilla keys POOL`."
        log.warning("keys.every-pool", said="this worker could sign messages for every pool", remedy=remedy)


def run_worker(config: Settings, *, queues: Sequence[str], concurrency: int, name: str) -> int:
    """Serve queues of one pool until SIGTERM, runs under way finished first; return 0 unless it broke."""
    (pool,) = {pool_of(queue) for queue in queues}
    runtime = make_runtime(config, name)
    runtime.database.wait()
    app: FlotillaCelery = make_celery(config, pool_keys(config, pool))
    vitals = Vitals(name, queues, concurrency, clock=runtime.clock, busy=runtime.leases.count)
    refusals = Refusals(runtime.database, runtime.clock, name, vitals)
    app.on_checked = refusals.checked
    report_to(refusals.checked, vitals.broker_answered)
    task_unknown.connect(lambda **_: refusals.checked(MessageReason.FOREIGN), weak=False)
    task_rejected.connect(lambda **_: refusals.checked(MessageReason.UNREADABLE), weak=False)
    app.amqp.queues.select(queues)
    register(app, runtime)
    only_inspection()
    warn_of_missing_layers(config)
    warn_of_shared_keys(config)
    heartbeat = Heartbeat(runtime, vitals)
    heartbeat.start()
    tune_memory()
    worker = app.Worker(
        pool="threads",
        concurrency=concurrency,
        hostname=f"{name}@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        loglevel="WARNING",
        task_events=True,
        optimization="fair",
        quiet=True,
    )
    try:
        worker.start()
    finally:
        heartbeat.stop()
        runtime.close()
    return int(worker.exitcode or 0)


def main() -> None:
    """Run a worker."""
    config = settings()
    parser = argparse.ArgumentParser(prog="flotilla worker", description=__doc__)
    parser.add_argument("--queue", action="append", help="to serve: POOL, POOL.now or both")
    parser.add_argument("--concurrency", type=int, default=config.concurrency, help="runs at once")
    parser.add_argument(
        "--name", default=f"{socket.gethostname()}-{os.getpid()}", help="shown on attempts and in Flower"
    )
    options = parser.parse_args()
    configure(config)
    queues = options.queue or [config.pool]
    if len({pool_of(queue) for queue in queues}) > 1:
        parser.error("a worker serves the queues of one pool: POOL and POOL.now")
    sys.exit(run_worker(config, queues=queues, concurrency=options.concurrency, name=options.name))
