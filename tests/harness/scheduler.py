"""A scheduler with a registry, a clock and a broker made of values; the test itself plays the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from common.broker.errors import BrokerUnavailableError
from common.clock import SystemClock
from common.domain.commits import Passage
from common.domain.refs import GitRef, PlacementRef, RunId, SourceRef
from common.domain.runs import AttemptOutcome
from common.domain.status import NONE
from common.domain.tenant import Tenant
from common.domain.work import WorkerState
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import attempts, runs, workers
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.state import findings, intents, outcomes, placements, sources
from common.store.state.findings import NewFinding
from common.store.state.intents import IntentKind, NewIntent
from common.store.state.outcomes import Success
from common.store.state.placements import PlacementFacts
from common.store.state.sources import Digest
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
from tests.factories import rendered_by
from tests.harness import texts

LEASE = timedelta(seconds=20)
KEEP = timedelta(days=400)
COMMIT = "c" * 40
REGISTRY = {"fleet.yaml": texts.FLEET, "clusters.yaml": texts.cluster("c1"), "app.yaml": texts.application()}
"""Application ``pay`` on cluster ``c1``."""
PAY = PlacementRef("c1", "pay")
AWAY = "it does not answer"


class ManualClock:
    """The system's instants; monotonic time passes only by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now()

    def monotonic(self) -> float:
        return self.seconds


class AwayError(BrokerUnavailableError):
    """The other side does not answer."""

    code = "test.away"


class Outbox:
    """A broker that keeps what is sent, and fails when told; all but ``queued`` has been taken off it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.queued: set[tuple[str, str]] = set()
        self.key: str | None = None
        self.away = False
        self.fails_sending = False
        self.proofs = 0

    def send(self, task: str, subject: str, *, queue: str) -> None:
        if self.away or self.fails_sending:
            raise AwayError(AWAY)
        self.sent.append((task, subject, queue))

    def backlog(self, queue: str) -> frozenset[tuple[str, str]]:
        return frozenset((task, subject) for task, subject, where in self.sent if where == queue) & self.queued

    def epoch(self) -> str | None:
        if self.away:
            raise AwayError(AWAY)
        return self.key

    def set_epoch(self, epoch: str) -> None:
        self.key = epoch

    def prove(self) -> None:
        if self.away:
            raise AwayError(AWAY)
        self.proofs += 1

    def of(self, task: str) -> list[str]:
        """Return the subjects of one task's messages."""
        return [subject for name, subject, _ in self.sent if name == f"flotilla.{task}"]


