"""What the tasks of one process share: the database, sources, renderers, connections and leases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from common.broker.keys import hub_key
from common.clock import Clock, SystemClock
from common.credentials import CredentialsProvider, provider_from
from common.domain.fleet import Cluster
from common.settings import Settings
from common.snapshots import Snapshots
from common.sources.sources import Sources, sources_from
from common.store.engine.session import Database, open_database
from workers.kube import ClusterPool, Connection
from workers.render.renderers import Renderers, renderers_from
from workers.render.rules.evaluation import Expressions, expressions_from
from workers.tasks.board import Board
from workers.tasks.leases import LeaseKeeper
from workers.tasks.renewals import RenewalProcess
from workers.tasks.renewer import Patience, Terms

OBJECTS_AT_ONCE = 16
"""Requests to clusters at once, over all runs of this process."""


@dataclass(frozen=True)
class Runtime:
    """What all tasks of a process share, made once; everything in it may be used by several threads.

    Attributes:
        name: of this worker process, as attempts and heartbeats have it.
        hub_key: of HMACs over secret values.
        version: of Flotilla, for the User-Agent.
    """

    settings: Settings
    name: str
    started_at: datetime
    clock: Clock
    database: Database
    sources: Sources
    renderers: Renderers
    expressions: Expressions
    clusters: ClusterPool
    credentials: CredentialsProvider
    snapshots: Snapshots
    leases: LeaseKeeper
    end_renewals: Callable[[], None]
    executor: ThreadPoolExecutor
    hub_key: bytes = field(repr=False)
    version: str

    def agent(self, what: str) -> str:
        """Return the User-Agent of requests to a cluster: what they are for can be read in its audit log."""
        return f"flotilla/{self.version} ({what})"

    def connect(self, cluster: Cluster) -> Connection:
        """Return the connection to a cluster; raises as ``ClusterPool.connect``."""
        return self.clusters.connect(
            cluster.name, server=cluster.server, credentials=cluster.credentials, proxy=cluster.proxy
        )

    def close(self) -> None:
        """Stop the renewals, and close connections, sources and renderers."""
        self.leases.stop()
        self.end_renewals()
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.clusters.close()
        self.sources.close()
        self.renderers.close()
        self.expressions.close()
        self.database.dispose()


def _instant(database: Database) -> datetime:
    """Return the instant by the clock that the reaper judges by."""
    database.wait()
    with database.read() as connection:
        return database.now(connection)


def _lease_keeper(settings: Settings, clock: Clock, board: Board, renewals: RenewalProcess) -> LeaseKeeper:
    terms = Terms(settings.lease, settings.lease_renewal, Patience(settings.stuck_after, settings.attempt_limit))
    return LeaseKeeper(renewals, board, clock, terms=terms, ensure=renewals.ensure)


def make_runtime(settings: Settings, name: str) -> Runtime:
    """Return a process's runtime, its leases being renewed from now on."""
    clock = SystemClock()
    database = open_database(settings)
    key = hub_key(settings)
    credentials = provider_from(settings)
    board = Board()
    renewals = RenewalProcess(board)
    keeper = _lease_keeper(settings, clock, board, renewals)
    keeper.start()
    return Runtime(
        settings=settings,
        name=name,
        started_at=_instant(database),
        clock=clock,
        database=database,
        sources=sources_from(settings, credentials),
        renderers=renderers_from(settings, secret=key),
        expressions=expressions_from(settings),
        clusters=ClusterPool(credentials, settings.request_timeout, settings.link_local),
        credentials=credentials,
        snapshots=Snapshots(),
        leases=keeper,
        end_renewals=renewals.close,
        executor=ThreadPoolExecutor(OBJECTS_AT_ONCE, thread_name_prefix="objects"),
        hub_key=key,
        version=version("flotilla"),
    )
