"""Why an object has its health: kept as a code with the cluster's words cut and without secrets, and read in words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from common.domain.health import Health, HealthReport
from common.domain.health_codes import HealthReason
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.domain.rights import ALL
from common.domain.status import Contact
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.reads import placements as reads
from common.store.schema.tables import InventoryRow
from common.store.state import healths, inventory, observations
from common.store.state.healths import SeenHealth
from tests.integration.db.rows import NOW, add_placements
from workers.sync.health import Context
from workers.sync.observe import reports

BEFORE = "0032"
WEB = ObjectId("apps", "Deployment", "shop", "web")
REF = PlacementRef("eu", "web")
PASSWORD = "hunter2hunter2"
LATE = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": f"no\x00 password={PASSWORD} \ud800 " + "much " * 50_000,
}
LIVE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
    "spec": {"replicas": 2},
    "status": {"observedGeneration": 0, "conditions": [LATE]},
}
_INVENTORY = (
    'INSERT INTO inventory (placement_id, "group", kind, namespace, name, version, resource, desired_digest, '
    "fingerprint, uid, adopted, keep, wanted, health, health_reason, refused, prune_allowed) VALUES "
    "(:id, 'apps', 'Deployment', 'shop', 'web', 'v1', '', '', '', '', false, false, true, 'progressing', "
    "'1 of 2 replicas ready', '', false)"
)


def _store(database: Database, live: dict[str, Any]) -> None:
    item = InventoryItem(WEB, "v1", "deployments", "d", uid="u")
    with database.write() as connection:
        (one,) = add_placements(connection, str(REF))
        inventory.replace(connection, one, [item])
        (found,) = reports({REF: [item]}, {("apps", "Deployment"): {WEB: live}}, Context(NOW))
        healths.record_healths(connection, [SeenHealth(one, found.report, None, None)], now=NOW)
        inventory.record_healths(connection, [(one, WEB, found.objects[0].report)])


def test_a_clusters_words_are_stored_cut_and_without_secrets(database: Database) -> None:
    _store(database, LIVE)
    with database.read() as connection:
        seen = reads.placement(connection, ALL, REF)
        (one,) = reads.objects(connection, ALL, REF)
        raw = str(connection.execute(select(InventoryRow.health_reason_params)).scalar_one())
    assert seen is not None
    for code, params, words in (
        (seen.health_reason_code, seen.health_reason_params, seen.health_reason.removeprefix("Deployment web: ")),
        (one.health_reason_code, one.health_reason_params, one.health_reason),
    ):
        assert (code, params["reason"], params["type"]) == (HealthReason.CONDITION, LATE["reason"], LATE["type"])
        assert words == f"{params['reason']}: {params['message']}"
        assert len(words) < 5_000
        assert PASSWORD not in f"{params}{words}{raw}"
    assert seen.health_reason_params["object"] == {
        "group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web",
    }  # fmt: skip


def test_what_is_not_well_is_told_in_numbers_and_named(database: Database) -> None:
    _store(database, LIVE | {"status": {"updatedReplicas": 1, "conditions": []}})
    with database.read() as connection:
        seen = reads.placement(connection, ALL, REF)
        (one,) = reads.objects(connection, ALL, REF)
    assert seen is not None
    assert seen.health_reason == "Deployment web: 1 of 2 replicas updated"
    assert (one.health_reason, one.health_reason_code) == ("1 of 2 replicas updated", HealthReason.REPLICAS)
    assert one.health_reason_params == {"count": 1, "wanted": 2, "of": "replicas", "state": "updated"}


def test_a_health_that_stays_is_read_as_it_was_written(database: Database) -> None:
    _store(database, LIVE | {"status": {"updatedReplicas": 2**70, "readyReplicas": 1, "replicas": 2}})
    with database.read() as connection:
        known = inventory.healths(connection, [1])
        (item,) = inventory.of(connection, 1)
    live = LIVE | {"status": {"updatedReplicas": 2**70, "readyReplicas": 1, "replicas": 2}}
    (again,) = reports({REF: [item]}, {("apps", "Deployment"): {WEB: live}}, Context(NOW))
    assert known == {(1, WEB): again.objects[0].report}, "unchanged health writes nothing"


def test_what_was_told_in_words_says_the_same_and_lost_contact_is_its_code(database: Database) -> None:
    with database.write() as connection:
        told, lost, well = add_placements(connection, "eu/web", "eu/lost", "eu/well")
        observations.lose_contact(connection, [lost], code="cluster.timeout", message="no answer")
        healths.record_healths(connection, [SeenHealth(well, HealthReport(Health.HEALTHY), None, None)], now=NOW)
    upgrade.downgrade(database, BEFORE)
    words = "Deployment web: 1 of 2 replicas ready"
    with database.write() as connection:
        found = connection.execute(text("SELECT health_reason FROM placements ORDER BY id")).scalars().all()
        assert found == ["", "the cluster cannot be read: no answer", ""]
        say = text("UPDATE placements SET health_reason = :words WHERE id = :id")
        connection.execute(say, {"words": words, "id": told})
        connection.execute(text(_INVENTORY), {"id": told})
    upgrade.upgrade(database)
    with database.read() as connection:
        rows = {one.application: one for one in reads.placements(connection, ALL, reads.EVERYTHING).items}
        (one,) = reads.objects(connection, ALL, REF)
    assert (rows["web"].health_reason_code, rows["web"].health_reason) == ("told", words)
    assert (one.health_reason_code, one.health_reason) == ("told", "1 of 2 replicas ready")
    assert rows["lost"].health_reason_code == Contact.LOST
    assert rows["lost"].health_reason == rows["lost"].reason == "the cluster cannot be read: no answer"
    assert (rows["well"].health_reason_code, rows["well"].health_reason_params) == ("", {})
    upgrade.downgrade(database, BEFORE)
    with database.read() as connection:
        assert connection.execute(text("SELECT health_reason FROM placements WHERE id = 1")).scalar_one() == words
        assert connection.execute(text("SELECT health_reason FROM inventory")).scalar_one() == "1 of 2 replicas ready"
    upgrade.upgrade(database)
