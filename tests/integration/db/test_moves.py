"""Who owns an object that is to move, and who else wants it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from common.domain.approvals import OURS, ApprovalKind, ApprovalState
from common.domain.inventory import InventoryItem
from common.domain.reasons import sentence
from common.domain.refs import ObjectId, PlacementRef, RunId
from common.store.engine.session import Database
from common.store.queue import runs
from common.store.schema.tables import PlacementRow, RunRow
from common.store.state import approvals, inventory, moves, placement_sources
from common.store.state.approvals import Subject
from tests.factories import said
from tests.integration.db.rows import LEASE, NOW, REVISION, SECOND, add_placements, new_run

OLD, NEW = PlacementRef("eu", "old"), PlacementRef("eu", "new")
MOVED = ObjectId("", "ConfigMap", "shop", "moved")
WANTED = f"{REVISION.source_digest}:{REVISION.parameters_digest}"
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


def test_those_who_own_or_render_an_object_are_its_takers(database: Database) -> None:
    with database.write() as connection:
        old, new = add_placements(connection, str(OLD), str(NEW))
        assert moves.takers(connection, OLD, [MOVED]) == {}
        inventory.replace(connection, new, [InventoryItem(MOVED, "v1", wanted=False)])
        assert moves.takers(connection, OLD, [MOVED]) == {}, "it does not want it either"
        inventory.replace(connection, new, [InventoryItem(MOVED, "v1")])
        assert moves.takers(connection, OLD, [MOVED]) == {MOVED: NEW}
        inventory.forget(connection, new, [MOVED])
        connection.execute(update(PlacementRow).values(**DESIRED))
        assert not moves.note_rendered(connection, new, "other:revision", [MOVED])
        assert moves.takers(connection, OLD, [MOVED]) == {}, "of a revision that nobody wants any more"
        assert moves.note_rendered(connection, new, WANTED, [MOVED])
        assert moves.takers(connection, OLD, [MOVED]) == {MOVED: NEW}
        assert moves.takers(connection, NEW, [MOVED]) == {}
        assert moves.takers(connection, OLD, [replace(MOVED, name="other")]) == {}
        connection.execute(update(PlacementRow).where(PlacementRow.id == new).values(desired_source_digest="newer"))
        assert moves.takers(connection, OLD, [MOVED]) == {}
        assert old != new


def test_what_a_kind_that_is_not_served_may_be_in_no_namespace_is_taken_in_any(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        connection.execute(update(PlacementRow).values(**DESIRED))
        assert moves.note_rendered(connection, new, WANTED, [replace(MOVED, namespace="")])
        assert moves.takers(connection, OLD, [MOVED]) == {MOVED: NEW}


def test_what_a_person_refused_last_is_nobodys_to_take(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        connection.execute(update(PlacementRow).values(**DESIRED))
        assert moves.note_rendered(connection, new, WANTED, [MOVED])
        payload = {"from": str(OLD), "objects": [str(MOVED)], "revision": WANTED}
        for state, takers in ((ApprovalState.REJECTED, {}), (ApprovalState.APPROVED, {MOVED: NEW})):
            asked = approvals.ask(
                connection,
                ApprovalKind.MOVE,
                Subject(str(NEW), project="", asked_by=OURS),
                payload=payload,
                reason=said("r"),
                now=NOW,
            )
            assert moves.takers(connection, OLD, [MOVED]) == {MOVED: NEW}, "nobody has decided"
            assert approvals.decide(connection, asked, state, actor="me", reason="", now=NOW)
            assert moves.takers(connection, OLD, [MOVED]) == takers
        assert moves.takers(connection, replace(OLD, application="third"), [MOVED]) == {MOVED: NEW}


def test_what_arrived_is_no_longer_to_come(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        connection.execute(update(PlacementRow).values(**DESIRED))
        beside = replace(MOVED, name="beside")
        assert moves.note_rendered(connection, new, WANTED, [MOVED, beside])
        inventory.replace(connection, new, [InventoryItem(MOVED, "v1")])
        moves.note_arrived(connection, new)
        coming = select(PlacementRow.coming).where(PlacementRow.id == new)
        assert connection.execute(coming).scalar() == [str(beside)], "if-absent, and somebody else's"
        inventory.replace(connection, new, [InventoryItem(beside, "v1")])
        moves.note_arrived(connection, new)
        assert connection.execute(coming).scalar() is None


def test_requests_of_one_subject_stand_beside_each_other_and_a_no_is_to_its_own_payload(database: Database) -> None:
    first: dict[str, Any] = {"from": "eu/a", "objects": [], "revision": WANTED}
    second = first | {"from": "eu/b"}
    kind, subject = ApprovalKind.MOVE, str(NEW)
    with database.write() as connection:
        both = approvals.ask_each(
            connection,
            kind,
            Subject(subject, project="", asked_by=OURS),
            payloads=[first, second],
            reason=said("r"),
            now=NOW,
        )
        assert (
            approvals.ask_each(
                connection,
                kind,
                Subject(subject, project="", asked_by=OURS),
                payloads=[first, second],
                reason=said("r"),
                now=NOW,
            )
            == both
        )
        assert approvals.decide(connection, both[0], ApprovalState.REJECTED, actor="me", reason="no", now=NOW)
        assert approvals.decide(connection, both[1], ApprovalState.APPROVED, actor="me", reason="", now=NOW)
        assert approvals.rejected(connection, ApprovalKind.MOVE, str(NEW), first)
        assert approvals.rejected(connection, ApprovalKind.MOVE, str(NEW), second) is None
        third = approvals.ask(
            connection,
            kind,
            Subject(subject, project="", asked_by=OURS),
            payload={"from": "eu/c"},
            reason=said("r"),
            now=NOW,
        )
        approvals.close(connection, ApprovalKind.MOVE, str(NEW), now=NOW)
        states = [found.state for one in (*both, third) if (found := approvals.get(connection, one)) is not None]
    assert states == ["rejected", "done", "void"]


def test_a_placement_is_pending_until_it_has_looked_at_its_wanted_revision(database: Database) -> None:
    with database.write() as connection:
        _, new = add_placements(connection, str(OLD), str(NEW))
        assert [one.desired_at for one in moves.pending(connection, OLD)] == [None]
        assert placement_sources.desired(connection, new) is None
        connection.execute(update(PlacementRow).values(**DESIRED))
        assert [(one.ref, one.desired_at) for one in moves.pending(connection, OLD)] == [(NEW, NOW)]
        placement_sources.replace(connection, {new: REVISION.sources})
        assert placement_sources.desired(connection, new) == REVISION
        kept: tuple[tuple[dict[str, Any], list[tuple[str, bool]]], ...] = (
            ({"hold_code": "sync.manual"}, [("is held up (sync.mode is manual: waits for `flotilla sync`)", True)]),
            ({"paused_by": "me"}, [("is paused by me", True)]),
            ({"failures": 1, "failure_code": "a.b"}, [("failed at its wanted revision (a.b)", False)]),
            ({"state": "retained"}, []),
        )
        for held, why in kept:
            before = connection.begin_nested()
            connection.execute(update(PlacementRow).values(**held))
            assert [(sentence(one.why), one.stands) for one in moves.pending(connection, OLD)] == why
            before.rollback()
        assert moves.note_rendered(connection, new, WANTED, [])
        assert moves.pending(connection, OLD) == ()
        assert moves.desired_at(connection, new) == NOW < NOW + SECOND
