"""A hub whose every step is taken by hand, so that tests say what happens between two of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import yaml
from sqlalchemy import select, update

from common.broker import messages
from common.broker.errors import BrokerUnavailableError
from common.clock import SystemClock
from common.credentials import DirectoryProvider
from common.domain.commits import Commit, Passage
from common.domain.refs import GitRef, PlacementRef, RunId, SourceRef
from common.domain.rights import ALL
from common.domain.work import WorkerState
from common.settings import Settings
from common.snapshots import Snapshots
from common.sources.mirrors import Fetched
from common.sources.signatures import SignatureRefusedError
from common.sources.sources import Sources
from common.sources.trees import Tree
from common.store.engine.session import Database
from common.store.queue import workers
from common.store.reads import fleet as fleet_reads
from common.store.reads import placements as placement_reads
from common.store.reads import runs as run_reads
from common.store.reads.placements import PlacementView
from common.store.reads.runs import RunDetail, RunView
from common.store.schema.tables import Base, ClusterRow, LeaseRow, OpenRunRow, PlacementRow, SourceRow
from common.store.state import intents, placements
from common.store.state.intents import IntentKind, NewIntent
from scheduler.loop.dispatch import Dispatcher
from scheduler.loop.findings import Findings
from scheduler.loop.intents import IntentRunner
from scheduler.loop.planner import Planner
from scheduler.loop.reaper import Reaper
from scheduler.loop.registry_watch import RegistryWatch
from scheduler.loop.requeue import Requeue
from simulator.server import Simulator
from tests.fakes.leases import StepKeeper
from tests.fakes.trees import memory_tree
from workers.kube import ClusterPool
from workers.render.renderers import renderers_from
from workers.render.rules.evaluation import expressions_from
from workers.tasks.inspect_placement import inspect
from workers.tasks.observe_cluster import observe
from workers.tasks.renewer import Patience
from workers.tasks.resolve_source import resolve
from workers.tasks.runtime import Runtime
from workers.tasks.sweep_cluster import sweep
from workers.tasks.sync_run import carry_out

APPS = "https://git.example.com/apps.git"
CONFIG = "https://git.example.com/config.git"
REGISTRY = GitRef("https://git.example.com/fleet.git", "", "refs/heads/main")

_LETTERS = {APPS: "a", REGISTRY.repo: "b", CONFIG: "c"}
"""What the commits of each repository begin with."""


class MemoryGit:
    """Repositories in memory: the registry's port and the workers' sources in one."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {repo: {} for repo in _LETTERS}
        self.commits: dict[str, list[dict[str, str]]] = {repo: [] for repo in _LETTERS}
        self.error: Exception | None = None
        self.fetches = 0
        self.unsigned: set[str] = set()

    def commit(self, repo: str, changes: Mapping[str, str | None]) -> str:
        """Change files (None removes one) and return the commit."""
        for name, content in changes.items():
            if content is None:
                del self.files[repo][name]
            else:
                self.files[repo][name] = content
        self.commits[repo].append(dict(self.files[repo]))
        return self._id(repo, len(self.commits[repo]))

    @staticmethod
    def _id(repo: str, number: int) -> str:
        return f"{_LETTERS[repo]}{number:039x}"

    def head(self, source: SourceRef) -> str:
        if self.error is not None:
            raise self.error
        return self._id(source.repo, len(self.commits[source.repo]))

    def files_of(self, commit: str) -> dict[str, str]:
        repo = next(repo for repo, letter in _LETTERS.items() if letter == commit[0])
        return self.commits[repo][int(commit[1:], 16) - 1]

    def fetch(self, source: SourceRef) -> Fetched:
        self.fetches += 1
        return Fetched(self.head(source), datetime.now(UTC))

    def tree(self, source: SourceRef, commit: str, allowed: object = None) -> Tree:  # noqa: ARG002 - the port's
        tree = memory_tree(self.files_of(commit))
        return Tree(tree.repo, commit, tree.root, tree.store, tree.limits)

    def history(self, source: SourceRef, commit: str, since: str | None) -> Passage:
        """Return every commit up to one, each by an author and with a subject that its number tells."""
        first, last = 0 if since is None else int(since[1:], 16), int(commit[1:], 16)
        told = (self._told(source.repo, number) for number in range(first + 1, last + 1))
        return Passage(tuple(told) or (self._told(source.repo, last),))

    def _told(self, repo: str, number: int) -> Commit:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        return Commit(self._id(repo, number), "", at, "Ada Example", f"Change number {number}")

    def verify(self, source: SourceRef, commit: str, keys: Sequence[str]) -> None:  # noqa: ARG002 - the port's
        if commit in self.unsigned:
            message = f"{commit[:12]} is not signed by {keys[0]}"
            raise SignatureRefusedError(message)


