"""What a sweep or an observation has read is old by the time it is stored: what a run has written since stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select, update

from common.store.schema.tables import ClusterRow, InventoryRow, PlacementRow
from common.store.state import inventory
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map, deployment
from tests.harness.seen import client, live
from workers.record.journal import SqlJournal
from workers.tasks import observe_cluster, sweep_cluster

WEB = PlacementRow.application == "web"
HELD = {"metadata": {"finalizers": ["example.com/keeps"]}}


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    """An application that waits for its first run, beside one that has had it."""
    hub.declare("eu")
    hub.git.commit(APPS, {"old/a.yaml": config_map("old", v="1")})
    hub.application("old")
    hub.settle(3)
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1"), "web/b.yaml": config_map("other", v="1")})
    hub.application("web")
    return hub


def overtaken(monkeypatch: pytest.MonkeyPatch, where: ModuleType, before: Callable[[], Any], after: Any = None) -> None:
    """Have things happen around the LISTs of the next look, once: it has read SQL before, and writes after."""
    listed = where.listed

    def once(*arguments: Any) -> Any:
        monkeypatch.setattr(where, "listed", listed)
        before()
        lists = listed(*arguments)
        if after is not None:
            after()
        return lists

    monkeypatch.setattr(where, "listed", once)


def _rows(web: StepHub) -> dict[str, tuple[bool, bool]]:
    with web.database.read() as connection:
        rows = connection.execute(select(InventoryRow.name, InventoryRow.wanted, InventoryRow.fingerprint != ""))
        return {name: (wanted, known) for name, wanted, known in rows}


def test_what_a_run_creates_meanwhile_stays_wanted(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a sweep calls it the late work of an attempt that was interrupted, and nobody sees it drift."""
    record, of_cluster = SqlJournal.record, inventory.of_cluster
    seen: list[dict[str, tuple[bool, bool]]] = []

    def read_before(*arguments: Any) -> Any:
        return {ref: items for ref, items in of_cluster(*arguments).items() if ref.application != "web"}

    def recorded(journal: SqlJournal, *arguments: Any) -> None:
        record(journal, *arguments)
        monkeypatch.setattr(SqlJournal, "record", record)
        with monkeypatch.context() as before:
            before.setattr(inventory, "of_cluster", read_before)
            web.make_due()
            web.carry_out("flotilla.sweep", "eu")
        seen.append(_rows(web))

    monkeypatch.setattr(SqlJournal, "record", recorded)
    web.settle(3)
    assert seen[0]["web"][0], "it was planned, so that the inventory has it"
    assert _rows(web)["web"] == (True, True)
    assert [run.trigger for run in web.runs("eu/web")] == ["revision"]


