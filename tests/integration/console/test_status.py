"""``status`` shows counts, then what is wrong, and ends by it; filters are SQL's, pages neither skip nor repeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, update
from typer.testing import CliRunner, Result

from common.domain.approvals import OURS, ApprovalKind
from common.domain.codes import SweepReason
from common.domain.holds import Hold
from common.domain.reasons import nested
from common.domain.rights import ALL
from common.domain.status import Contact, Found, Reason, Remedy
from common.domain.work import WorkerState
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import leases, sending, workers
from common.store.reads.placements import PlacementFilter, troubled
from common.store.schema.tables import ClusterRow, FaultRow, FleetRow, PlacementRow
from common.store.state import approvals, faults, fleet
from common.store.state.approvals import Subject
from common.store.state.faults import StoredFault
from console.api.app import create_app
from console.cli import status
from console.cli.main import app as program
from console.client.transports import of_app
from tests.factories import said
from tests.harness import texts

TOKEN = "a-token-of-this-test"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTERS = {"eu-1": "prod", "eu-2": "prod", "us-1": "dev"}
"""With their label env."""
Flotilla = Callable[..., Result]


@pytest.fixture
def hub(database: Database) -> Database:
    """Return a hub in which three clusters are reached, and one application on each is synced and healthy."""
    files = [texts.cluster(name, env=env) for name, env in CLUSTERS.items()]
    parsed = texts.in_order({"fleet.yaml": texts.FLEET, "clusters.yaml": texts.documents(*files)})
    with database.write() as connection:
        now = database.now(connection)
        fleet.fix_name(connection, "acme", now=now)
        fleet.put_in_force(connection, "c" * 40, parsed.documents.to_json(), now=now)
        connection.execute(update(FleetRow).values(checked_at=now))
        leases.take(connection, leases.LEADER, holder="a", lease=timedelta(hours=1), now=now)
        sending.note(connection, error_code="", clock_ahead=0.0, now=now)
        state = WorkerState("w1", ("p", "p.now"), 4)
        workers.beat(connection, state, started_at=now, now=now)
        for name in CLUSTERS:
            values = {
                "state": "active",
                "pool": "p",
                "server": f"https://{name}",
                "credentials": "c",
                "version": "1.33",
            }
            connection.execute(insert(ClusterRow).values(name=name, declared=True, reachable=True, **values))
            _place(database, name, "web", connection)
    return database


def _place(database: Database, cluster: str, application: str, connection: Any = None, **values: object) -> None:
    row: dict[str, object] = {"cluster": cluster, "application": application, "state": "placed", "mark": "m" * 20}
    row |= {"sync_status": "synced", "health": "healthy", "confirmed_at": NOW, **values}
    if connection is None:
        with database.write() as opened:
            opened.execute(insert(PlacementRow).values(row))
    else:
        connection.execute(insert(PlacementRow).values(row))


def _change(database: Database, row: Any, **values: object) -> None:
    with database.write() as connection:
        connection.execute(update(row).values(values))


@pytest.fixture
def flotilla(hub: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flotilla:
    app = create_app(Settings(home=tmp_path), hub, token=TOKEN)
    monkeypatch.setattr(status, "connect", lambda: of_app(app, TOKEN, "here"))
    return lambda *words: CliRunner().invoke(program, ["status", *words])


def refs(seen: Result) -> list[str]:
    return [one["ref"] for one in orjson.loads(seen.stdout)["placements"]]


def test_json_gives_each_fact_as_code_parameters_and_words(hub: Database, flotilla: Flotilla) -> None:
    drifted = {"objects": 2, "first": "ConfigMap shop/web"}
    partial = {"what": nested(Reason(SweepReason.UNLISTED, {"kind": "Pod"}))}
    failed = {"failure_code": "cluster.invalid", "failure_params": {"message": "no such field"}}
    _place(
        hub, "eu-1", "bad", sync_status="failed", hold_code=Hold.APPLICATION_BLOCKED, hold_params={"message": "later"},
        found_code=Found.WARNED, found_params=drifted, contact_code=Contact.PARTIAL, contact_params=partial,
        failure_remedy=Remedy.CHANGE, failure_since=NOW, failure_last_at=NOW, failure_count=1, **failed,
    )  # fmt: skip
    (bad,) = orjson.loads(flotilla("-o", "json").stdout)["placements"]
    facts = {name: (bad[name], bad[f"{name}_code"], bad[f"{name}_params"]) for name in ("hold", "found", "contact")}
    assert facts == {
        "hold": ("blocked: later", Hold.APPLICATION_BLOCKED, {"message": "later"}),
        "found": ("sync.mode is warn: 2 objects differ from Git (ConfigMap shop/web)", Found.WARNED, drifted),
        "contact": ("not everything could be read: Pod could not be listed", Contact.PARTIAL, partial),
    }
    failure = bad["failure"]
    assert (failure["code"], failure["params"]) == ("cluster.invalid", {"message": "no such field"})
    assert failure["sentence"].startswith("no such field (failed 2026-01-01")
    assert bad["reason"] == f"blocked: later; {failure['sentence']}"
    (well,) = [
        one for one in orjson.loads(flotilla("--all", "-o", "json").stdout)["placements"] if one["ref"] == "eu-2/web"
    ]
    assert [well[name] for name in ("hold", "hold_code", "hold_params", "failure")] == ["", "", {}, None]


def test_where_nothing_is_wrong_only_counts_are_shown(flotilla: Flotilla) -> None:
    seen = flotilla()
    assert seen.exit_code == 0, seen.output
    lines = seen.stdout.splitlines()
    assert lines[1:] == [
        "clusters    3: 3 reachable",
        "placements  3: 3 synced",
        "health      3 healthy",
        "Nothing is wrong.",
    ]
    assert "eu-1/web" not in seen.stdout
    assert refs(flotilla("--all", "-o", "json")) == ["eu-1/web", "eu-2/web", "us-1/web"]


@pytest.mark.parametrize(
    "values",
    [
        {"sync_status": "out-of-sync"},
        {"sync_status": "failed"},
        {"sync_status": "unknown"},
        {"health": "degraded"},
        {"health": "progressing"},
        {"health": "missing"},
        {"health": "unknown"},
        {"state": "leaving"},
    ],
)
def test_a_placement_that_is_not_synced_and_well_ends_with_1(
    hub: Database, flotilla: Flotilla, values: dict[str, str]
) -> None:
    _place(hub, "eu-1", "bad", **values, hold_code="source.unreadable", hold_params={"message": "because\nof this"})
    seen = flotilla()
    assert seen.exit_code == 1
    told = "because of this" in seen.stdout
    assert told or values.get("sync_status") == "unknown", "of what cannot be seen, that is the reason"
    assert refs(flotilla("-o", "json")) == ["eu-1/bad"]


@pytest.mark.parametrize("values", [{"health": "suspended"}, {"state": "retained"}, {"state": "left"}])
def test_what_is_at_rest_on_purpose_is_not_wrong(hub: Database, flotilla: Flotilla, values: dict[str, str]) -> None:
    _place(hub, "eu-1", "fine", **values)
    assert flotilla().exit_code == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"reachable": False, "error_code": "x.y", "error_params": {"message": "no answer"}}, "unreachable"),
        ({"reachable": None}, "unknown"),
        ({"blocked_code": "cluster.same", "blocked_params": {"others": ["us-1"]}}, "blocked"),
    ],
)
def test_a_cluster_that_is_not_reached_or_not_written_to_ends_with_1(
    hub: Database, flotilla: Flotilla, values: dict[str, Any], told: str
) -> None:
    _change(hub, ClusterRow, **values)
    seen = flotilla()
    assert (seen.exit_code, told in seen.stdout) == (1, True)
    assert (
        "no answer" * ("error_code" in values) or "the same cluster as us-1" * ("blocked_code" in values)
    ) in seen.stdout
    _change(hub, ClusterRow, declared=False)
    assert flotilla().exit_code == 0, "what is no longer declared is nobody's to reach"


def test_a_fault_an_approval_and_idle_work_each_end_with_1(hub: Database, flotilla: Flotilla) -> None:
    with hub.write() as connection:
        seen_at = {"first_seen_at": NOW, "last_seen_at": NOW}
        values = {
            "scope": "registry",
            "digest": "d",
            "code": "c",
            "params": {"message": "it is odd", "remedy": "mend it"},
        }
        connection.execute(insert(FaultRow).values(file="a.yaml", line=3, **values, **seen_at))
    seen = flotilla()
    assert (seen.exit_code, "it is odd. Mend it." in seen.stdout, "a.yaml:3" in seen.stdout) == (1, True, True)
    assert flotilla("--faults").exit_code == 1
    assert flotilla("--cluster", "eu-1").exit_code == 0, "it is not of this cluster"
    _change(hub, FaultRow, cleared_at=NOW)
    with hub.write() as connection:
        approvals.ask(
            connection,
            ApprovalKind.PRUNE,
            Subject("eu-1/web", project="", asked_by=OURS),
            payload={"objects": []},
            reason=said("many"),
            now=NOW,
        )
    seen = flotilla()
    assert (seen.exit_code, "many" in seen.stdout) == (1, True)
    assert flotilla("--cluster", "eu-1").exit_code == 1
    assert flotilla("--cluster", "eu-2").exit_code == 0
    assert flotilla("--faults").exit_code == 0
    with hub.write() as connection:
        sending.note(connection, error_code="broker.full", clock_ahead=0.0, now=hub.now(connection))
    seen = flotilla("--cluster", "eu-2")
    assert (seen.exit_code, seen.stdout.startswith("error: the broker's memory is full")) == (1, True)


def test_a_part_of_the_fleet_is_counted_and_judged_by_itself(hub: Database, flotilla: Flotilla) -> None:
    _place(hub, "eu-1", "bad", sync_status="failed")
    for words in (("--cluster", "us-1"), ("--application", "web"), ("--label", "env=dev")):
        assert flotilla(*words).exit_code == 0, words
    for words in (("--cluster", "eu-1"), ("--application", "bad"), ("--label", "env=prod")):
        seen = flotilla(*words, "-o", "json")
        assert (seen.exit_code, refs(seen)) == (1, ["eu-1/bad"]), words
    counted = orjson.loads(flotilla("--label", "env=prod", "-o", "json").stdout)
    assert (counted["clusters"], counted["sync"]) == ({"reachable": 2}, {"synced": 2, "failed": 1})
    assert refs(flotilla("--sync", "synced", "--label", "env=dev", "-o", "json")) == ["us-1/web"]
    assert refs(flotilla("--paused", "-o", "json")) == []
    _change(hub, PlacementRow, paused_by="ada", paused_at=NOW)
    assert (
        len(refs(flotilla("--paused", "-o", "json")))
        > len(refs(flotilla("--paused", "--cluster", "eu-1", "-o", "json")))
        > 0
    )
    assert refs(flotilla("--health", "healthy", "--cluster", "eu-2", "-o", "json")) == ["eu-2/web"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cluster", "eu-11"), "did you mean 'eu-1'?"),
        (("--application", "wbe"), "did you mean 'web'?"),
        (("--sync", "faild"), "did you mean 'failed'?"),
        (("--health", "helthy"), "did you mean 'healthy'?"),
        (("--label", "evn=prod"), "did you mean 'env'?"),
        (("--label", "env=prd"), "did you mean 'prod'?"),
        (("--label", "prod"), "write KEY=VALUE"),
    ],
)
def test_what_is_unknown_is_an_error_that_names_the_nearest(
    flotilla: Flotilla, words: tuple[str, ...], told: str
) -> None:
    seen = flotilla(*words)
    assert (seen.exit_code, getattr(seen.exception, "remedy", "")) == (1, told)


def test_what_the_registrys_faults_took_out_is_told_first(hub: Database, flotilla: Flotilla) -> None:
    _place(hub, "eu-1", "shop", state="retained")
    _place(hub, "us-1", "shop", state="retained")
    assert "2 retained" in flotilla().stdout
    assert "has 1 fault" not in flotilla().stdout
    with hub.write() as connection:
        fault = StoredFault("registry.fault", {"message": "no project"}, project="", file="a.yaml")
        faults.replace(connection, faults.REGISTRY, [fault], now=NOW)
    first = flotilla().stdout.splitlines()[0]
    assert first.startswith("2 placements retained: the registry has 1 fault. They stay as they are")


def test_problems_come_worst_first_in_pages_that_neither_skip_nor_repeat(hub: Database) -> None:
    order = [
        {"sync_status": "failed"},
        {"health": "degraded"},
        {"health": "missing"},
        {"sync_status": "unknown"},
        {"health": "unknown"},
        {"sync_status": "out-of-sync"},
        {"health": "progressing"},
        {"state": "leaving"},
    ]
    for number, values in enumerate(reversed(order)):
        for cluster in ("us-1", "eu-1"):
            _place(hub, cluster, f"app-{len(order) - 1 - number}", **values)
    seen: list[str] = []
    after = ""
    while True:
        with hub.read() as connection:
            page = troubled(connection, ALL, PlacementFilter(), after=after, limit=3)
        seen += [one.ref for one in page.items]
        after = page.after
        if not after:
            break
    assert seen == [f"{cluster}/app-{n}" for n in range(len(order)) for cluster in ("eu-1", "us-1")]
