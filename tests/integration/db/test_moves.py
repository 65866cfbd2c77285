"""Who owns an object that is to move, and who else wants it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from common.db import approvals, inventory, moves, runs
from common.db.approvals import ApprovalKind, ApprovalState
from common.db.session import Database
from common.db.tables import PlacementRow, RunRow
from common.domain.inventory import InventoryItem
from common.domain.refs import ObjectId, PlacementRef, RunId
from tests.integration.db.rows import LEASE, NOW, REVISION, SECOND, add_placements, new_run

OLD, NEW = PlacementRef("eu", "old"), PlacementRef("eu", "new")
MOVED = ObjectId("", "ConfigMap", "shop", "moved")
COUNTS = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED})
DESIRED = {
    "desired_source_digest": REVISION.source_digest,
    "desired_parameters_digest": REVISION.parameters_digest,
    "desired_at": NOW,
}


def test_an_owner_is_read_with_what_it_holds_and_whether_it_is_being_synced(database: Database) -> None:
    with database.write() as connection:
        (old,) = add_placements(connection, str(OLD))
        inventory.replace(connection, old, [InventoryItem(MOVED, "v1", wanted=False, left_by="s:p")])
        assert runs.create(connection, new_run(old, str(OLD)), now=NOW)
    with database.read() as connection:
        found = moves.keeper(connection, OLD, {MOVED})
        assert moves.keeper(connection, NEW, {MOVED}) is None
    assert found is not None
    assert (found.running, found.desired, found.items[MOVED].left_by) == (False, None, "s:p")
    with database.write() as connection:
        made = connection.execute(select(RunRow.id)).scalar_one()
        assert runs.claim(connection, RunId(made), worker="w", lease=LEASE, now=NOW)
    with database.write() as connection:
        moves.hold_still(connection, OLD)
        found = moves.keeper(connection, OLD, {MOVED})
    assert found is not None
    assert found.running


def test_those_who_planned_await_or_asked_for_an_object_are_its_takers(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        assert moves.takers(connection, OLD, [MOVED], COUNTS) == {}
        inventory.replace(connection, new, [InventoryItem(MOVED, "v1", wanted=False)])
        assert moves.takers(connection, OLD, [MOVED], COUNTS) == {}, "it does not want it either"
        inventory.replace(connection, new, [InventoryItem(MOVED, "v1")])
        assert moves.takers(connection, OLD, [MOVED], COUNTS) == {MOVED: NEW}
        inventory.forget(connection, new, [MOVED])
        assert runs.create(connection, new_run(new, str(NEW)), now=NOW)
        connection.execute(update(RunRow).values(state="waiting", awaits=[str(MOVED)]))
        assert moves.takers(connection, OLD, [MOVED], COUNTS) == {MOVED: NEW}
        connection.execute(update(RunRow).values(awaits=None))
        payload = {"from": str(OLD), "objects": [str(MOVED)], "revision": "s:p"}
        approvals.ask(connection, ApprovalKind.MOVE, str(NEW), payload=payload, reason="r", now=NOW)
        assert moves.takers(connection, OLD, [MOVED], COUNTS) == {MOVED: NEW}
        assert moves.takers(connection, NEW, [MOVED], COUNTS) == {}
        assert moves.takers(connection, OLD, [replace(MOVED, name="other")], COUNTS) == {}


def test_a_placement_is_pending_until_it_has_looked_at_its_wanted_revision(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        assert [one.resolved for one in moves.pending(connection, OLD)] == [False]
        connection.execute(update(PlacementRow).values(**DESIRED))
        assert [(one.ref, one.resolved, one.desired_at) for one in moves.pending(connection, OLD)] == [(NEW, True, NOW)]
        kept: tuple[tuple[dict[str, Any], list[str]], ...] = (
            ({"hindrance": "blocked"}, ["is held up (blocked)"]),
            ({"paused_by": "me"}, ["is paused by me"]),
            ({"failures": 1, "failure_code": "a.b"}, ["failed at its wanted revision (a.b)"]),
            ({"state": "retained"}, []),
        )
        for held, why in kept:
            before = connection.begin_nested()
            connection.execute(update(PlacementRow).values(**held))
            assert [one.why for one in moves.pending(connection, OLD)] == why
            before.rollback()
        assert runs.create(connection, new_run(new, str(NEW)), now=NOW)
        assert len(moves.pending(connection, OLD)) == 1
        connection.execute(update(RunRow).values(error_code=moves.CLAIMED))
        assert moves.pending(connection, OLD) == (), "only what it removes is left of it"
        connection.execute(update(RunRow).values(state="waiting", error_code=""))
        assert moves.pending(connection, OLD) == ()
        assert moves.desired_at(connection, new) == NOW < NOW + SECOND