class RegistryFiles:
    """The registry's port over ``MemoryGit``."""

    def __init__(self, git: MemoryGit) -> None:
        self._git = git

    def head(self, source: SourceRef) -> str:
        return self._git.head(source)

    def history(self, source: SourceRef, commit: str, since: str | None) -> Passage:
        return self._git.history(source, commit, since)

    def files(self, source: SourceRef, commit: str, folder: str) -> Mapping[str, bytes]:  # noqa: ARG002 - the port's
        return {name: text.encode() for name, text in self._git.files_of(commit).items()}


@dataclass(slots=True)
class MemorySender:
    """A broker that can be wiped or gone."""

    messages: deque[tuple[str, str, str]] = field(default_factory=deque)
    held: str | None = None
    gone: bool = False

    def send(self, task: str, subject: str, *, queue: str) -> None:
        self._check()
        self.messages.append((task, subject, queue))

    def backlog(self, queue: str) -> frozenset[tuple[str, str]]:
        self._check()
        return frozenset((task, subject) for task, subject, where in self.messages if where == queue)

    def epoch(self) -> str | None:
        self._check()
        return self.held

    def set_epoch(self, epoch: str) -> None:
        self._check()
        self.held = epoch

    def prove(self) -> None:
        self._check()

    def wipe(self) -> None:
        self.messages.clear()
        self.held = None

    def _check(self) -> None:
        if self.gone:
            message = "the broker is gone"
            raise BrokerUnavailableError(message)


class Clusters(Protocol):
    """Clusters that a hub may declare."""

    def url(self, name: str) -> str:
        """Return the URL of one."""
        ...

    def kubeconfig(self, name: str) -> dict[str, Any]:
        """Return an administrator's kubeconfig for one."""
        ...


