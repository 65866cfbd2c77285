"""Metrics that one can alert on: what they say, and that names, types and units follow Prometheus' conventions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from common.domain.codes import MessageReason
from common.domain.work import WorkerState
from common.settings import Settings
from common.store.engine.session import Database
from common.store.queue import leases, sending, workers
from common.store.schema.tables import ClusterRow, OpenRunRow, PlacementRow, RunRow, SourceRow
from common.store.state import fleet
from console.api.app import create_app
from console.client.transports import in_process_client
from scheduler.loop.listening import Listening
from scheduler.readers import readers
from tests.integration.db.rows import queued

TOKEN = "a-token-of-this-test"
ROOT = Path(__file__).resolve().parents[3]
MINUTE = timedelta(minutes=1)
UNITS = ("seconds", "bytes", "ratio", "celsius", "meters", "volts", "amperes", "joules", "grams")
ENDS = ("_total", "_count", "_sum", "_bucket")
NO_UNITS = ("milliseconds", "ms", "minutes", "hours", "days", "kilobytes", "kb", "mb", "percent", "sec", "secs")
"""What promtool calls no base unit, or an abbreviated one."""


@pytest.fixture
def busy(database: Database) -> Database:
    """A hub in the midst of its work."""
    for number in range(3):
        queued(database, f"eu/a{number}")
    listen = Listening(database, readers())
    listen.tick()
    with database.write() as connection:
        now = database.now(connection)
        connection.execute(update(OpenRunRow).values(not_before=now - MINUTE))
        ended = {"started_at": now - 9 * MINUTE, "ended_at": now - 7 * MINUTE}
        one = RunRow.application == "a0"
        connection.execute(update(RunRow).where(one).values(ended | {"outcome": "failed"}))
        found = {"memory": 7, "none": 2}
        layers = {"files": True, "network": False}
        well = WorkerState("w1", ("default",), 8, stuck=1, clock_ahead=1.5)
        workers.beat(connection, well, started_at=now, now=now, render_cache=found, sandbox=layers)
        lame = WorkerState("w2", ("default",), 8, clock_ahead=3600.0, refused=9, refused_code=MessageReason.OLD)
        workers.beat(connection, lame, started_at=now, now=now)
        leases.take(connection, leases.LEADER, holder="a", lease=MINUTE, now=now)
        sending.note(connection, error_code="broker.full", clock_ahead=0.0, now=now)
        fleet.fix_name(connection, "acme", now=now)
        fleet.note_checked(connection, now=now - 2 * MINUTE)
        row = {"name": "eu", "declared": True, "state": "active", "pool": "default", "server": "s", "credentials": "c"}
        connection.execute(insert(ClusterRow).values(row | {"reachable": False}))
        source = {"credentials": "", "ref": "main", "pool": "default", "used": True, "due_at": now + MINUTE}
        read = {"repo": "r", "checked_at": now - 3 * MINUTE}
        connection.execute(insert(SourceRow).values(source | read))
        connection.execute(insert(SourceRow).values(source | {"repo": "q", "error_code": "git.gone"}))
        connection.execute(update(PlacementRow).values(sync_status="synced"))
    listen.tick()
    return database


def told(database: Database, home: Path) -> dict[str, Metric]:
    """Return the families that the endpoint gives, by name, as Prometheus reads them."""
    app = create_app(Settings(home=home), database, token=TOKEN)

    async def ask() -> httpx.Response:
        async with in_process_client(app, TOKEN) as client:
            return await client.get("/metrics")

    answer = asyncio.run(ask())
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["content-type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: Mapping[str, Metric], sample: str, **labels: str) -> float | None:
    """Return a sample's value; None where there is none."""
    for family in families.values():
        for one in family.samples:
            if one.name == sample and one.labels == labels:
                return one.value
    return None


