"""Sends what may be sent: the row is committed first, then the message; a wiped broker is noticed and filled again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from common.broker import messages
from common.broker.errors import BrokerUnavailableError
from common.clock import Clock
from common.domain.errors import TransientError
from common.domain.fleet import Fleet
from common.domain.queues import now_queue
from common.domain.refs import RunId
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.queue import dispatch, inspections, sending, workers
from common.store.state import clusters, sources
from common.store.state import fleet as fleets
from common.store.state.clusters import DueCluster
from common.telemetry.logs import logger
from scheduler.loop.ports import Sender
from scheduler.planning import looks as looking
from scheduler.planning.window import free_slots, room

log = logger(__name__)
RESEND_AFTER = timedelta(minutes=5)
INSPECTION_AGAIN = timedelta(seconds=15)
"""Somebody waits for it."""
INSPECTIONS_AT_ONCE = 256
RESOLVES_AT_ONCE = 64
LOOKS_AT_ONCE = 256
PROVED_EVERY = timedelta(seconds=5)
"""How often the broker is proved to take writes, and how sending goes is noted, while nothing changes."""


class Post(NamedTuple):
    """One message to be sent."""

    task: str
    subject: str
    queue: str


class Dispatcher:
    """Sends what is due to the queues. Used by one thread.

    Args:
        database: what is due, what was sent.
        sender: the broker.
        snapshots: the fleet in force.
        clock: its monotonic side counts the pauses between two proofs.
    """

    def __init__(self, database: Database, sender: Sender, snapshots: Snapshots, clock: Clock) -> None:
        self._database = database
        self._sender = sender
        self._snapshots = snapshots
        self._clock = clock
        self._proved_at = float("-inf")
        self._noted_at = float("-inf")
        self._failing = ""
        self.sent = 0
        """Messages of the last tick; more is probably due at once when there were any."""

    def tick(self) -> int:
        """Send what the windows have room for; return how many messages.

        Raises:
            BrokerUnavailableError: the broker cannot be reached; everything stays due.
        """
        self.sent = 0
        try:
            self._prove()
            self._notice_wipe()
            # Somebody looks at a screen: first.
            self.sent = self._send_inspections()
            self.sent += self._send_runs() + self._send_resolves() + self._send_looks()
        except BrokerUnavailableError as error:
            self._note(error.code)
            raise
        self._note("")
        return self.sent

    def _prove(self) -> None:
        """Have the broker take a write before anything is marked as sent: one that is full answers every read."""
        now = self._clock.monotonic()
        if not self._failing and now - self._proved_at < PROVED_EVERY.total_seconds():
            return
        self._sender.prove()
        self._proved_at = now

    def _note(self, code: str) -> None:
        """Write down how sending goes, for those who have no way to the broker."""
        now = self._clock.monotonic()
        if code == self._failing and now - self._noted_at < PROVED_EVERY.total_seconds():
            return
        with self._database.write() as connection:
            ahead = self._database.clock_ahead(connection).total_seconds()
            sending.note(connection, error_code=code, clock_ahead=ahead, now=self._database.now(connection))
        self._failing, self._noted_at = code, now

    def _notice_wipe(self) -> None:
        """Where the broker does not hold our epoch, it has lost what we sent: everything unclaimed is due again."""
        with self._database.read() as connection:
            state = fleets.state(connection)
        if state is None:
            return
        held = self._sender.epoch()
        if held is not None and held == state.broker_epoch:
            return
        epoch = str(uuid4())
        with self._database.write() as connection:
            lost = dispatch.unsend_all(connection)
            clusters.forget_sent(connection)
            sources.forget_sent(connection)
            inspections.forget_sent(connection)
            fleets.note_epoch(connection, epoch)
        # Last: if we die before this line, the next tick does it all again, which costs nothing.
        self._sender.set_epoch(epoch)
        log.warning("broker.wiped", runs=lost)

    def _send_inspections(self) -> int:
        with self._database.read() as connection:
            now = self._database.now(connection)
            before = now - INSPECTION_AGAIN
            due = inspections.due(connection, resend_before=before, limit=INSPECTIONS_AT_ONCE, now=now)
            if not due:
                return 0
            slots = workers.sendable_slots(connection, now=now)
            under_way = inspections.under_way(connection, now=now)
            lately = inspections.lately(connection, sorted({one.actor for one in due}), now=now)
        for_people = {pool: slots.get(now_queue(pool), 0) for pool in {one.pool for one in due}}
        chosen = looking.choose(due, slots=for_people, under_way=under_way, lately=lately)
        ids = [one.id for one in chosen]
        with self._database.write() as connection:
            inspections.mark_sent(connection, ids, now=now)
        posts = [Post(messages.INSPECT, one.id, now_queue(one.pool)) for one in chosen]
        return self._send(posts, lambda connection, first: inspections.unsend(connection, ids[first:]))

    def _send_runs(self) -> int:
        known = self._snapshots.find(self._database)
        if known is None:
            return 0
        with self._database.write() as connection:
            now = self._database.now(connection)
            chosen = _choose(connection, known[1], now)
            ids = dispatch.mark_sent(connection, [run for run, _ in chosen], now=now)
        queues = dict(chosen)
        posts = [Post(messages.SYNC, run, queues[run]) for run in ids]
        return self._send(posts, lambda connection, first: dispatch.unsend(connection, ids[first:]))

    def _send_resolves(self) -> int:
        known = self._snapshots.find(self._database)
        if known is None:
            return 0
        with self._database.write() as connection:
            now = self._database.now(connection)
            before = now - RESEND_AFTER
            due = sources.due(connection, snapshot_id=known[0], resend_before=before, limit=RESOLVES_AT_ONCE, now=now)
            if due:
                sources.mark_sent(connection, [source.id for source in due], now=now)
        ids = [source.id for source in due]
        posts = [Post(messages.RESOLVE, str(source.id), source.pool) for source in due]
        return self._send(posts, lambda connection, first: sources.forget_sent(connection, ids[first:]))

    def _send_looks(self) -> int:
        with self._database.write() as connection:
            now = self._database.now(connection)
            slots = workers.sendable_slots(connection, now=now)
            before = now - RESEND_AFTER
            under_way = clusters.looks_under_way(connection, since=before)
            observations = clusters.due_observations(connection, resend_before=before, limit=LOOKS_AT_ONCE, now=now)
            sweeps = clusters.due_sweeps(connection, resend_before=before, limit=LOOKS_AT_ONCE, now=now)
            rooms = {
                pool: room(slots.get(pool, 0), under_way.get(pool, 0))
                for pool in {c.pool for c in (*observations, *sweeps)}
            }
            looks = [(messages.OBSERVE, one) for one in observations] + [(messages.SWEEP, one) for one in sweeps]
            chosen: list[tuple[str, DueCluster]] = []
            for task, one in looks:
                if rooms[one.pool] > 0:
                    rooms[one.pool] -= 1
                    chosen.append((task, one))
            seen, swept = (_names(chosen, which) for which in (messages.OBSERVE, messages.SWEEP))
            marked = {
                messages.OBSERVE: clusters.mark_observations_sent(connection, seen, now=now),
                messages.SWEEP: clusters.mark_sweeps_sent(connection, swept, now=now),
            }
            chosen = [(task, one) for task, one in chosen if one.name in marked[task]]

        def give_back(connection: Connection, first: int) -> None:
            sweeps, observations = (_names(chosen[first:], which) for which in (messages.SWEEP, messages.OBSERVE))
            clusters.unsend_looks(connection, sweeps=sweeps, observations=observations)

        return self._send([Post(task, one.name, one.pool) for task, one in chosen], give_back)

    def _send(self, posts: Sequence[Post], give_back: Callable[[Connection, int], object]) -> int:
        """Send what was marked as sent, except those that are still in their queue; return how many messages.

        Whatever is thought lost is sent again. Where it only waits, because workers are busy or gone, its
        queue would grow by one more copy every few minutes.

        Args:
            posts: in this order.
            give_back: called when the broker fails, with the position of the first that was not sent.
        """
        backlog: dict[str, frozenset[tuple[str, str]]] = {}
        sent = 0
        for position, (task, subject, queue) in enumerate(posts):
            try:
                if queue not in backlog:
                    backlog[queue] = self._sender.backlog(queue)
                if (task, subject) not in backlog[queue]:
                    self._sender.send(task, subject, queue=queue)
                    sent += 1
            except TransientError:
                with self._database.write() as connection:
                    give_back(connection, position)
                raise
        return sent


def _names(looks: Sequence[tuple[str, DueCluster]], wanted: str) -> list[str]:
    return [cluster.name for task, cluster in looks if task == wanted]


def _choose(connection: Connection, fleet: Fleet, now: datetime) -> list[tuple[RunId, str]]:
    """Return the runs to send now with their queues, stale ones first."""
    stale = dispatch.stale_sent(connection, older_than=now - RESEND_AFTER, limit=LOOKS_AT_ONCE)
    chosen = [(one.run, one.queue) for one in stale]
    loads = dispatch.window(connection, now=now)
    busy = dispatch.load(connection, now=now)
    limits = {name: cluster.max_concurrent for name, cluster in fleet.clusters.items()}
    for queue, slots in sorted(workers.sendable_slots(connection, now=now).items()):
        free = free_slots(limits, busy.clusters)
        limit = room(slots, loads[queue].sent if queue in loads else 0)
        if limit == 0 or not free:
            continue
        found = dispatch.candidates(connection, queue=queue, limit=limit, free=free, load=busy, now=now)
        chosen += [(one.run, one.queue) for one in found]
        for one in found:
            limits[one.ref.cluster] -= 1
    return chosen
