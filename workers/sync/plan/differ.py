"""What is to be done about one object: read, compared by dry-run, ownership and conflicts decided. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from common.domain.changes import Action
from common.domain.codes import ObjectReason
from common.domain.errors import PermanentError
from common.domain.fleet import ConflictPolicy, ExtraFields
from common.domain.foreign import foreign
from common.domain.inventory import HookState
from common.domain.reasons import nested, together
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.errors import (
    ConflictError,
    DryRunUnsupportedError,
    InvalidError,
    UnauthorisedError,
    UnsettledError,
    briefly,
    told,
)
from workers.sync.objects import controlled, marks
from workers.sync.objects.fieldset import FieldSet
from workers.sync.objects.fingerprint import fingerprint_like
from workers.sync.objects.live import Live, LiveMeta
from workers.sync.objects.marks import Owner, OwnerKind
from workers.sync.plan import adoption, by_hand, conflicts, ignore
from workers.sync.plan.diff import diff
from workers.sync.plan.ignore import Ignored
from workers.sync.plan.normalise import Wanted, digest_of
from workers.sync.plan.options import ApplyMode
from workers.sync.plan.planned import PlannedObject
from workers.sync.plan.remedies import WITH_DATA, explained, is_unbound_resize, new_object_helps, unbound
from workers.sync.ports import CREATE_ONLY, Applied, ClusterPort, InventoryItem, Ownership, Write
from workers.sync.requests import DryRuns, SyncRequest

COMPARISONS = 5
"""How often an object that changes meanwhile is compared again."""


class Differ:
    """Compares each object of one attempt with what is live, and plans what is to be done about it.

    Args:
        request: whose objects they are, and by which rules.
        cluster: is only read from and dry-run against.
        scaled: objects whose replicas an autoscaler of the same placement sets.
    """

    def __init__(self, request: SyncRequest, cluster: ClusterPort, scaled: Mapping[ObjectId, str]) -> None:
        self._request = request
        self._cluster = cluster
        self._scaled = scaled
        self._items = {item.object: item for item in request.inventory}
        self._released: dict[ObjectId, PlacementRef] = {}

    def item(self, object_id: ObjectId) -> InventoryItem | None:
        """Return what the inventory says about an object."""
        return self._items.get(object_id)

    def release(self, object_id: ObjectId, holder: PlacementRef, item: InventoryItem | None) -> None:
        """Take an object as ours from now on: its owner releases it, with what its inventory holds of it."""
        self._released[object_id] = holder
        if item is not None:
            self._items[object_id] = replace(item, hook_run="", hook_state=HookState.NONE, hook_stage="")

    def _owner(self, wanted: Wanted, meta: LiveMeta) -> Owner:
        """Return whose an object is; what SQL says was moved to us is ours, whatever mark it still carries."""
        owner = marks.owner_of(meta, wanted.object, wanted.mark)
        item = self._items.get(wanted.object)
        moved = wanted.object in self._released or (item is not None and item.uid == meta.uid != "")
        return Owner(OwnerKind.OURS, owner.name) if owner.kind is OwnerKind.OTHERS and moved else owner

    def ignored(self, wanted: Wanted) -> Ignored:
        """Return which fields of an object are left to others."""
        ignored = ignore.ignored_in(wanted.object, self._request.settings.ignore, self._scaled)
        return ignored.beside(controlled.left_in(wanted.object, wanted.manifest))

    def by_hand(self, wanted: Wanted, meta: LiveMeta) -> FieldSet | None:
        """Return what people added to an object of ours and Git does not have; None where that is nothing."""
        if wanted.options.apply is not ApplyMode.FULL:
            return None
        return by_hand.added(meta, self.ignored(wanted).pointers)

    def digest(self, wanted: Wanted) -> str:
        """Return what identifies the wanted state: the manifest, and which fields of it count."""
        ignored = self.ignored(wanted)
        removes = self._request.settings.extra_fields is ExtraFields.REMOVE
        if not ignored and not removes:
            return wanted.digest
        given: dict[str, Any] = {"manifest": wanted.digest, "ignored": ignored.pointers}
        given |= {"managers": ignored.managers} if ignored.managers else {}
        return digest_of(given | ({"extra": ExtraFields.REMOVE} if removes else {}), None)

    def unchanged(self, wanted: Wanted, listed: LiveMeta | None) -> PlannedObject | None:
        """Return the plan that takes no request to make: neither the object nor what is wanted changed."""
        item = self._items.get(wanted.object)
        asked = self._request.dry_runs is DryRuns.ALL or wanted.object in self._request.fenced
        if item is None or listed is None or asked:
            return None
        seen = fingerprint_like(item.fingerprint, listed, self._request.digest_key)
        same = item.desired_digest == self.digest(wanted) and item.fingerprint == seen
        return PlannedObject(wanted, Action.UNCHANGED) if same and not listed.deletion_timestamp else None

    def compare(self, wanted: Wanted) -> PlannedObject:
        """Return what is planned for one object; a refusal is one of the plans.

        Raises:
            TransientError: the cluster could not say.
            UnauthorisedError: it would refuse all the others alike.
        """
        if wanted.options.apply is ApplyMode.NEVER:
            return PlannedObject(wanted, Action.SKIPPED, Reason(ObjectReason.NEVER))
        try:
            return self._planned(wanted)
        except UnauthorisedError:
            raise
        except InvalidError as error:
            return self._recreated(wanted, error) or _refusal(wanted, error)
        except PermanentError as error:
            return _refusal(wanted, error)

    def create_unchecked(self, wanted: Wanted, why: Reason) -> PlannedObject:
        """Return what is planned for an object that cannot exist yet, since its namespace or kind does not."""
        return PlannedObject(wanted, Action.CREATED, _unchecked(why), manifest=self._first(wanted), unchecked=True)

    def postponed(self, refused: PlannedObject, until: ObjectId) -> PlannedObject:
        """Return what is planned for a refused object that is compared again once another one is written."""
        item = self._items.get(refused.wanted.object)
        action = Action.CONFIGURED if item is not None and item.uid else Action.CREATED
        comes_first = Reason(ObjectReason.POSTPONED, {"until": str(until)})
        return PlannedObject(refused.wanted, action, comes_first, postponed=True)

    def _recreated(self, wanted: Wanted, error: InvalidError) -> PlannedObject | None:
        """Return the plan that deletes and creates the object again; None where that is not asked for or not allowed.

        Kinds that take other objects or data along need ``flotilla.dev/prune: allow`` besides.
        """
        if not new_object_helps(error, wanted.manifest):
            return None
        kind = (wanted.object.group, wanted.object.kind)
        allowed = kind not in WITH_DATA or wanted.options.prune_allowed
        live = self._cluster.get(wanted.target)
        if not (wanted.options.recreate and allowed):
            if live is not None and is_unbound_resize(wanted, live):
                raise unbound(wanted)
            return None
        if live is None and not error.immutable:
            return None
        if live is None:
            message = f"{wanted.object} went away while it was compared"
            raise UnsettledError(message)
        if live.meta.deletion_timestamp:
            raise _being_deleted(wanted, live)
        if self._owner(wanted, live.meta).kind is not OwnerKind.OURS:
            return None
        detail = Reason(ObjectReason.RECREATED, {"why": nested(told(error, wanted.object))})
        return PlannedObject(wanted, Action.CONFIGURED, detail, manifest=self._first(wanted), live=live, recreate=True)

    def _planned(self, wanted: Wanted) -> PlannedObject:
        item = self._items.get(wanted.object)
        live = self._cluster.get(wanted.target) if item is not None and item.uid else None
        if live is None and item is not None and item.goes_by_itself and item.desired_digest == self.digest(wanted):
            return PlannedObject(wanted, Action.UNCHANGED, Reason(ObjectReason.COLLECTED))
        for _ in range(COMPARISONS):
            planned = self._absent(wanted) if live is None else self._present(wanted, live)
            if planned is not None:
                return planned
            live = self._cluster.get(wanted.target)
        raise restless(wanted.object, live, "compared")

    def _first(self, wanted: Wanted) -> Mapping[str, Any]:
        """Return what creates the object: every value as Git has it, ignored or not, but for what is a controller's."""
        return self._with_fence(wanted, ignore.left_out(wanted.manifest, self.ignored(wanted).unsent), None)

    def _absent(self, wanted: Wanted) -> PlannedObject | None:
        """Return what is planned for an object taken for absent; None when it turned out to exist."""
        manifest = self._first(wanted)
        try:
            created = self._dry_run(wanted, sealed(manifest, None), Ownership.RESPECT).created
        except ConflictError:
            return None
        except DryRunUnsupportedError as error:
            if self._cluster.get(wanted.target) is not None:
                return None
            return self.create_unchecked(wanted, briefly(error))
        return PlannedObject(wanted, Action.CREATED, self.ignored(wanted).note, manifest=manifest) if created else None

    def _dry_run(self, wanted: Wanted, body: bytes, ownership: Ownership) -> Applied:
        return self._cluster.apply(wanted.target, body, write=Write.DRY_RUN, ownership=ownership)

    def _present(self, wanted: Wanted, live: Live) -> PlannedObject | None:
        """Return what is planned for an object that exists; None when it changed meanwhile."""
        owner = self._owner(wanted, live.meta)
        if wanted.options.apply is ApplyMode.IF_ABSENT:
            if owner.kind is OwnerKind.OURS:
                return PlannedObject(wanted, Action.UNCHANGED, live=live)
            return PlannedObject(wanted, Action.SKIPPED, Reason(ObjectReason.IF_ABSENT))
        if refusal := adoption.refusal(owner, self._request.settings.adopt):
            holder = marks.neighbour(owner, self._request.fleet, self._request.ref)
            return PlannedObject(wanted, Action.CONFLICT, refusal, error_code="apply.owned", holder=holder)
        if live.meta.deletion_timestamp:
            raise _being_deleted(wanted, live)
        proposal = self._proposal(wanted, live, adopt=owner.kind is not OwnerKind.OURS)
        try:
            return self._compared(proposal, live)
        except DryRunUnsupportedError as error:
            return replace(proposal, action=Action.CONFIGURED, detail=_unchecked(briefly(error)), unchecked=True)

    def _proposal(self, wanted: Wanted, live: Live, *, adopt: bool) -> PlannedObject:
        moving = adoption.migrated(live.meta) if adopt and wanted.options.apply is not ApplyMode.MERGE else None
        extra = None
        if not adopt and self._request.settings.extra_fields is ExtraFields.REMOVE:
            extra = self.by_hand(wanted, live.meta)
            moving = by_hand.taken(live.meta, extra) if extra is not None else None
        said = NONE if extra is None else foreign(ObjectReason.TIDIED, fields=by_hand.names(extra))
        managers = live.meta.managed_fields or () if moving is None else moving
        ignored = self.ignored(wanted)
        manifest = ignore.left_out(wanted.manifest, ignored.unsent)
        if ignored:
            manifest = ignore.without_others(manifest, live.body(), managers, ignored)
        return PlannedObject(
            wanted,
            Action.UNCHANGED,
            detail=together(self._how_ours(wanted.object, adopt), said, ignored.note),
            manifest=self._with_fence(wanted, manifest, live.meta),
            live=live,
            adopt=adopt,
            migration=moving,
            extra=extra,
        )

    def _how_ours(self, object_id: ObjectId, adopt: bool) -> Reason:  # noqa: FBT001 - as the plan has it
        holder = self._released.get(object_id)
        if holder is not None:
            return Reason(ObjectReason.TAKEN_FROM, {"placement": str(holder)})
        return Reason(ObjectReason.ADOPTED) if adopt else NONE

    def _with_fence(self, wanted: Wanted, manifest: Mapping[str, Any], meta: LiveMeta | None) -> Mapping[str, Any]:
        """Return the manifest with this attempt's fence, or with the one that is there: leaving it out is a change."""
        there = (meta.annotations or {}).get(marks.FENCE) if meta is not None else None
        fence = str(self._request.attempt) if wanted.object in self._request.fenced else there
        if fence is None:
            return manifest
        metadata = manifest["metadata"]
        annotations = {**metadata["annotations"], marks.FENCE: fence}
        return {**manifest, "metadata": {**metadata, "annotations": annotations}}

    def _compared(self, proposal: PlannedObject, live: Live) -> PlannedObject | None:
        wanted, body = proposal.wanted, sealed(proposal.manifest or {}, live.meta)
        try:
            try:
                answer = self._dry_run(wanted, body, Ownership.RESPECT)
            except ConflictError as error:
                if not error.fields:
                    return None
                proposal = self.settle(proposal, error)
                if proposal.refused:
                    return proposal
                answer = self._dry_run(wanted, body, proposal.ownership)
        except ConflictError:
            return None
        before, after = live.body(), adoption.without_left(answer.live, proposal.migration)
        if proposal.extra is not None:
            after = by_hand.without(after, proposal.extra)
        changes = diff(before, after, secrets=self._request.secrets)
        if proposal.adopt and not diff(adoption.unmarked(before), adoption.unmarked(after)):
            return replace(proposal, action=Action.ADOPTED, diff=changes)
        # A fenced object always differs: the fence is this attempt's, and its annotation another.
        if changes or proposal.adopt or _owns_otherwise(live, answer.live):
            return replace(proposal, action=Action.CONFIGURED, diff=changes)
        return proposal

    def settle(self, planned: PlannedObject, error: ConflictError) -> PlannedObject:
        """Return the plan with the conflict decided: taken by force, or refused."""
        settings, item = self._request.settings, self._items.get(planned.wanted.object)
        merging = planned.wanted.options.apply is ApplyMode.MERGE
        decision = conflicts.decide(
            error.fields,
            item.applied_fields if item is not None else None,
            ConflictPolicy.FAIL if merging else settings.conflicts,
            moving=adoption.moves if planned.adopt and planned.migration is not None else _none_moves,
        )
        if isinstance(decision, conflicts.Stop):
            return replace(planned, action=Action.CONFLICT, detail=decision.detail, error_code="apply.conflict")
        return replace(planned, detail=together(planned.detail, decision.detail), ownership=Ownership.FORCE)


