"""``plan``, ``explain`` and ``run`` as a person uses them, against a hub of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, insert, select
from typer.testing import CliRunner, Result

from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason
from common.registry import parse, read_directory
from common.settings import settings
from common.store.engine.session import Database, open_database
from common.store.engine.upgrade import upgrade
from common.store.schema.tables import FleetSnapshotRow, IntentRow, PlacementRow, RunRow
from common.store.state import clusters, fleet, inventory
from console.cli.main import app

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMIT = "c" * 40
FLEET = """\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: {name: test}
spec: {labels: {env: [dev, prod]}}
---
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {name: eu, labels: {env: prod}}
spec: {server: "https://eu.example.com", credentials: {secretRef: clusters/eu}}
---
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {name: us, labels: {env: dev}}
spec: {server: "https://us.example.com", credentials: {secretRef: clusters/us}}
"""
SHOP = """\
apiVersion: flotilla.dev/v1
kind: Application
metadata: {name: shop}
spec:
  source: {repo: "https://git.example.com/shop.git", path: deploy, ref: {branch: main}}
  namespace: shop
  values:
    replicas: 1
  targets:
    - name: prod
      select: {matchLabels: {env: prod}}
      values:
        replicas: 5
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "fleet"
    folder.mkdir()
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "shop.yaml").write_text(SHOP)
    return folder


