"""Objects that move between the placements of a cluster: what SQL and the registry say of it, for one attempt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from common.domain import formatting
from common.domain.approvals import ApprovalKind
from common.domain.codes import CauseReason, ObjectReason
from common.domain.fleet import Fleet, Placement, SyncSettings
from common.domain.inventory import HookState, InventoryItem
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import Trigger
from common.domain.status import Reason
from common.domain.tenant import owner_of
from common.snapshots import NoFleetError, Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, findings, inventory, moves
from common.store.state.approvals import Approval
from common.store.state.findings import NewFinding
from common.store.state.moves import Keeper, Pending
from workers.record.unread import Unread, able_to_take, seen_of, unread
from workers.sync.errors import UnsettledError
from workers.sync.objects.moving import Claims, Held, Hold, Owner, held_by, left_by

T = TypeVar("T")


class _NotMetError(Exception):
    """A former fleet has to be read before the transaction, which did nothing."""

    def __init__(self, snapshot_id: int) -> None:
        super().__init__(snapshot_id)
        self.snapshot_id = snapshot_id


class Moves:
    """What one attempt may take over, and what others want of it.

    Args:
        database: where it is written.
        run: as claimed.
        fleet: in force.
        snapshots: former fleets: in which project an application was that is gone.
        looked: the last revision that the placement's wanted objects were noted for.
    """

    def __init__(self, database: Database, run: ClaimedRun, fleet: Fleet, snapshots: Snapshots, *, looked: str) -> None:
        self._database = database
        self._run = run
        self._fleet = fleet
        self._snapshots = snapshots
        self._former: dict[int, Fleet | None] = {}
        self.has_looked = run.revision is None or looked == left_by(run.revision.identity)
        """Whether all that the revision renders was noted before."""
        application = fleet.applications.get(run.ref.application)
        moved = application.moved_from if application is not None else ""
        self.former = PlacementRef(run.ref.cluster, moved) if moved else None
        """The placement that had its name before."""

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return what another placement says to each object; nothing where there is none of that name."""

        def read() -> Mapping[ObjectId, Held]:
            with self._database.read() as connection:
                return self._held(connection, owner, objects)[1]

        return self.met(read)

    def met(self, transaction: Callable[[], T]) -> T:
        """Return what a transaction gives; a former fleet that it needs is read after it, and it begins again."""
        while True:
            try:
                return transaction()
            except _NotMetError as missing:
                try:
                    known = self._snapshots.fleet(self._database, missing.snapshot_id)
                except NoFleetError:
                    known = None
                self._former[missing.snapshot_id] = known

    def take(self, connection: Connection, taken: Mapping[ObjectId, PlacementRef]) -> None:
        """Take objects out of the inventories of other placements, in the transaction that makes them ours.

        Raises:
            UnsettledError: one of them is not released any more.
        """
        for owner in sorted(set(taken.values())):
            objects = sorted(one for one, ref in taken.items() if ref == owner)
            moves.hold_still(connection, owner)
            keeper, held = self._held(connection, owner, objects)
            kept = [one for one in objects if one not in held or held[one].hold is not Hold.FREE]
            if keeper is None or kept:
                message = f"{owner} no longer releases {(kept or objects)[0]}"
                raise UnsettledError(message)
            inventory.forget(connection, keeper.id, objects)
            self._use_up(connection, owner)
            self._log(connection, owner, objects)

    def renders(self, connection: Connection, objects: Collection[ObjectId], owned: Collection[ObjectId]) -> None:
        """Note all that the run's revision renders; those who waited to know it try again at once.

        Args:
            connection: of the transaction.
            objects: all of it.
            owned: what of it the placement is known to own.
        """
        run, new = self._run, set(objects).difference(owned)
        if run.revision is None or not moves.note_rendered(connection, run.placement_id, self._revision, new):
            return
        # As of when it began: whoever tries later than that anyway is due by now.
        moves.look_again(connection, run.ref, now=run.claimed_at)

    def inherit(
        self, connection: Connection, former: PlacementRef, objects: Collection[ObjectId]
    ) -> tuple[InventoryItem, ...]:
        """Return what the placement of the former name left and we do not render, which is ours from now on."""
        moves.hold_still(connection, former)
        found = moves.retained(connection, former)
        project = self._own_project()
        if found is None or not project:
            return ()
        if self._owner(former, found) != project:
            return ()
        left = tuple(_inherited(item) for item in found.items.values() if item.object not in objects)
        if left:
            inventory.forget(connection, found.id, [item.object for item in left])
            inventory.replace(connection, self._run.placement_id, left)
            self._log(connection, former, [item.object for item in left])
        return left

    def claims(self, objects: Sequence[ObjectId]) -> Claims:
        """Return what others want of objects of ours that are about to be removed."""
        mine = self._run.ref
        fleet = self._snapshots.in_force(self._database)[1]
        project = self.met(self._own_project)
        able = able_to_take(fleet, mine, project)
        with self._database.read() as connection:
            takers = moves.takers(connection, mine, objects)
            seen = seen_of(connection, mine, able)
            since = moves.desired_at(connection, self._run.placement_id)
            bound = moves.waited_until(connection, self._run.placement_id)
            now = self._database.now(connection)
        found = unread(seen, fleet, mine, project)
        if not found:
            return Claims(takers)
        if found[0].may_take:
            self._have_it_read(found[0], fleet.placement(found[0].ref))
            until = (bound or now + self._deadline) if found[0].broken else None
            if until is None or now < until:
                return Claims(takers, found[0].reason, until)
        # Of another project: only what may come of the same commit, and not for longer than a sync may take.
        late = next((one for one in found if _late(one.pending, since)), None)
        until = None if since is None else since + self._deadline
        if late is None or until is None or now >= until:
            return Claims(takers)
        return Claims(takers, late.reason, until)

    def _have_it_read(self, one: Unread, placement: Placement | None) -> None:
        """Ask for a look at what a placement that nothing is written to now would do: that is always allowed."""
        known = one.pending
        if known is None or not known.stands or placement is None:
            return
        cause = Reason(CauseReason.TAKE_OVER, {"placement": str(self._run.ref)})
        asked = NewFinding(known.id, Trigger.CHECK, cause)
        with self._database.write() as connection:
            now = self._database.now(connection)
            findings.file(connection, [asked], pool=placement.cluster.pool, now=now)

    def _held(
        self, connection: Connection, owner: PlacementRef, objects: Sequence[ObjectId]
    ) -> tuple[Keeper | None, Mapping[ObjectId, Held]]:
        keeper = moves.keeper(connection, owner, set(objects))
        if keeper is None:
            return None, {}
        facts = Owner(owner, keeper.state, keeper.desired, keeper.applied, running=keeper.running)
        found = {one: held_by(facts, keeper.items.get(one)) for one in objects}
        theirs = self._owner(owner, keeper)
        mine = self._project(self._run.ref.application, self._run.snapshot_id)
        if theirs == mine:
            return keeper, found
        free = [one for one, held in found.items() if held.hold is Hold.FREE]
        allowed = self._approved(connection, owner) if free else frozenset()
        asks = Reason(ObjectReason.OWNER_ASKED, {"owner": str(owner), "project": theirs})
        asked = {one: Held(Hold.ASK, asks, found[one].item) for one in free if one not in allowed}
        return keeper, found | asked

    def _approved(self, connection: Connection, owner: PlacementRef) -> frozenset[ObjectId]:
        """Return what a person allowed this revision to take over."""
        return frozenset(
            ObjectId.parse(text) for one in self._granted(connection, owner) for text in one.payload["objects"]
        )

    def _granted(self, connection: Connection, owner: PlacementRef) -> tuple[Approval, ...]:
        return tuple(
            one
            for one in approvals.approved(connection, ApprovalKind.MOVE)
            if one.subject == str(self._run.ref)
            and (one.payload["from"], one.payload["revision"]) == (str(owner), self._revision)
        )

    def _use_up(self, connection: Connection, owner: PlacementRef) -> None:
        """Close what was allowed and is all taken: it allows nothing again later."""
        granted = self._granted(connection, owner)
        objects = {ObjectId.parse(text) for one in granted for text in one.payload["objects"]}
        keeper = moves.keeper(connection, owner, objects) if granted else None
        left = keeper.items if keeper is not None else {}
        used = [one.id for one in granted if not any(ObjectId.parse(text) in left for text in one.payload["objects"])]
        approvals.use_up(connection, used)

    @property
    def _revision(self) -> str:
        return left_by(self._run.revision.identity) if self._run.revision is not None else ""

    @property
    def _deadline(self) -> timedelta:
        placement = self._fleet.placement(self._run.ref)
        return (placement.sync if placement is not None else SyncSettings()).deadline

    def _log(self, connection: Connection, owner: PlacementRef, objects: Sequence[ObjectId]) -> None:
        detail = {"from": str(owner), "objects": [str(one) for one in objects], "run": self._run.attempt.run}
        now = self._database.now(connection)
        audit.append(connection, Deed("flotilla", "move", str(self._run.ref), self._run.project, detail), now=now)

    def _own_project(self) -> str:
        return self._project(self._run.ref.application, self._run.snapshot_id)

    def _owner(self, ref: PlacementRef, keeper: Keeper) -> str:
        """Return which project a placement's objects belong to: who has its name by now need not be who wrote them."""
        owner = owner_of(keeper.tenant, self._fleet.projects)
        return owner or self._project(ref.application, keeper.snapshot_id)

    def _project(self, application: str, snapshot_id: int | None) -> str:
        """Return in which project an application is, or was at its last run; empty where nobody knows."""
        known = self._fleet.applications.get(application)
        if known is None and snapshot_id is not None:
            if snapshot_id not in self._former:
                raise _NotMetError(snapshot_id)
            former = self._former[snapshot_id]
            known = former.applications.get(application) if former is not None else None
        return "" if known is None else known.project