def test_what_is_wanted_again_since_it_was_seen_gone_stays_known(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    web.settle(3)
    path = "/api/v1/namespaces/web/configmaps/other"
    with client(web, "eu") as cluster:
        headers = {"Content-Type": "application/merge-patch+json"}
        cluster.patch(path, json=HELD, headers=headers).raise_for_status()
        web.git.commit(APPS, {"web/b.yaml": None})
        web.settle(3)
        assert _rows(web)["other"][0] is False
        cluster.patch(path, json={"metadata": {"finalizers": None}}, headers=headers).raise_for_status()
    assert live(web, "eu", "web", "other") is None
    web.git.commit(APPS, {"web/b.yaml": config_map("other", v="2")})
    web.make_due()
    overtaken(monkeypatch, sweep_cluster, lambda: None, lambda: web.settle(3))
    web.carry_out("flotilla.sweep", "eu")
    assert live(web, "eu", "web", "other") is not None
    assert _rows(web)["other"] == (True, True)


def test_what_a_run_changes_meanwhile_is_no_drift(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    web.settle(3)
    web.git.commit(APPS, {"web/a.yaml": config_map("web", w="2")})
    web.make_due()
    overtaken(monkeypatch, sweep_cluster, lambda: web.settle(3))
    web.carry_out("flotilla.sweep", "eu")
    web.settle(2)
    assert [run.trigger for run in web.runs("eu/web")] == ["revision", "revision"]


def test_health_that_a_run_awaits_since_is_looked_at(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the look takes what was there before for it, and nobody comes again before the next sweep."""
    web.git.commit(APPS, {"web/c.yaml": deployment("web")})
    web.settle(4)

    def replaced() -> None:
        web.git.commit(APPS, {"web/c.yaml": deployment("web", image="example.com/a:2")})
        web.settle(2)

    web.make_due()
    web.carry_out("flotilla.sweep", "eu")
    overtaken(monkeypatch, observe_cluster, lambda: None, replaced)
    web.carry_out("flotilla.observe", "eu")
    with web.database.read() as connection:
        awaited = connection.execute(select(PlacementRow.observe_until).where(WEB)).scalar_one()
        due = connection.execute(select(ClusterRow.observe_due_at)).scalar_one()
    assert (awaited is not None, due is not None) == (True, True)


def test_a_run_that_begins_to_wait_meanwhile_is_not_woken_by_what_was_there(
    web: StepHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it removes what left Git before what takes its place is healthy."""
    web.git.commit(APPS, {"web/c.yaml": deployment("web")})
    web.settle(4)

    def replaced() -> None:
        web.git.commit(APPS, {"web/c.yaml": deployment("web", image="example.com/a:broken"), "web/b.yaml": None})
        web.settle(2)

    web.make_due()
    web.carry_out("flotilla.sweep", "eu")
    overtaken(monkeypatch, observe_cluster, lambda: None, replaced)
    web.carry_out("flotilla.observe", "eu")
    assert web.runs("eu/web")[0].state == "waiting"
    web.settle(1)
    assert live(web, "eu", "web", "other") is not None


def test_what_a_run_creates_meanwhile_is_no_orphan(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    web.make_due()
    overtaken(monkeypatch, sweep_cluster, lambda: web.settle(3))
    web.carry_out("flotilla.sweep", "eu")
    assert web.placement("eu/web").sync == "synced"
    assert web.faults() == []


def test_nobody_looks_for_the_health_of_what_has_left(web: StepHub) -> None:
    web.settle(3)
    with web.database.write() as connection:
        connection.execute(update(PlacementRow).values(state="leaving"))
        connection.execute(update(PlacementRow).values(state="left", observe_until=web.database.now(connection)))
        connection.execute(update(ClusterRow).values(observe_due_at=web.database.now(connection)))
    web.carry_out("flotilla.observe", "eu")
    with web.database.read() as connection:
        assert connection.execute(select(ClusterRow.observe_due_at)).scalar_one() is None


def test_the_sweep_after_a_first_run_comes_within_its_interval(hub: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that began while nothing was placed would come again after the default, which is minutes."""
    hub.declare("eu", spec=", defaults: {interval: 30s}")
    hub.settle()
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web")
    hub.make_due()
    overtaken(monkeypatch, sweep_cluster, lambda: hub.settle(3))
    hub.carry_out("flotilla.sweep", "eu")
    assert hub.placement("eu/web").sync == "synced"
    assert _sweep_in(hub) <= timedelta(seconds=30)


def test_sweeps_after_a_correction_come_no_later_than_their_interval(hub: StepHub) -> None:
    hub.declare("eu", spec=", defaults: {interval: 20s}")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1")})
    hub.application("web")
    hub.settle(3)
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        connection.execute(update(ClusterRow).values(sweep_due_at=now, sweep_step=2))
    hub.carry_out("flotilla.sweep", "eu")
    assert _sweep_in(hub) <= timedelta(seconds=20)


def _sweep_in(hub: StepHub) -> timedelta:
    with hub.database.read() as connection:
        due = connection.execute(select(ClusterRow.sweep_due_at)).scalar_one()
        assert due is not None
        return due - hub.database.now(connection)