def test_the_numbers_are_those_of_the_hub(busy: Database, tmp_path: Path) -> None:
    seen = told(busy, tmp_path)
    exact = [
        (1, "flotilla_runs_total", {"outcome": "failed", "trigger": "revision"}),
        (0, "flotilla_run_duration_seconds_bucket", {"outcome": "failed", "le": "60"}),
        (1, "flotilla_run_duration_seconds_bucket", {"outcome": "failed", "le": "120"}),
        (1, "flotilla_run_duration_seconds_count", {"outcome": "failed"}),
        (120, "flotilla_run_duration_seconds_sum", {"outcome": "failed"}),
        (0, "flotilla_run_duration_seconds_count", {"outcome": "succeeded"}),
        (2, "flotilla_queue_runs", {"queue": "default", "due": "now"}),
        (0, "flotilla_queue_runs", {"queue": "default.now", "due": "now"}),
        (1, "flotilla_workers", {"queue": "default", "condition": "alive"}),
        (1, "flotilla_workers", {"queue": "default", "condition": "clock"}),
        (0, "flotilla_workers", {"queue": "default.now", "condition": "alive"}),
        (7, "flotilla_worker_slots", {"queue": "default"}),
        (0, "flotilla_worker_slots", {"queue": "default.now"}),
        (1, "flotilla_worker_stuck_slots", {"worker": "w1"}),
        (9, "flotilla_worker_refused_messages", {"worker": "w2"}),
        (3600, "flotilla_worker_clock_offset_seconds", {"worker": "w2"}),
        (1, "flotilla_sources", {"state": "failing"}),
        (1, "flotilla_sources", {"state": "readable"}),
        (1, "flotilla_scheduler_leads", {}),
        (0, "flotilla_broker_takes_messages", {}),
        (1, "flotilla_clusters", {"state": "unreachable"}),
        (3, "flotilla_placements_sync", {"status": "synced"}),
        (1, "flotilla_work_findings", {"code": "workers.none"}),
        (1, "flotilla_work_findings", {"code": "broker.full"}),
        (7, "flotilla_render_cache_total", {"worker": "w1", "found": "memory"}),
        (1, "flotilla_worker_sandbox", {"worker": "w1", "layer": "files"}),
        (0, "flotilla_worker_sandbox", {"worker": "w1", "layer": "network"}),
    ]
    assert [(value(seen, name, **labels), name, labels) for _, name, labels in exact] == exact
    ages = {"queue_oldest_due": 60, "registry_age": 120, "source_oldest_age": 180}
    for name, age in ages.items():
        labels = {"queue": "default"} if name.startswith("queue") else {}
        seconds = value(seen, f"flotilla_{name}_seconds", **labels)
        assert seconds is not None
        assert age <= seconds < age + 30, name
    (build,) = seen["flotilla_build_info"].samples
    assert (build.value, set(build.labels)) == (1, {"version"})


def test_what_was_never_looked_at_has_no_age(database: Database, tmp_path: Path) -> None:
    seen = told(database, tmp_path)
    assert value(seen, "flotilla_registry_age_seconds") is None
    assert value(seen, "flotilla_source_oldest_age_seconds") is None
    assert value(seen, "flotilla_broker_takes_messages") is None
    assert value(seen, "flotilla_scheduler_leads") == 0


def faults(family: Metric) -> list[str]:
    """Return what ``promtool check metrics`` would say of a family."""
    name, words = family.name, family.name.split("_")
    samples = {sample.name for sample in family.samples}
    labels = {label for sample in family.samples for label in sample.labels}
    rules = {
        "no help text": not family.documentation,
        "not snake_case, or a colon": not re.fullmatch(r"[a-z][a-z0-9_]*", name),
        "not of our namespace": words[0] != "flotilla",
        "not a base unit, or an abbreviation": any(word in NO_UNITS for word in words),
        "its unit is not its end": any(unit in words[:-1] for unit in UNITS),
        "holds its type": bool({"gauge", "counter", "histogram", "summary"} & set(words)),
        "a counter without _total": family.type == "counter" and not all(one.endswith("_total") for one in samples),
        "a gauge with a counter's end": family.type == "gauge" and any(one.endswith(ENDS) for one in samples),
        "a reserved label": family.type != "histogram" and bool({"le", "quantile"} & labels),
    }
    return sorted(said for said, broken in rules.items() if broken)


def test_names_follow_the_conventions(busy: Database, tmp_path: Path) -> None:
    assert {name: found for name, family in told(busy, tmp_path).items() if (found := faults(family))} == {}


def test_the_lint_finds_what_it_is_for() -> None:
    bad = Metric("flotilla_Queue_seconds_wait_ms", "", "gauge")
    bad.add_sample("flotilla_Queue_seconds_wait_ms_total", {"le": "1"}, 1)
    assert len(faults(bad)) == 6


def test_every_metric_is_documented_and_nothing_else(busy: Database, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(flotilla_\w+)`", page, flags=re.MULTILINE))
    families = told(busy, tmp_path).values()
    assert documented == {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


def test_the_alerts_ask_for_metrics_that_there_are(busy: Database, tmp_path: Path) -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yaml").read_text())
    names = {sample.name for family in told(busy, tmp_path).values() for sample in family.samples}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    for rule in alerts:
        asked = set(re.findall(r"flotilla_\w+", rule["expr"]))
        assert asked, rule
        assert asked <= names, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
    assert len(alerts) >= 8