@pytest.fixture
def hub(tmp_path: Path, registry: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Return the database of a hub in which the registry is in force."""
    monkeypatch.setenv("FLOTILLA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    settings.cache_clear()
    database = open_database(settings())
    upgrade(database)
    parsed = parse(read_directory(registry)[0])
    assert parsed.fleet is not None
    with database.write() as connection:
        fleet.fix_name(connection, "test", now=NOW)
        fleet.put_in_force(connection, COMMIT, parsed.documents.to_json(), now=NOW)
        clusters.declare(connection, list(parsed.fleet.clusters.values()), now=NOW)
        connection.execute(insert(PlacementRow).values(cluster="eu", application="shop", state="placed", mark="m" * 20))
    yield database
    database.dispose()
    settings.cache_clear()


def flotilla(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def _stored(database: Database) -> tuple[int, ...]:
    with database.read() as connection:
        rows = (FleetSnapshotRow, IntentRow, PlacementRow, RunRow)
        return tuple(connection.execute(select(func.count()).select_from(row)).scalar_one() for row in rows)


@pytest.mark.usefixtures("hub")
def test_the_registry_in_force_changes_nothing(registry: Path) -> None:
    seen = flotilla("plan", registry)
    assert (seen.exit_code, "No placement changes." in seen.output) == (0, True)


def test_a_plan_names_every_placement_that_changes_and_stores_nothing(hub: Database, registry: Path) -> None:
    before = _stored(hub)
    (registry / "shop.yaml").write_text(SHOP.replace("env: prod", "env: dev"))
    seen = flotilla("plan", registry)
    assert seen.exit_code == 0, seen.output
    lines = [line.split()[:2] for line in seen.output.splitlines()]
    assert ["eu/shop", "retained"] in lines
    assert ["us/shop", "added"] in lines
    assert "Placements: 1 added, 1 retained." in seen.output
    assert _stored(hub) == before


@pytest.mark.usefixtures("hub")
def test_a_plan_of_a_registry_with_a_fault_says_the_fault_and_what_happens_in_spite_of_it(registry: Path) -> None:
    (registry / "shop.yaml").write_text(SHOP.replace("namespace:", "namespaec:"))
    (registry / "web.yaml").write_text(SHOP.replace("name: shop", "name: web", 1))
    seen = flotilla("plan", registry)
    assert seen.exit_code == 1
    assert "shop.yaml:6: " in seen.output
    assert "Placements: 1 added." in seen.output


@pytest.mark.usefixtures("hub")
def test_a_plan_of_a_registry_that_would_be_refused_says_so(registry: Path) -> None:
    (registry / "fleet.yaml").write_text(FLEET.replace("kind: Fleet", "kind: Feet"))
    seen = flotilla("plan", registry)
    assert seen.exit_code == 1
    assert "would be refused: nothing changes" in seen.output


@pytest.mark.usefixtures("hub")
def test_a_link_in_the_folder_is_a_fault_and_is_not_followed(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("password: not-to-be-seen")
    (registry / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    seen = flotilla("plan", registry, "-o", "json")
    assert seen.exit_code == 1
    assert [fault["file"] for fault in orjson.loads(seen.output)["faults"]] == ["link.yaml"]
    assert "not-to-be-seen" not in seen.output


@pytest.mark.usefixtures("hub")
def test_an_explanation_gives_each_value_with_the_line_it_comes_from() -> None:
    found = orjson.loads(flotilla("explain", "eu/shop", "-o", "json").output)["declared"]
    values = {".".join(one["path"]): (one["value"], one["origin"], one["where"]) for one in found["values"]}
    assert values["replicas"] == (5, "target prod", "shop.yaml:13")
    assert values["cluster.name"][0] == "eu"
    assert (found["application"], found["target"]["where"]) == ("shop.yaml:1", "shop.yaml:10")
    shown = flotilla("explain", "eu/shop")
    assert shown.exit_code == 0
    assert "source: https://git.example.com/shop.git deploy at refs/heads/main" in shown.output


def test_an_explanation_names_the_kinds_whose_health_nobody_knows(hub: Database) -> None:
    known, guessed = Reason(HealthReason.NO_RULE), Reason(HealthReason.GUESSED, {"field": "phase", "word": "Running"})
    objects = [
        (ObjectId("example.com", "Box", "shop", "a"), known),
        (ObjectId("example.com", "Box", "shop", "b"), known),
        (ObjectId("example.com", "Crate", "shop", "c"), guessed),
        (ObjectId("apps", "Deployment", "shop", "d"), NONE),
    ]
    with hub.write() as connection:
        placement = connection.execute(select(PlacementRow.id)).scalar_one()
        inventory.replace(connection, placement, [InventoryItem(one, "v1", "x", "d", uid="u") for one, _ in objects])
        reports = [(placement, one, HealthReport(Health.HEALTHY, reason)) for one, reason in objects]
        inventory.record_healths(connection, reports)
    lines = [line.strip() for line in flotilla("explain", "eu/shop").output.splitlines()]
    assert [line for line in lines if line.startswith("no rule of health")] == [
        "no rule of health: Box of example.com (2): it exists, and says nothing",
        "no rule of health: Crate of example.com (1): a word of its status is a guess",
    ]


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("eu/shpo", "no application shpo. Did you mean 'shop'?"),
        ("us/shop", "no target of application shop takes cluster us"),
        ("eu1/shop", "no cluster eu1. Did you mean 'eu'?"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_an_explanation_of_what_does_not_exist_says_why_not(ref: str, why: str) -> None:
    seen = flotilla("explain", ref)
    assert seen.exit_code == 1
    assert why in str(seen.exception or seen.output)


def test_a_run_is_found_by_a_part_of_its_id(hub: Database) -> None:
    ids = [f"01a20945-7596-74c0-be60-{tail * 12}" for tail in "ab"]
    with hub.write() as connection:
        snapshot, placement = connection.execute(
            select(FleetSnapshotRow.id, PlacementRow.id)
            .select_from(FleetSnapshotRow)
            .join(PlacementRow, PlacementRow.id > 0)
        ).one()
        for id_ in ids:
            connection.execute(insert(RunRow).values(_run(id_, placement, snapshot)))
    assert flotilla("run", f"{ids[0][:26]}").exit_code == 0
    assert flotilla("run", "b" * 12).exit_code == 0
    both = flotilla("run", ids[0][:20])
    assert both.exit_code == 1
    assert "several runs are called" in str(both.exception or both.output)
    for wrong in ("01a2", "01a20945_", "ffffffff-", "c" * 12):
        none = flotilla("run", wrong)
        assert none.exit_code == 1
        assert "there is no run" in str(none.exception or none.output)


def _run(id_: str, placement: int, snapshot: int) -> dict[str, object]:
    return {
        "id": id_,
        "placement_id": placement,
        "cluster": "eu",
        "application": "shop",
        "trigger": "revision",
        "actor": "flotilla",
        "cause_code": "cause.new-revision",
        "priority": 1,
        "queue": "default",
        "snapshot_id": snapshot,
        "outcome": "succeeded",
        "created_at": NOW,
        "ended_at": NOW,
    }
