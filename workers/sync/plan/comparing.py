"""The objects of one step compared together: what is unchanged, what must wait for others, and what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from common.domain.changes import Action
from common.domain.codes import ObjectReason
from common.domain.foreign import foreign
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.concurrent import each
from workers.sync.errors import SilentGroupError, UnboundError
from workers.sync.objects.controlled import scaled_by
from workers.sync.objects.live import Kind, LiveMeta
from workers.sync.objects.moving import Held, Hold
from workers.sync.objects.ordering import CRD, NAMESPACE, kind_key
from workers.sync.plan.differ import Differ
from workers.sync.plan.normalise import Wanted
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.postponing import explained_by
from workers.sync.ports import Ports
from workers.sync.requests import SyncRequest
from workers.sync.results import Fight
from workers.sync.sweep import last_manager

_FIRST = (NAMESPACE, CRD)
"""Compared before the rest: they tell which objects cannot be dry-run yet."""


class Comparing:
    """Compares the objects of one attempt, step by step.

    Args:
        request: whose objects they are.
        ports: the outside.
        objects: all of them; hooks are compared elsewhere.
        arriving: kinds that only a manifest defines so far.
    """

    def __init__(
        self, request: SyncRequest, ports: Ports, objects: Sequence[Wanted], arriving: frozenset[Kind] = frozenset()
    ) -> None:
        self._request = request
        self._ports = ports
        self._objects = objects
        self._arriving = arriving
        self._listed: Mapping[ObjectId, LiveMeta] = {}
        self._wrote: list[Wanted] = []
        scaled = scaled_by((one.object, one.manifest) for one in objects)
        self.differ = Differ(request, ports.cluster, scaled)
        self.waiting: dict[ObjectId, SilentGroupError | UnboundError] = {}
        """Why objects must wait: their API group does not answer, or they are not ready for the change. What follows
        them in order is held back too."""
        self.fights: list[Fight] = []
        """Objects that differ and are left alone for now."""
        self.taken: dict[ObjectId, PlacementRef] = {}
        """Objects that another placement releases: they go to this one before the first write."""

    @property
    def listable(self) -> list[Wanted]:
        """The objects whose kinds a LIST can be asked for."""
        # The inventory may well hold objects of a kind that arrives: in an older version, or from before somebody
        # deleted its definition. Nothing serves a LIST of it yet.
        return [one for one in self._objects if one.target.kind not in self._arriving]

    def found(self, listed: Mapping[ObjectId, LiveMeta]) -> None:
        """Take in what LISTs say of objects that the inventory holds; who is not among them need not be absent."""
        self._listed = listed

    def wrote(self, plans: Iterable[PlannedObject]) -> None:
        """Take in what a step created or changed: it may explain what is refused later."""
        self._wrote += (one.wanted for one in plans if one.to_write)

    def plans(self, wanted: Sequence[Wanted]) -> list[PlannedObject]:
        """Return what is planned for the objects of one step, but for those that must wait.

        Raises:
            TransientError: the cluster could not say.
            UnauthorisedError: it knows us no longer.
        """
        found: dict[ObjectId, PlannedObject] = {}

        def decide(one: Wanted) -> None:
            try:
                found[one.object] = self._decided(one)
            except (SilentGroupError, UnboundError) as error:
                self.waiting[one.object] = error

        first = [one for one in wanted if (one.object.group, one.object.kind) in _FIRST]
        each(self._ports.executor, decide, first)
        new = {one.object.name for one in first if one.object in found and found[one.object].action is Action.CREATED}
        rest = []
        for one in wanted:
            if one.object in found or one.object in self.waiting:
                continue
            if why := self._not_there_yet(one, new):
                found[one.object] = self.differ.create_unchecked(one, why)
            else:
                rest.append(one)
        each(self._ports.executor, decide, rest)
        compared = self._asked(self._postponed([found[one.object] for one in wanted if one.object in found]))
        return [self._held_back(planned) for planned in compared]

    def within_reach(self, plans: Sequence[PlannedObject]) -> Sequence[PlannedObject]:
        """Return what is planned for the objects that come, in order, before everything that must wait."""
        if not self.waiting:
            return plans
        end = min(map(kind_key, self.waiting))
        return [one for one in plans if kind_key(one.wanted.object) < end]

    def give_up_waiting(self) -> None:
        """Return if nothing must wait.

        Raises:
            TransientError: one has not, or an object waits; what comes before it is written.
        """
        for error in self.waiting.values():
            raise error

    def _held_back(self, planned: PlannedObject) -> PlannedObject:
        """Return the plan, without a write where somebody keeps changing the object back and its time is not up."""
        until = self._request.held.get(planned.wanted.object)
        if until is None or not planned.to_write:
            return planned
        meta = planned.live.meta if planned.live is not None else self._listed.get(planned.wanted.object)
        manager = last_manager(meta) if meta is not None else ""
        self.fights.append(Fight(planned.wanted.object, manager, until))
        return replace(planned, action=Action.SKIPPED, detail=foreign(ObjectReason.FIGHT, manager=manager))

    def _asked(self, plans: Sequence[PlannedObject]) -> list[PlannedObject]:
        """Return the plans, those on other placements' objects with what their owners say."""
        theirs: dict[PlacementRef, list[ObjectId]] = {}
        for one in plans:
            if one.holder is not None:
                theirs.setdefault(one.holder, []).append(one.wanted.object)
        held = {holder: self._ports.journal.held(holder, objects) for holder, objects in theirs.items()}
        return [one if one.holder is None else self._answered(one, held[one.holder]) for one in plans]

    def _answered(self, planned: PlannedObject, held: Mapping[ObjectId, Held]) -> PlannedObject:
        object_id, holder = planned.wanted.object, planned.holder
        answer = held.get(object_id)
        if answer is None or holder is None:
            return planned
        if answer.hold is not Hold.FREE:
            return replace(planned, hold=answer.hold, detail=answer.reason)
        self.differ.release(object_id, holder, answer.item)
        self.taken[object_id] = holder
        return self.differ.compare(planned.wanted)

    def _decided(self, one: Wanted) -> PlannedObject:
        return self.differ.unchanged(one, self._listed.get(one.object)) or self.differ.compare(one)

    def _not_there_yet(self, wanted: Wanted, new_namespaces: set[str]) -> Reason:
        if wanted.target.kind in self._arriving:
            return Reason(ObjectReason.KIND_COMES)
        return Reason(ObjectReason.NAMESPACE_COMES) if wanted.object.namespace in new_namespaces else NONE

    def _postponed(self, plans: Sequence[PlannedObject]) -> list[PlannedObject]:
        """Return the plans, with those to be compared again that something written before may explain."""
        here = [one.wanted for one in plans if one.to_write or one.error is not None]

        def again(planned: PlannedObject) -> PlannedObject:
            if planned.error is None:
                return planned
            turn = kind_key(planned.wanted.object)
            before = (one for one in here if kind_key(one.object) < turn)
            until = explained_by(planned.wanted, planned.error, chain(self._wrote, before))
            return planned if until is None else self.differ.postponed(planned, until)

        return [again(one) for one in plans]