class Commits:
    """A registry's repository: a list of its files, commit after commit."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.commits = [files]
        self.error: Exception | None = None
        self.wait: Callable[[], object] = lambda: None

    def head(self, _source: SourceRef) -> str:
        self.wait()
        if self.error is not None:
            raise self.error
        return f"{len(self.commits):040x}"

    def history(self, source: GitRef, commit: str, since: str | None) -> Passage:  # noqa: ARG002 - the port's
        return Passage.unread(commit)

    def files(self, _source: SourceRef, commit: str, _folder: str) -> dict[str, bytes]:
        return {name: text.encode() for name, text in self.commits[int(commit, 16) - 1].items()}


class Steps:
    """A scheduler that is taken step by step.

    Args:
        database: empty.
        files: the registry's first commit.
        name: of the scheduler.
        snapshots: fleets that were read before, by whoever shares them.
    """

    def __init__(
        self,
        database: Database,
        files: Mapping[str, str] | None = None,
        *,
        name: str = "a",
        snapshots: Snapshots | None = None,
    ) -> None:
        self.db = database
        self.turning = False
        self.clock = ManualClock()
        self.outbox = Outbox()
        self.repository = Commits(files if files is not None else REGISTRY)
        source = GitRef("https://git.example.com/fleet.git", "", "refs/heads/main")
        self.leadership = Leadership(database, self.clock, name=name, lease=LEASE)
        self.led = led = database.guarded(self.prove)
        self.registry = RegistryWatch(
            led, self.repository, source, folder="", interval=timedelta(seconds=30), clock=self.clock
        )
        self.snapshots = snapshots = snapshots if snapshots is not None else Snapshots()
        self.findings = Findings(led, snapshots)
        self.planner = Planner(led, snapshots)
        self.dispatcher = Dispatcher(led, self.outbox, snapshots, self.clock)
        self.intents = IntentRunner(led, snapshots, refresh_registry=self.registry.refresh)
        self.reaper = Reaper(led, self.clock, lease=LEASE)
        self.scheduler = Scheduler(
            self.leadership,
            self.intents,
            self.registry,
            self.findings,
            self.planner,
            self.dispatcher,
            self.reaper,
            Requeue(led, self.clock),
            Retention(led, self.clock, keep=KEEP),
            Counting(led, self.clock),
            Listening(led, readers()),
        )

    def prove(self, connection: Connection) -> None:
        """Prove the lead where a turn is under way; a step that a test takes by itself needs none."""
        if self.turning:
            self.leadership.prove(connection)

    # -- what happens outside ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the registry now."""
        self.registry.refresh()
        self.registry.look(jitter=1.0)

    def commit(self, files: Mapping[str, str]) -> None:
        """Commit another registry, and read it."""
        self.repository.commits.append(files)
        self.look()

    def resolve(self, digest: str, applications: Sequence[str] = ("pay",)) -> None:
        """Store what every source holds now: ``digest`` is one hexadecimal digit."""
        with self.db.write() as connection:
            now = self.db.now(connection)
            for id_ in sources.ids(connection).values():
                self.store(connection, id_, digest, applications, now)

    def store(
        self, connection: Connection, source_id: int, digest: str, applications: Sequence[str], now: datetime
    ) -> None:
        """Store what one source holds, in a transaction of the caller."""
        found = [Digest(source_id, name, COMMIT, digest * 64, rendered_by("plain 1")) for name in applications]
        later = now + timedelta(seconds=30)
        sources.store_resolution(
            connection, source_id, commit=COMMIT, snapshot_id=1, found=found, began=now, next_at=later, now=now
        )

    def ask(self, kind: IntentKind, subject: str) -> int:
        """Store what a person wants; return the intent's id."""
        with self.db.write() as connection:
            now = self.db.now(connection)
            of_placement = subject.count("/") == 1
            project = placements.project_of(connection, PlacementRef.parse(subject)) if of_placement else ""
            return intents.add(connection, NewIntent(kind, subject, project, "ann", "because"), now=now)

    # -- the workers ---------------------------------------------------------------------------------------------

    def workers(self, slots: int = 8) -> None:
        """Have one worker live that serves the default pool."""
        with self.db.write() as connection:
            now = self.db.now(connection)
            state = WorkerState("w1", ("default", "default.now"), slots)
            workers.beat(connection, state, started_at=now, now=now)

    def claim(self, run: RunId | None = None) -> ClaimedRun:
        """Claim a run: that of ``pay`` unless another is named."""
        wanted = run
        if wanted is None:
            known = self.placement().run
            assert known is not None, "there is no run to claim"
            wanted = known.id
        with self.db.write() as connection:
            now = self.db.now(connection)
            found = runs.claim(connection, wanted, worker="w1", lease=LEASE, now=now)
        assert found is not None
        return found

    def end(
        self,
        run: ClaimedRun,
        ending: AttemptEnding,
        note: Callable[[Connection, datetime], None] = lambda _connection, _now: None,
    ) -> None:
        """End an attempt as a worker does, noting the rest in the same transaction."""
        with self.db.write() as connection:
            now = self.db.now(connection)
            assert attempts.end_attempt(connection, run.attempt, ending, now=now)
            note(connection, now)

    def succeed(self, run: ClaimedRun) -> None:
        """End an attempt that brought its placement to its revision."""

        def note(connection: Connection, now: datetime) -> None:
            assert run.revision is not None
            done = Success(run.revision, "m" * 64, 3, NONE, None, now + timedelta(days=1), Tenant("default", ""), "")
            outcomes.record_success(connection, run.placement_id, done, now=now)

        self.end(run, AttemptEnding(AttemptOutcome.SUCCEEDED), note)

    def synced(self, digest: str = "a") -> None:
        """Bring every placement to one revision."""
        self.look()
        self.workers()
        self.resolve(digest)
        self.planner.tick()
        for ref in self.refs():
            run = self.placement(ref).run
            if run is not None:
                self.succeed(self.claim(run.id))

    def file(self, *found: NewFinding, pool: str = "default", ago: timedelta = timedelta(0)) -> None:
        """File what a worker of a pool found that had begun to look some time ago."""
        with self.db.write() as connection:
            now = self.db.now(connection)
            findings.file(connection, found, pool=pool, now=now, seen_at=now - ago)

    # -- what came of it -----------------------------------------------------------------------------------------

    def turns(self, count: int = 4) -> None:
        """Let the scheduler go on for some seconds."""
        for _ in range(count):
            self.clock.seconds += 5
            self.turn()

    def turn(self) -> bool:
        """Let the scheduler do what is due; return whether it leads."""
        self.turning = True
        try:
            return self.scheduler.turn()
        finally:
            self.turning = False

    def placement(self, ref: PlacementRef = PAY) -> PlacementFacts:
        """Return a placement."""
        with self.db.read() as connection:
            found = placements.get(connection, ref)
        assert found is not None
        return found

    def refs(self) -> list[PlacementRef]:
        """Return all placements' names."""
        with self.db.read() as connection:
            return sorted(placements.everything(connection))

    def wanted(self, ref: PlacementRef = PAY) -> str:
        """Return the digit of the digest that the placement's run is for; empty where it has no run."""
        run = self.placement(ref).run
        return run.identity[0][0] if run is not None and run.identity is not None else ""
