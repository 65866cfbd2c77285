"""What may not be written waits without a run, and goes on by itself once it may."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from common.domain.holds import Hold
from common.domain.placements import PlacementState
from common.domain.runs import AttemptOutcome
from common.domain.status import Found, Reason
from common.store.engine.session import Database
from common.store.queue.attempts import AttemptEnding
from common.store.schema.tables import RunRow
from common.store.state import outcomes
from tests.factories import said
from tests.harness import texts
from tests.harness.scheduler import REGISTRY, Steps

WARN = REGISTRY | {"app.yaml": texts.application(more="  sync: {mode: warn}\n")}
GOES = "  onUnmatch: delete\n"


def _runs(steps: Steps) -> int:
    with steps.db.read() as connection:
        return connection.execute(select(func.count()).select_from(RunRow)).scalar_one()


@pytest.mark.parametrize("found", [Found.WARNED, Found.DRIFTED, Found.REFUSED])
def test_what_a_look_left_behind_is_corrected_once_it_may_be(database: Database, found: Found) -> None:
    steps = Steps(database, REGISTRY)
    steps.synced("a")
    steps.commit(WARN)
    steps.turns()
    with database.write() as connection:
        outcomes.record_found(connection, steps.placement().id, Reason(found, {"objects": 1}))
    steps.turns()
    assert steps.placement().run is None
    steps.commit(REGISTRY)
    steps.turns()
    run = steps.placement().run
    assert run is not None, "it waits for no sweep"


def test_what_leaves_a_frozen_cluster_waits_without_a_run(database: Database) -> None:
    steps = Steps(database, REGISTRY | {"app.yaml": texts.application(more=GOES)})
    steps.synced("a")
    elsewhere = REGISTRY | {"app.yaml": texts.application(target="select: {matchLabels: {env: dev}}", more=GOES)}
    steps.commit(elsewhere)
    steps.planner.tick()
    run = steps.claim()
    steps.commit(elsewhere | {"clusters.yaml": texts.cluster("c1", more=", state: frozen")})
    steps.end(run, AttemptEnding(AttemptOutcome.SKIPPED, reason=said("its cluster is frozen")))
    before = _runs(steps)
    for _ in range(3):
        steps.clock.seconds += 20
        steps.turns()
    assert steps.placement().state is PlacementState.LEAVING
    assert (_runs(steps), steps.placement().run) == (before, None), "each would be skipped, for ever"
    assert steps.placement().hold.code == Hold.FROZEN
    steps.commit(elsewhere)
    steps.clock.seconds += 20
    steps.turns()
    assert steps.placement().run is not None