class StepHub:
    """Scheduler and one worker, taken step by step.

    Args:
        database: migrated.
        clusters: can be declared.
        folder: for credentials and caches.
        of_workers: the same database as its worker reaches it; None where it is bounded by nothing.
    """

    def __init__(
        self, database: Database, clusters: Clusters, folder: Path, *, of_workers: Database | None = None
    ) -> None:
        self.database, self.clusters = database, clusters
        self._of_workers = of_workers or database
        self.git, self.sender = MemoryGit(), MemorySender()
        self.settings = Settings(home=folder)
        clock = SystemClock()
        snapshots = Snapshots()
        self.registry = RegistryWatch(
            database, RegistryFiles(self.git), REGISTRY, folder="", interval=timedelta(0), clock=clock
        )
        self.findings = Findings(database, snapshots)
        self.planner = Planner(database, snapshots)
        self.dispatcher = Dispatcher(database, self.sender, snapshots, clock)
        self.intents = IntentRunner(database, snapshots, refresh_registry=self.registry.refresh)
        self.reaper = Reaper(database, clock, lease=timedelta(0))
        self._provider = DirectoryProvider(folder / "credentials")
        self.runtime = self._runtime("worker-1")
        self.git.commit(APPS, {"README.md": "applications"})

    @property
    def simulator(self) -> Simulator:
        """The clusters, which are simulated."""
        assert isinstance(self.clusters, Simulator)
        return self.clusters

    def _runtime(self, name: str) -> Runtime:
        clock = SystemClock()
        return Runtime(
            settings=self.settings,
            name=name,
            started_at=clock.now(),
            clock=clock,
            database=self._of_workers,
            sources=cast("Sources", self.git),
            renderers=renderers_from(self.settings, secret=b"k" * 32),
            expressions=expressions_from(self.settings),
            # The longest there is: no cluster hangs here, and one on a busy machine is slow.
            clusters=ClusterPool(self._provider, timedelta(seconds=10)),
            credentials=self._provider,
            snapshots=Snapshots(),
            leases=StepKeeper(
                self._of_workers,
                clock,
                lease=self.settings.lease,
                every=self.settings.lease_renewal,
                patience=Patience(self.settings.stuck_after, self.settings.attempt_limit),
            ),
            end_renewals=lambda: None,
            executor=ThreadPoolExecutor(4),
            hub_key=b"k" * 32,
            version="0",
        )

    def close(self) -> None:
        """Let go of threads and connections."""
        self.runtime.executor.shutdown()
        self.runtime.clusters.close()
        self.runtime.renderers.close()
        self.runtime.expressions.close()

    # -- what the world does -------------------------------------------------------------------------------------

    def declare(self, *names: str, extra: str = "", spec: str = "") -> str:
        """Commit a fleet with these simulated clusters."""
        head = "apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: {name: test}\n"
        documents = [f"{head}spec: {{labels: {{env: [test]}}{spec}}}\n"]
        for name in names:
            self._provider.store(
                f"clusters/{name}", {"kubeconfig": yaml.safe_dump(self.clusters.kubeconfig(name)).encode()}
            )
            documents.append(self.cluster_document(name))
        return self.git.commit(REGISTRY.repo, {"fleet.yaml": "---\n".join([*documents, *([extra] if extra else [])])})

    def cluster_document(self, name: str, *, state: str = "active") -> str:
        """Return a cluster's document."""
        server = self.clusters.url(name)
        return (
            "apiVersion: flotilla.dev/v1\nkind: Cluster\n"
            f"metadata: {{name: {name}, labels: {{env: test}}}}\n"
            f"spec: {{server: '{server}', credentials: {{secretRef: clusters/{name}}}, state: {state}}}\n"
        )

    def twin_document(self, name: str, *, of: str) -> str:
        """Return the document of a cluster that is another one under a second address; its credentials are stored."""
        here, there = self.clusters.url(of), self.clusters.url(of).replace("127.0.0.1", "localhost")
        kubeconfig = yaml.safe_dump(self.clusters.kubeconfig(of)).replace(here, there)
        self._provider.store(f"clusters/{name}", {"kubeconfig": kubeconfig.encode()})
        document = self.cluster_document(of).replace(here, there).replace(f"name: {of},", f"name: {name},")
        return document.replace(f"secretRef: clusters/{of}", f"secretRef: clusters/{name}")

    def application(self, name: str, *, targets: str = "[{name: all, select: {all: true}}]", more: str = "") -> str:
        """Commit an application's document; its folder is named like it."""
        document = (
            f"apiVersion: flotilla.dev/v1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n"
            f"  source: {{repo: '{APPS}', path: {name}, ref: {{branch: main}}}}\n"
            f"  namespace: {name}\n  createNamespace: true\n  targets: {targets}\n{more}"
        )
        return self.git.commit(REGISTRY.repo, {f"{name}.yaml": document})

    # -- what the hub does ---------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take one turn of the scheduler, with everything in Git due."""
        with self.database.write() as connection:
            workers.beat(
                connection,
                WorkerState("worker-1", ("default", "default.now"), 8),
                started_at=self.runtime.started_at,
                now=self.database.now(connection),
            )
            connection.execute(update(SourceRow).values(due_at=datetime(2020, 1, 1, tzinfo=UTC), sent_at=None))
        self.intents.tick()
        self.registry.look(jitter=1.0)
        self.findings.tick()
        self.planner.tick()
        Requeue(self.database, SystemClock()).tick()
        self.dispatcher.tick()

    def work(self) -> list[tuple[str, str, str]]:
        """Carry out every message there is; return them."""
        done = list(self.sender.messages)
        self.sender.messages.clear()
        for task, subject, _ in done:
            self.carry_out(task, subject)
        return done

    def carry_out(self, task: str, subject: str) -> None:
        """Carry out one message."""
        match task:
            case messages.SYNC:
                carry_out(self.runtime, RunId(subject))
            case messages.RESOLVE:
                resolve(self.runtime, int(subject))
            case messages.SWEEP:
                sweep(self.runtime, subject)
            case messages.OBSERVE:
                observe(self.runtime, subject)
            case messages.INSPECT:
                inspect(self.runtime, subject)

    def settle(self, turns: int = 4) -> None:
        """Take turns of scheduler and worker until they have nothing more to do at once."""
        for _ in range(turns):
            self.tick()
            self.work()

    def make_due(self, **columns: Any) -> None:
        """Bring forward whatever waits for its time: retries, sweeps and observations."""
        past = datetime(2020, 1, 1, tzinfo=UTC)
        with self.database.write() as connection:
            # As if the broker had lost its countdowns: dispatch sends again what is due.
            queued = update(OpenRunRow).where(OpenRunRow.state == "queued")
            connection.execute(queued.values(not_before=past, sent_at=None, parked=False))
            connection.execute(update(PlacementRow).where(PlacementRow.retry_at.is_not(None)).values(retry_at=past))
            connection.execute(update(ClusterRow).values(sweep_due_at=past, sweep_sent_at=None))
            if columns:
                connection.execute(update(PlacementRow).values(columns))

    def ask(self, kind: IntentKind, subject: str, reason: str = "for a test") -> int:
        """Store an intent as the console does."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            of_placement = subject.count("/") == 1
            project = placements.project_of(connection, PlacementRef.parse(subject)) if of_placement else ""
            return intents.add(connection, NewIntent(kind, subject, project, "operator", reason), now=now)

    # -- what people see -----------------------------------------------------------------------------------------

    def placement(self, ref: str) -> PlacementView:
        """Return a placement."""
        with self.database.read() as connection:
            view = placement_reads.placement(connection, ALL, PlacementRef.parse(ref))
        assert view is not None, ref
        return view

    def runs(self, ref: str) -> list[RunView]:
        """Return a placement's runs, newest first."""
        which = PlacementRef.parse(ref)
        with self.database.read() as connection:
            page = run_reads.runs(connection, ALL, run_reads.RunFilter(which.cluster, which.application), limit=100)
        return list(page.items)

    def run(self, run_id: str) -> RunDetail:
        """Return a run with its attempts."""
        with self.database.read() as connection:
            detail = run_reads.run(connection, ALL, RunId(run_id))
        assert detail is not None
        return detail

    def faults(self) -> list[str]:
        """Return open faults as texts."""
        with self.database.read() as connection:
            return [f"{fault.scope}: {fault.what}" for fault in fleet_reads.faults(connection, ALL).items]

    def approvals(self) -> tuple[fleet_reads.ApprovalView, ...]:
        """Return what waits for a person."""
        with self.database.read() as connection:
            return fleet_reads.approvals(connection, ALL).items

    def store(self, reference: str, credential: Mapping[str, bytes]) -> None:
        """Keep a credential where the workers find it."""
        self._provider.store(reference, credential)

    def everything(self, base: type[Base]) -> str:
        """Return all rows of all tables as one text."""
        with self.database.read() as connection:
            tables = base.metadata.sorted_tables
            return "\n".join(str(tuple(row)) for table in tables for row in connection.execute(select(table)))

    def leases(self) -> list[str]:
        """Return the names of all leases that are held."""
        with self.database.read() as connection:
            return list(connection.scalars(select(LeaseRow.name)))

    def count(self, table: type[Base]) -> int:
        """Return how many rows a table has."""
        with self.database.read() as connection:
            return len(connection.execute(select(table.__table__)).all())
