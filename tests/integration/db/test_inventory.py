"""What placements own: attempts write rows, and who observes health writes how objects ended."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from common.domain.inventory import End, HookState, InventoryItem
from common.domain.refs import ObjectId
from common.domain.rights import ALL
from common.domain.status import Found
from common.store.engine.session import Database
from common.store.reads.drift import drift
from common.store.schema.tables import PlacementRow
from common.store.state import inventory
from tests.integration.db.rows import NOW, add_placements

JOB = ObjectId("batch", "Job", "web", "once")
MAP = ObjectId("", "ConfigMap", "web", "a")
AS_WANTED = (
    "applied_source_digest", "desired_source_digest", "applied_parameters_digest", "desired_parameters_digest",
)  # fmt: skip
ROW = InventoryItem(JOB, "v1", uid="one", expires=True)


def test_a_row_is_read_as_it_was_written(database: Database) -> None:
    row = replace(ROW, hook_run="r", hook_state=HookState.FAILED, hook_stage="post-delete", hook_revision="a" * 64)
    with database.write() as connection:
        (placement,) = add_placements(connection, "eu/web")
        inventory.replace(connection, placement, [row])
        assert inventory.of(connection, placement) == (row,)


def test_how_an_object_ended_outlives_what_attempts_write_and_not_the_object(database: Database) -> None:
    with database.write() as connection:
        (placement,) = add_placements(connection, "eu/web")
        inventory.replace(connection, placement, [ROW])
        inventory.record_ends(connection, [(placement, ROW, End.FAILED)])
        inventory.replace(connection, placement, [replace(ROW, fingerprint="f", ended=End.SUCCEEDED)])
        assert inventory.of(connection, placement)[0].ended is End.FAILED
        inventory.replace(connection, placement, [replace(ROW, uid="two")])
        assert inventory.of(connection, placement)[0].ended is End.NONE


def test_the_end_of_an_object_that_another_replaced_says_nothing_of_that(database: Database) -> None:
    with database.write() as connection:
        (placement,) = add_placements(connection, "eu/web")
        inventory.replace(connection, placement, [replace(ROW, uid="two")])
        inventory.record_ends(connection, [(placement, ROW, End.FAILED)])
        assert inventory.of(connection, placement)[0].ended is End.NONE


def test_what_people_added_is_told_with_its_object(database: Database) -> None:
    with database.write() as connection:
        (placement, _) = add_placements(connection, "eu/web", "eu/other")
        inventory.replace(connection, placement, [replace(ROW, by_hand=".data.a\n.data.b"), replace(ROW, object=MAP)])
        (view,) = drift(connection, ALL, since=NOW)
    assert (view.ref, view.differs, view.by_hand) == ("eu/web", "", ("Job once: .data.a", "Job once: .data.b"))


def test_what_differs_is_told_as_code_and_parameters(database: Database) -> None:
    params = {"objects": 1, "first": "Job shop/once"}
    with database.write() as connection:
        add_placements(connection, "eu/web")
        found = {"found_code": Found.DRIFTED, "found_params": params, "sync_status": "out-of-sync"}
        connection.execute(update(PlacementRow).values(found | dict.fromkeys(AS_WANTED, "d")))
        (view,) = drift(connection, ALL, since=NOW)
    assert (view.differs_code, view.differs_params) == (Found.DRIFTED, params)
    assert view.differs == "1 object differs from Git (Job shop/once)"
