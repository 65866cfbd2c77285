"""Health is looked at by short tasks after a run has ended: no slot is held meanwhile."""

from __future__ import annotations

import time

from tests.contract.semantics.test_step_10_waves_and_hooks import placed
from tests.harness.hub import StepHub
from tests.harness.manifests import deployment
from tests.harness.seen import look


def test_a_run_with_nothing_to_wait_for_ends_after_its_apply_and_health_follows(hub: StepHub) -> None:
    run = placed(hub, deployment("web"))
    assert (run.state, run.outcome) == ("ended", "succeeded")
    assert [name for name in hub.leases() if name.startswith("placement:")] == []
    deadline = time.monotonic() + 30
    while hub.placement("eu/web").health != "healthy" and time.monotonic() < deadline:
        look(hub)
    placement = hub.placement("eu/web")
    assert (placement.sync, placement.health) == ("synced", "healthy")
    assert placement.health_at is not None
    assert len(hub.runs("eu/web")) == 1


def test_an_unchanged_health_writes_nothing(hub: StepHub) -> None:
    placed(hub, deployment("web"))
    deadline = time.monotonic() + 30
    while hub.placement("eu/web").health != "healthy" and time.monotonic() < deadline:
        look(hub)
    before = hub.placement("eu/web").health_at
    for _ in range(3):
        look(hub)
    assert hub.placement("eu/web").health_at == before
