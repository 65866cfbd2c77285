"""What was done to objects, what led to runs and what to do about faults: codes with parameters, read in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from common.domain.changes import Action, Change
from common.domain.codes import CauseReason, FaultReason, ObjectReason
from common.domain.holds import Hold, Leftover
from common.domain.inventory import InventoryItem
from common.domain.reasons import sentence, together
from common.domain.refs import ObjectId, PlacementRef, RunId
from common.domain.rights import ALL
from common.domain.runs import AttemptOutcome, Trigger
from common.domain.secrecy import Secrets
from common.domain.status import NONE, Reason
from common.store.engine import upgrade
from common.store.engine.session import Database
from common.store.queue import attempts, results, runs
from common.store.queue.attempts import AttemptEnding
from common.store.queue.runs import ClaimedRun
from common.store.reads import fleet as fleet_reads
from common.store.reads import leftovers as leftover_reads
from common.store.reads import placements as placement_reads
from common.store.reads import runs as run_reads
from common.store.reads.runs import RunDetail
from common.store.schema.tables import FaultRow, ObjectResultRow, PlacementRow
from common.store.state import faults, inventory, orphans
from common.store.state.faults import StoredFault
from tests.integration.db.rows import LEASE, NOW, add_placements, new_run

BEFORE = "0033"
MAP, OTHER = (ObjectId("", "ConfigMap", "shop", name) for name in "ab")
REF = PlacementRef("eu", "web")
KEPT = Reason(ObjectReason.KEPT, {"why": {"code": ObjectReason.OWNED_NOW, "params": {"owner": "eu/bank"}}})
NO_RIGHT = Reason("cluster.forbidden", {"message": "no right", "remedy": "ask for it"})
MANAGERS = Reason(ObjectReason.RECLAIMED, {"managers": ["kubectl-edit"]})


def _run(database: Database, cause: Reason, *changes: Change, trigger: Trigger = Trigger.DRIFT) -> RunDetail:
    """Return a run of a placement that is there, ended with these changes, as the console reads it."""
    with database.write() as connection:
        new = replace(new_run(1, str(REF), trigger=trigger), cause=cause)
        made = runs.create(connection, new, now=NOW)
        assert made is not None
        claimed = runs.claim(connection, made, worker="w", lease=LEASE, now=NOW)
        assert isinstance(claimed, ClaimedRun)
        assert claimed.cause == cause, "a worker reads it as it was written"
        results.append(connection, claimed.attempt, changes, first=0)
        attempts.end_attempt(connection, claimed.attempt, AttemptEnding(AttemptOutcome.SUCCEEDED), now=NOW)
    return _read(database, claimed)


def _read(database: Database, claimed: ClaimedRun) -> RunDetail:
    with database.read() as connection:
        found = run_reads.run(connection, ALL, claimed.attempt.run)
    assert found is not None
    return found


def test_what_was_done_and_why_is_read_as_code_parameters_and_words(database: Database) -> None:
    with database.write() as connection:
        add_placements(connection, str(REF))
    both = together(Reason(ObjectReason.ADOPTED), MANAGERS)
    cause = Reason(CauseReason.ASKED, {"why": "to see"})
    seen = _run(database, cause, Change(MAP, Action.CONFIGURED, both), Change(MAP, Action.FAILED, NO_RIGHT))
    assert (seen.run.cause, seen.run.cause_code, seen.run.cause_params) == ("to see", cause.code, cause.params)
    assert [(one.detail, one.detail_code) for one in seen.objects] == [
        ("adopted; reclaimed from kubectl-edit", ObjectReason.SEVERAL),
        ("no right. Ask for it.", "cluster.forbidden"),
    ]
    assert seen.objects[1].detail_params == NO_RIGHT.params


def test_why_an_object_stays_is_read_as_it_was_written(database: Database) -> None:
    item = InventoryItem(MAP, "v1", wanted=False, refused=KEPT)
    with database.write() as connection:
        (placement,) = add_placements(connection, str(REF))
        inventory.replace(connection, placement, [replace(item, refused=NO_RIGHT)])
        inventory.replace(connection, placement, [item])
        assert inventory.of(connection, placement) == (item,)
        (one,) = placement_reads.objects(connection, ALL, REF)
        (left,) = leftover_reads.leftovers(connection, ALL).items
    assert (one.refused_code, one.refused_params) == (KEPT.code, KEPT.params)
    assert one.refused == left.why == "not removed: owned by eu/bank"
    assert (left.why_code, left.why_params) == (KEPT.code, KEPT.params)
    with database.write() as connection:
        inventory.replace(connection, placement, [replace(item, refused=NONE)])
        assert inventory.of(connection, placement)[0].refused == NONE


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("placed", Leftover.WAITS, "it waits to be removed"),
        ("leaving", Leftover.LEAVES, "its placement is being removed"),
        ("retained", Leftover.RETAINED, "its placement is retained: blocked: the cluster is unknown"),
        ("left", ObjectReason.PROTECTED, "a ConfigMap is removed only with flotilla.dev/prune: allow"),
    ],
)
def test_why_an_object_is_there_still_is_a_code_that_is_read_in_words(
    database: Database, state: str, code: str, words: str
) -> None:
    with database.write() as connection:
        (placement,) = add_placements(connection, str(REF))
        inventory.replace(connection, placement, [InventoryItem(MAP, "v1", wanted=False)])
        held = {"hold_code": Hold.CLUSTER_UNKNOWN} if state == "retained" else {}
        connection.execute(update(PlacementRow).values(state=state, **held))
        orphans.replace(connection, "eu", [(OTHER, REF)], now=NOW)
        orphan, left = leftover_reads.leftovers(connection, ALL).items
    assert (left.why_code, left.why, left.owned) == (code, words, True)
    assert (orphan.why_code, orphan.why, orphan.owned) == (Leftover.ORPHAN, "no inventory holds it", False)


def test_no_secret_is_left_in_a_parameter_at_any_depth() -> None:
    secret = "s3cret-that-was-decrypted"
    inner = Reason(ObjectReason.RECLAIMED, {"managers": [f"by {secret}"], secret: {"of": [secret]}})
    told = Secrets([secret]).masked_reason(together(Reason("x", {"message": f"'{secret}' is wrong"}), inner))
    assert secret not in f"{told}{sentence(told)}"
    assert told.code == ObjectReason.SEVERAL


def test_what_to_do_about_a_fault_comes_from_its_code_or_with_its_words(database: Database) -> None:
    words = {"message": "it is broken", "remedy": "mend it"}
    with database.write() as connection:
        orphans.replace(connection, "eu", [(MAP, REF)], now=NOW)
        faults.replace(connection, "registry", [StoredFault("registry.fault", words, project="")], now=NOW)
        faults.replace(
            connection,
            "registry",
            [StoredFault("registry.fault", words | {"remedy": "mend it well"}, project="")],
            now=NOW,
        )
        found = {one.code: one for one in fleet_reads.faults(connection, ALL).items}
    orphan, fault = found[FaultReason.ORPHAN], found["registry.fault"]
    assert (orphan.what, orphan.remedy.partition(",")[0]) == (
        f"{MAP} carries the mark of {REF}, which does not own it",
        "Delete it by hand",
    )
    assert (fault.what, fault.remedy) == ("it is broken", "mend it well"), "the same fault, with another way out"
    assert fault.params == words | {"remedy": "mend it well"}
    with database.write() as connection:
        faults.replace(connection, "registry", [], now=NOW)
        faults.replace(
            connection, "registry", [StoredFault("registry.fault", {"message": "it is broken"}, project="")], now=NOW
        )
        (again,) = (one for one in fleet_reads.faults(connection, ALL).items if one.code == "registry.fault")
    assert (again.what, again.remedy) == ("it is broken", ""), "it comes again, and nobody knows a way out any more"


def test_faults_of_the_same_words_in_one_file_are_each_kept_and_stay_the_same_when_lines_move(
    database: Database,
) -> None:
    def stored(*lines: int) -> list[tuple[int, bool]]:
        words = {"message": "the application names no project", "remedy": "set spec.project"}
        found = [StoredFault("registry.fault", words, project="", file="shop.yaml", line=line) for line in lines]
        with database.write() as connection:
            faults.replace(connection, faults.REGISTRY, found, now=NOW)
            rows = connection.execute(select(FaultRow.line, FaultRow.cleared_at).order_by(FaultRow.line, FaultRow.id))
            return [(line, cleared is None) for line, cleared in rows]

    assert stored(40, 17) == [(17, True), (40, True)]
    assert stored(19, 42) == [(19, True), (42, True)], "no new ones"
    assert stored(19) == [(19, True), (42, False)]


@pytest.mark.parametrize(
    ("trigger", "words", "code", "params"),
    [
        (Trigger.REVISION, "a new revision", CauseReason.NEW_REVISION, {}),
        (Trigger.LEAVING, "the placement leaves", CauseReason.LEAVES, {}),
        (Trigger.MANUAL, "a new revision", CauseReason.ASKED, {"why": "a new revision"}),
        (Trigger.MANUAL, "", "", {}),
        (Trigger.DRIFT, "1 object drifted: ConfigMap a was changed", "told", None),
    ],
)
def test_what_led_to_a_run_is_mapped_and_says_the_same(
    database: Database, trigger: Trigger, words: str, code: str, params: dict[str, str] | None
) -> None:
    with database.write() as connection:
        add_placements(connection, str(REF))
    made = _run(database, NONE, trigger=trigger).run.id
    upgrade.downgrade(database, BEFORE)
    with database.write() as connection:
        connection.execute(text("UPDATE runs SET cause = :words"), {"words": words})
    upgrade.upgrade(database)
    with database.read() as connection:
        (seen,) = run_reads.runs(connection, ALL, run_reads.RunFilter()).items
    assert (seen.id, seen.cause, seen.cause_code) == (made, words, code)
    assert seen.cause_params == ({"text": words} if params is None else params)


def test_what_was_done_and_what_to_do_are_mapped_and_say_the_same(database: Database) -> None:
    words = 'it was told; and "quoted" with ünïcode'
    with database.write() as connection:
        (placement,) = add_placements(connection, str(REF))
        inventory.replace(connection, placement, [InventoryItem(MAP, "v1", wanted=False, refused=KEPT)])
        orphans.replace(connection, "eu", [(MAP, REF)], now=NOW)
        faults.replace(
            connection, "registry", [StoredFault("a", {"message": "m", "remedy": words}, project="")], now=NOW
        )
        faults.replace(connection, "message", [StoredFault("b", {"message": "m"}, project="")], now=NOW)
    _run(database, NONE, Change(MAP, Action.ADOPTED, Reason(ObjectReason.ADOPTED)), Change(MAP, Action.FAILED, KEPT))
    with database.read() as connection:
        before = fleet_reads.faults(connection, ALL).items
        digests = set(connection.execute(select(FaultRow.digest)).scalars())
    upgrade.downgrade(database, BEFORE)
    with database.write() as connection:
        stored = connection.execute(text("SELECT detail FROM object_results ORDER BY ordinal")).scalars().all()
        assert stored == ["adopted", ObjectReason.KEPT], "words there were, else the code stands for itself"
        assert connection.execute(text("SELECT remedy FROM faults WHERE code = 'a'")).scalar_one() == words
        connection.execute(text("UPDATE object_results SET detail = :words WHERE ordinal = 1"), {"words": words})
        connection.execute(text("UPDATE inventory SET refused = :words"), {"words": words})
    upgrade.upgrade(database)
    with database.read() as connection:
        (one,) = placement_reads.objects(connection, ALL, REF)
        (id_,) = set(connection.execute(select(ObjectResultRow.run_id)).scalars())
        seen = run_reads.run(connection, ALL, RunId(id_))
        assert fleet_reads.faults(connection, ALL).items == before
        assert set(connection.execute(select(FaultRow.digest)).scalars()) == digests, "each stays the same fault"
    assert seen is not None
    assert [(each.detail_code, each.detail) for each in seen.objects] == [
        (ObjectReason.ADOPTED, "adopted"),
        ("told", words),
    ]
    assert (one.refused_code, one.refused_params, one.refused) == ("told", {"text": words}, words)
