"""Objects that move between the placements of a cluster: what SQL and the registry say of it, for one attempt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from common.db import approvals, audit, inventory, moves
from common.db.approvals import ApprovalState
from common.db.connection import Connection
from common.db.moves import Keeper, Pending
from common.db.runs import ClaimedRun
from common.db.session import Database
from common.domain import numbers
from common.domain.fleet import Fleet
from common.domain.refs import ObjectId, PlacementRef
from common.domain.runs import Trigger
from common.snapshots import NoFleetError, Snapshots
from workers.sync.errors import UnsettledError
from workers.sync.moving import Claims, Held, Hold, Owner, held_by, left_by

_COUNTS = frozenset({ApprovalState.OPEN, ApprovalState.APPROVED})


class Moves:
    """What one attempt may take over, and what others want of it.

    Args:
        database: where it is written.
        run: as claimed.
        fleet: in force.
        snapshots: former fleets: in which project an application was that is gone.
    """

    def __init__(self, database: Database, run: ClaimedRun, fleet: Fleet, snapshots: Snapshots) -> None:
        self._database = database
        self._run = run
        self._fleet = fleet
        self._snapshots = snapshots

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return what another placement says to each object; nothing where there is none of that name."""
        with self._database.read() as connection:
            return self._held(connection, owner, objects)[1]

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
            detail = {"from": str(owner), "objects": [str(one) for one in objects], "run": self._run.attempt.run}
            now = self._database.now(connection)
            audit.append(
                connection, actor="flotilla", action="move", subject=str(self._run.ref), detail=detail, now=now
            )

    def claims(self, objects: Sequence[ObjectId]) -> Claims:
        """Return what others want of objects of ours that are about to be removed."""
        mine = self._run.ref
        with self._database.read() as connection:
            takers = moves.takers(connection, mine, objects, _COUNTS)
            since = moves.desired_at(connection, self._run.placement_id)
            found = moves.pending(connection, mine)
            project = self._project(connection, mine.application, self._run.snapshot_id)
        for one in found:
            if one.ref not in takers.values() and self._may_take(one, project, since):
                why = one.why or "has not looked at its wanted revision yet"
                return Claims(takers, f"{one.ref} {why}, and may take it over")
        return Claims(takers)

    def _may_take(self, one: Pending, project: str, since: object) -> bool:
        application = self._fleet.applications.get(one.ref.application)
        if application is None:
            return False
        if application.moved_from == self._run.ref.application:
            return True
        late = one.desired_at is not None and (since is None or one.desired_at >= since)  # type: ignore[operator]
        return one.resolved and late and application.project == project

    def _held(
        self, connection: Connection, owner: PlacementRef, objects: Sequence[ObjectId]
    ) -> tuple[Keeper | None, Mapping[ObjectId, Held]]:
        keeper = moves.keeper(connection, owner, set(objects))
        if keeper is None:
            return None, {}
        facts = Owner(owner, keeper.state, keeper.desired, keeper.applied, running=keeper.running)
        found = {one: held_by(facts, keeper.items.get(one)) for one in objects}
        theirs = self._project(connection, owner.application, keeper.snapshot_id)
        mine = self._project(connection, self._run.ref.application, self._run.snapshot_id)
        if theirs == mine:
            return keeper, found
        free = [one for one, held in found.items() if held.hold is Hold.FREE]
        allowed = self._approved(connection, owner) if free else frozenset()
        words = f"{owner} of project {theirs or 'that is not known'} owns it: waits for an approval to take it over"
        asked = {one: Held(Hold.ASK, words, found[one].item) for one in free if one not in allowed}
        return keeper, found | asked

    def _approved(self, connection: Connection, owner: PlacementRef) -> frozenset[ObjectId]:
        """Return what a person allowed this revision to take over."""
        wanted = payload(owner, (), self._run)
        granted = [
            one.payload["objects"]
            for one in approvals.approved(connection, approvals.ApprovalKind.MOVE)
            if one.subject == str(self._run.ref)
            and (one.payload["from"], one.payload["revision"]) == (wanted["from"], wanted["revision"])
        ]
        return frozenset(ObjectId.parse(text) for objects in granted for text in objects)

    def _project(self, connection: Connection, application: str, snapshot_id: int | None) -> str:
        """Return in which project an application is, or was at its last run; empty where nobody knows."""
        known = self._fleet.applications.get(application)
        if known is None and snapshot_id is not None:
            try:
                known = self._snapshots.fleet(connection, snapshot_id).applications.get(application)
            except NoFleetError:
                return ""
        return "" if known is None else known.project


def payload(owner: PlacementRef, objects: Iterable[ObjectId], run: ClaimedRun) -> dict[str, object]:
    """Return what exactly a person is asked to allow: these objects, to this revision."""
    revision = left_by(run.revision.identity) if run.revision is not None else ""
    return {"from": str(owner), "objects": sorted(map(str, objects)), "revision": revision}


def rejected(connection: Connection, asks: Mapping[ObjectId, PlacementRef], run: ClaimedRun) -> str:
    """Return who rejected what a run is to ask for, and why; empty where nobody did, or where a person asks anew."""
    if run.trigger is Trigger.MANUAL:
        return ""
    for owner in sorted(set(asks.values())):
        asked = payload(owner, [one for one, ref in asks.items() if ref == owner], run)
        no = approvals.rejected(connection, approvals.ApprovalKind.MOVE, str(run.ref), asked)
        if no is not None:
            why = f": {no.decision_reason}" if no.decision_reason else ""
            objects = numbers.of(len(asks), "object")
            return f"{no.decided_by} rejected the move{why} ({objects} of {owner}); `flotilla sync` asks again"
    return ""