def _unchecked(why: Reason) -> Reason:
    return Reason(ObjectReason.UNCHECKED, {"why": nested(why)})


def _refusal(wanted: Wanted, error: PermanentError) -> PlannedObject:
    return PlannedObject(wanted, Action.FAILED, explained(error, wanted), error=error, error_code=error.code)


def sealed(manifest: Mapping[str, Any], meta: LiveMeta | None) -> bytes:
    """Return the body of an apply that holds only for the object as ``meta`` saw it; None: only if it is absent."""
    seal = (
        {"resourceVersion": CREATE_ONLY}
        if meta is None
        else {"uid": meta.uid, "resourceVersion": meta.resource_version}
    )
    return orjson.dumps({**manifest, "metadata": {**manifest["metadata"], **seal}})


def restless(object_id: ObjectId, live: Live | None, doing: str) -> UnsettledError:
    """Return the error for an object that others changed each time; ``doing`` says between what."""
    writer = live.meta.last_writer if live is not None else ""
    remedy = f"See why {writer!r} writes to it without end: it was the last." if writer else ""
    return UnsettledError(f"{object_id} kept changing while it was {doing}", remedy=remedy)


def _being_deleted(wanted: Wanted, live: Live) -> UnsettledError:
    message = f"{wanted.object} is being deleted{live.meta.waits}"
    return UnsettledError(message, remedy="See which finalizer it waits for, if it stays so.")


def _none_moves(_manager: str) -> bool:
    return False


def _owns_otherwise(live: Live, result: Live) -> bool:
    """Tell whether the apply would change which fields are ours although no value differs."""
    before, after = live.meta.our_fields, result.meta.our_fields
    if before is None or after is None:
        return before is not after
    return bytes(before.fields) != bytes(after.fields) and before.decoded() != after.decoded()
