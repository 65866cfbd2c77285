"""A run that only looks: what a sync would change, told without changing anything, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from common.domain.redact import MASK
from common.domain.refs import RunId
from common.store.reads.runs import RunDetail
from common.store.schema.tables import AuditRow, InventoryRow, LeaseRow, PlacementRow
from common.store.state.intents import IntentKind
from console.api.app import create_app
from console.cli import diff, main
from console.client.hub import Hub, Value
from console.client.transports import of_app
from tests.fakes.leases import StepKeeper
from tests.harness.hub import APPS, StepHub
from tests.harness.manifests import config_map, secret
from tests.harness.seen import client, live
from workers.tasks.sync_run import carry_out

TOKEN = "a-token-of-this-test"
SETTINGS = "/api/v1/namespaces/web/configmaps/web"
MERGE = {"Content-Type": "application/merge-patch+json"}
TOLD = ("sync", "health", "reason", "confirmed_at", "commit", "objects")


@pytest.fixture
def web(hub: StepHub) -> StepHub:
    hub.declare("eu")
    hub.git.commit(APPS, {"web/a.yaml": config_map("web", v="1") + secret("canary-1")})
    hub.application("web")
    hub.settle()
    assert hub.placement("eu/web").sync == "synced"
    return hub


def look(hub: StepHub) -> RunDetail:
    """Ask for a look and carry it out; return its run."""
    hub.ask(IntentKind.CHECK, "eu/web")
    hub.settle(2)
    (run,) = [run for run in hub.runs("eu/web")[:1] if run.trigger == "check"]
    return hub.run(run.id)


def row_of(hub: StepHub) -> Any:
    """Return everything that is stored about the placement and what it owns, but for what its revision renders."""
    columns = [one for one in PlacementRow.__table__.c if one.name not in {"looked_revision", "coming"}]
    with hub.database.read() as connection:
        placements = connection.execute(select(*columns)).all()
        owned = connection.execute(select(*InventoryRow.__table__.c).order_by(InventoryRow.name)).all()
    return placements, owned


def edit(hub: StepHub, value: str) -> None:
    with client(hub, "eu") as http:
        answer = http.patch(SETTINGS, json={"data": {"v": value}}, headers=MERGE)
    assert answer.status_code == httpx.codes.OK


def test_where_nothing_differs_a_look_says_so_and_takes_no_note(web: StepHub) -> None:
    """What a sync would record anew, that others have touched an object, is left to the next one that may write."""
    with client(web, "eu") as http:
        http.patch(SETTINGS, json={"data": {"theirs": "1"}}, headers=MERGE)
    before = row_of(web)
    seen = look(web)
    assert row_of(web) == before
    assert (seen.run.outcome, seen.run.counts, seen.objects) == ("succeeded", {"unchanged": 3}, ())


def test_a_look_shows_fields_and_changes_neither_cluster_nor_standing(web: StepHub) -> None:
    edit(web, "2")
    before = row_of(web)
    seen = look(web)
    (one,) = seen.objects
    assert (one.object, one.action, one.diff) == ("/ConfigMap:web/web", "configured", '~ .data.v: "2" -> "1"')
    (field,) = one.fields
    assert (field.path, field.before, field.after) == (".data.v", '"2"', '"1"')
    assert field.owner not in {"", "flotilla"}, "whoever edited it"
    found = live(web, "eu", "web", "web")
    assert found is not None
    assert found["data"] == {"v": "2"}
    assert row_of(web) == before
    with web.database.read() as connection:
        assert connection.execute(select(LeaseRow.name)).all() == []


def test_what_a_paused_placement_would_get_is_shown_with_secrets_masked(web: StepHub) -> None:
    web.ask(IntentKind.PAUSE, "eu/web")
    web.git.commit(APPS, {"web/a.yaml": config_map("new", v="1") + secret("canary-2")})
    web.settle()
    seen = look(web)
    assert {(one.object, one.action) for one in seen.objects} == {
        ("/ConfigMap:web/new", "created"),
        ("/ConfigMap:web/web", "pruned"),
        ("/Secret:web/key", "configured"),
    }
    told = next(one.diff for one in seen.objects if one.action == "configured")
    assert told == f"~ .data.key: {MASK} -> {MASK}"
    assert "canary" not in str(seen)
    assert live(web, "eu", "web", "new") is None
    assert live(web, "eu", "web", "web") is not None


def test_a_look_is_audited_and_asking_twice_looks_once(web: StepHub) -> None:
    web.ask(IntentKind.CHECK, "eu/web")
    web.ask(IntentKind.CHECK, "eu/web")
    web.settle()
    assert [run.trigger for run in web.runs("eu/web")] == ["check", "revision"]
    with web.database.read() as connection:
        rows = connection.execute(select(AuditRow.actor, AuditRow.subject).where(AuditRow.action == "check")).all()
    assert [tuple(row) for row in rows] == [("operator", "eu/web")] * 2


def test_a_look_holds_up_no_writer_and_no_writer_a_look(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync is asked for, sent, claimed and ended while the look is under way, and the other way round."""
    edit(web, "2")
    web.ask(IntentKind.CHECK, "eu/web")
    web.tick()
    (_, checking, _) = web.sender.messages.popleft()
    inside: list[str] = []
    render = web.runtime.renderers.render

    def meanwhile(*arguments: Any) -> Any:
        if not inside:
            inside.append("once")
            web.ask(IntentKind.SYNC, "eu/web")
            web.settle(2)
        return render(*arguments)

    monkeypatch.setattr(web.runtime.renderers, "render", meanwhile)
    carry_out(web.runtime, RunId(checking))
    looked, synced = web.run(checking).run, web.runs("eu/web")[0]
    assert (looked.trigger, looked.outcome) == ("check", "succeeded")
    assert (synced.trigger, synced.outcome, synced.counts) == ("manual", "succeeded", {"configured": 1, "unchanged": 2})
    assert web.placement("eu/web").sync == "synced"