def _inherited(item: InventoryItem) -> InventoryItem:
    """Return a former owner's row as its heir's: to be pruned, unless that renders the object."""
    return replace(item, wanted=False, left_by="", hook_run="", hook_state=HookState.NONE, hook_stage="")


def _late(one: Pending | None, since: datetime | None) -> bool:
    """Return whether a placement is about to look at a revision that may have come with ours."""
    if one is None or one.desired_at is None or one.why:
        return False
    return since is None or one.desired_at >= since


def payloads(asks: Mapping[ObjectId, PlacementRef], run: ClaimedRun) -> list[dict[str, object]]:
    """Return what exactly a person is asked to allow, owner by owner: these objects, to this revision."""
    revision = left_by(run.revision.identity) if run.revision is not None else ""
    owners = sorted(set(asks.values()))
    objects = {owner: sorted(str(one) for one, ref in asks.items() if ref == owner) for owner in owners}
    return [{"from": str(owner), "objects": objects[owner], "revision": revision} for owner in owners]


def rejected(connection: Connection, asks: Mapping[ObjectId, PlacementRef], run: ClaimedRun) -> str:
    """Return who rejected what a run is to ask for, and why; empty where nobody did, or where a person asks again."""
    if run.trigger is Trigger.MANUAL:
        return ""
    for asked in payloads(asks, run):
        no = approvals.rejected(connection, ApprovalKind.MOVE, str(run.ref), asked)
        if no is not None:
            why = f": {no.decision_reason}" if no.decision_reason else ""
            objects = formatting.of(len(asks), "object")
            return f"{no.decided_by} rejected the move{why} ({objects} of {asked['from']}); `flotilla sync` asks again"
    return ""
