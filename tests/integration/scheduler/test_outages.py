"""The scheduler among things that fail: nothing is removed, nothing is lost, nobody leads who cannot tell."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from common.domain.errors import TransientError
from common.domain.placements import PlacementState
from common.domain.status import Reason
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.engine.session import Database
from common.store.schema.tables import ClusterRow, FaultRow, LeaseRow
from common.store.state import clusters, sources
from scheduler.loop.leader import Leadership
from tests.harness import texts
from tests.harness.scheduler import LEASE, PAY, REGISTRY, AwayError, Steps


def _faults(steps: Steps) -> list[str]:
    with steps.db.read() as connection:
        found = connection.execute(select(FaultRow.params).where(FaultRow.cleared_at.is_(None)))
        return [params["message"] for params in found.scalars()]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"fleet.yaml": texts.FLEET},
        REGISTRY | {"clusters.yaml": ""},
        REGISTRY | {"app.yaml": texts.application(target="clusters: []")},
    ],
    ids=["empty", "only the fleet", "no clusters", "a selection of nothing"],
)
def test_a_registry_that_lost_its_contents_removes_nothing(steps: Steps, files: Mapping[str, str]) -> None:
    steps.synced("a")
    steps.commit(files)
    steps.turns()
    assert steps.placement().state in {PlacementState.PLACED, PlacementState.RETAINED}
    assert steps.placement().run is None


def test_a_cluster_is_swept_at_once_when_its_placements_are_back(steps: Steps) -> None:
    steps.synced("a")
    steps.commit({file: text for file, text in REGISTRY.items() if file != "app.yaml"})
    steps.turns()
    assert steps.placement().state is PlacementState.RETAINED
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        clusters.sweep_later(connection, PAY.cluster, next_at=now + timedelta(minutes=5))
    steps.commit(REGISTRY)
    steps.planner.tick()
    assert steps.placement().state is PlacementState.PLACED
    with steps.db.read() as connection:
        looks = clusters.looks_due(connection, PAY.cluster)
        assert looks is not None
        assert looks.sweep_due_at is not None
        assert looks.sweep_due_at <= steps.db.now(connection)


def test_a_registry_that_cannot_be_read_is_a_fault_until_it_can(steps: Steps) -> None:
    steps.synced()
    steps.repository.error = AwayError("no route")
    steps.look()
    assert any("no route" in what for what in _faults(steps))
    steps.repository.error = None
    steps.look()
    assert _faults(steps) == []


def test_a_registry_that_hangs_holds_up_nothing_and_is_dropped_by_who_no_longer_leads(steps: Steps) -> None:
    steps.synced("a")
    go_on = threading.Event()
    steps.repository.wait = lambda: go_on.wait(20)
    steps.registry.refresh()
    steps.turn()
    assert not go_on.is_set(), "the turn has ended although the registry hangs"
    steps.registry.forget()
    steps.repository.wait = lambda: None
    steps.commit(REGISTRY | {"app.yaml": texts.application(more="  state: retired\n")})
    go_on.set()
    steps.turns()
    assert steps.placement().state is not PlacementState.PLACED


def test_a_source_that_fails_says_why_on_its_placements(steps: Steps) -> None:
    steps.look()
    steps.planner.tick()
    with steps.db.write() as connection:
        for id_ in sources.ids(connection).values():
            now = steps.db.now(connection)
            unreachable = Reason("git.unreachable", {"message": "no such host"})
            sources.store_failure(connection, id_, unreachable, began=now, next_at=now)
    steps.turns()
    assert "no such host" in steps.placement().hold.params["message"]


def test_a_wiped_broker_gets_what_it_held_once_more(steps: Steps) -> None:
    steps.look()
    steps.workers()
    steps.resolve("a")
    steps.turn()
    assert len(steps.outbox.of("sync")) == 1
    steps.turn()
    assert len(steps.outbox.of("sync")) == 1
    steps.outbox.key = None
    steps.turn()
    assert len(steps.outbox.of("sync")) == 2


def test_a_broker_that_is_away_at_the_start_gets_everything_later(steps: Steps) -> None:
    steps.outbox.away = True
    steps.look()
    steps.workers()
    steps.resolve("a")
    steps.turn()
    steps.outbox.away = False
    steps.turn()
    assert len(steps.outbox.of("sync")) == 1


def test_a_broker_that_fails_while_looks_are_sent_delays_them_by_a_tick(steps: Steps) -> None:
    steps.look()
    steps.workers()
    steps.dispatcher.tick()
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        sources.refresh(connection, now=now)
        clusters.sweep_now(connection, now=now)
    steps.outbox.sent.clear()
    steps.outbox.fails_sending = True
    with pytest.raises(TransientError):
        steps.dispatcher.tick()
    steps.outbox.fails_sending = False
    steps.dispatcher.tick()
    assert steps.outbox.of("resolve")
    assert steps.outbox.of("sweep") == ["c1"]


def test_lost_sweeps_are_sent_again(database: Database) -> None:
    names = texts.documents(*[texts.cluster(f"k{number}") for number in range(20)])
    steps = Steps(database, {"fleet.yaml": texts.FLEET, "clusters.yaml": names})
    steps.look()
    steps.workers(slots=4)
    steps.dispatcher.tick()
    assert len(steps.outbox.of("sweep")) == 8
    with steps.db.write() as connection:
        long_ago = steps.db.now(connection) - timedelta(hours=1)
        sent = ClusterRow.sweep_sent_at.is_not(None)
        connection.execute(update(ClusterRow).where(sent).values(sweep_sent_at=long_ago))
    steps.outbox.sent.clear()
    steps.dispatcher.tick()
    assert steps.outbox.of("sweep")


def test_a_look_that_ends_while_it_is_found_due_is_not_marked_as_sent(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.look()
    steps.workers()
    with steps.db.write() as connection:
        now = steps.db.now(connection)
        clusters.look_by(connection, "c1", observe_at=now, sweep_at=now)
    found = clusters.due_sweeps

    def due_sweeps(connection: Connection, **how: Any) -> tuple[clusters.DueCluster, ...]:
        due = found(connection, **how)
        later = how["now"] + timedelta(minutes=3)
        clusters.swept(connection, "c1", next_at=later, step=0, now=how["now"])
        clusters.observed(connection, "c1", again_at=later, step=0)
        return due

    monkeypatch.setattr(clusters, "due_sweeps", due_sweeps)
    steps.dispatcher.tick()
    assert steps.outbox.of("sweep") == steps.outbox.of("observe") == []
    with steps.db.read() as connection:
        sent = select(ClusterRow.sweep_sent_at, ClusterRow.observe_sent_at).where(ClusterRow.name == "c1")
        assert connection.execute(sent).one() == (None, None), "else the next is not sent for minutes"


@pytest.mark.parametrize("error", [DatabaseBusyError("locked"), DatabaseUnavailableError("gone")])
def test_a_scheduler_that_cannot_reach_the_database_goes_on_and_does_not_say_it_leads(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> bool:
        raise error

    monkeypatch.setattr(steps.leadership, "leads", fail)
    assert steps.turn() is False


def test_a_standby_takes_over_a_lease_that_ran_out_and_the_former_leader_notices(steps: Steps) -> None:
    other = Leadership(steps.db, steps.clock, name="b", lease=LEASE)
    assert steps.leadership.leads()
    assert not other.leads()
    with steps.db.write() as connection:
        over = steps.db.now(connection) - timedelta(seconds=1)
        connection.execute(update(LeaseRow).values(expires_at=over))
    assert other.leads()
    steps.clock.seconds += 15
    assert not steps.leadership.leads()