def test_a_long_look_keeps_its_lease(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> None:
    web.ask(IntentKind.CHECK, "eu/web")
    web.tick()
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    expiries: list[tuple[str, datetime]] = []
    render = web.runtime.renderers.render

    def meanwhile(*arguments: Any) -> Any:
        with web.database.write() as connection:
            connection.execute(update(LeaseRow).values(expires_at=long_ago))
        assert isinstance(web.runtime.leases, StepKeeper)
        web.runtime.leases.renew()
        with web.database.read() as connection:
            rows = connection.execute(select(LeaseRow.name, LeaseRow.expires_at))
            expiries.extend((name.partition(":")[0], expires_at) for name, expires_at in rows)
        return render(*arguments)

    monkeypatch.setattr(web.runtime.renderers, "render", meanwhile)
    web.work()
    ((name, expires_at),) = expiries
    assert name == "check"
    assert expires_at > long_ago


def test_a_sync_that_waits_in_the_queue_is_not_superseded_by_a_look(web: StepHub) -> None:
    web.ask(IntentKind.SYNC, "eu/web")
    web.ask(IntentKind.CHECK, "eu/web")
    web.tick()
    assert {run.trigger: run.state for run in web.runs("eu/web")[:2]} == {"manual": "queued", "check": "queued"}
    web.work()
    assert {run.trigger: run.outcome for run in web.runs("eu/web")[:2]} == {"manual": "succeeded", "check": "succeeded"}


def test_a_look_at_an_unreachable_cluster_says_so_at_once_and_doubts_nothing(web: StepHub) -> None:
    before = row_of(web)
    web.simulator.faults("eu", {"kind": "error"})
    seen = look(web)
    assert (seen.run.outcome, seen.run.attempts) == ("failed", 1)
    assert seen.run.error_code.startswith("cluster.")
    assert row_of(web) == before


def test_a_conflict_is_an_answer_and_no_failure_of_the_placement(web: StepHub) -> None:
    """Somebody's object lies where a new one would go."""
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {"v": "theirs"}}
    with client(web, "eu") as http:
        made = http.post("/api/v1/namespaces/web/configmaps", json=theirs)
    assert made.status_code == httpx.codes.CREATED
    web.ask(IntentKind.PAUSE, "eu/web")
    web.git.commit(APPS, {"web/b.yaml": config_map("new", v="ours")})
    web.settle()
    before = row_of(web)
    seen = look(web)
    assert seen.run.outcome == "failed"
    assert [(one.object, one.action) for one in seen.objects] == [("/ConfigMap:web/new", "conflict")]
    assert row_of(web) == before


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def flotilla(web: StepHub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line against this hub, which goes on by a turn with each read."""
    app = create_app(web.settings, web.database, token=TOKEN)

    class Going(Hub):
        def get(self, target: str, **query: Value | None) -> Any:
            web.settle(1)
            return super().get(target, **query)

    made = of_app(app, TOKEN, "here")
    monkeypatch.setattr(diff, "connect", lambda: Going(made.send, TOKEN, "here"))
    return lambda *words: CliRunner().invoke(main.app, ["diff", *words])


def test_no_difference_is_exit_code_0(flotilla: Callable[..., Result]) -> None:
    seen = flotilla("eu/web")
    assert seen.exit_code == 0, seen.output
    assert seen.output.splitlines()[-1].endswith("nothing differs; 3 objects are as Git has them.")


def test_differences_are_exit_code_1_and_told_by_field(web: StepHub, flotilla: Callable[..., Result]) -> None:
    edit(web, "2")
    web.ask(IntentKind.PAUSE, "eu/web")
    seen = flotilla("eu/web")
    assert seen.exit_code == 1, seen.output
    lines = [line.strip() for line in seen.output.splitlines()]
    assert "/ConfigMap:web/web  would be changed" in lines
    assert '~ .data.v: "2" -> "1"  (held by python-httpx)' in lines
    assert lines[-1].endswith("objects to change: 1; as Git has them: 2.")
    logged, _, data = flotilla("eu/web", "-o", "json").output.partition("\n{")  # the harness logs there too
    assert orjson.loads("{" + data)["objects"][0]["diff"] == '~ .data.v: "2" -> "1"', logged


def test_what_cannot_be_looked_at_says_why(web: StepHub, flotilla: Callable[..., Result]) -> None:
    web.simulator.faults("eu", {"kind": "error"})
    seen = flotilla("eu/web")
    assert seen.exit_code == 1
    assert "a sync would not come to pass (failed): cluster." in seen.output
