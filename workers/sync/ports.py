"""What the sync engine needs from outside, and what it gives back. No SQL, no HTTP, no Celery here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from common.domain.changes import Action, Change
from common.domain.inventory import InventoryItem as InventoryItem  # the engine's own word for it
from common.domain.refs import ObjectId, PlacementRef
from common.domain.status import Reason
from common.rules import Evaluator
from workers.sync.objects.live import Kind, Live, LiveMeta
from workers.sync.objects.moving import Claims, Held

Manifest = Mapping[str, Any]
KindLookup = Callable[[str, str, str], Kind]
"""From group, version and kind to how a cluster serves it; raises as ``ClusterPort.kind``."""
NOTHING_TAKEN: Mapping[ObjectId, PlacementRef] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What an attempt is about to do to one object; committed before its first write."""

    object: ObjectId
    action: Action


class Fence(Protocol):
    """An attempt's right to write."""

    def check(self, needed: timedelta) -> None:
        """Return if the lease surely outlives a request of ``needed``. Called from several threads.

        Raises:
            LeaseLostError: it may not.
        """
        ...


class Journal(Protocol):
    """Where an attempt writes down what it is about to do and what it did. Every call is one short transaction."""

    def plan(
        self,
        items: Sequence[InventoryItem],
        changes: Sequence[PlannedChange],
        *,
        taken: Mapping[ObjectId, PlacementRef] = NOTHING_TAKEN,
    ) -> None:
        """Insert or replace the inventory rows of ``items``, store the planned changes; returns once committed.

        Args:
            items: rows to be.
            changes: what is about to be done.
            taken: objects that leave the inventory of another placement in the same transaction.

        Raises:
            UnsettledError: that placement does not release one of them any more.
        """
        ...

    def held(self, owner: PlacementRef, objects: Sequence[ObjectId]) -> Mapping[ObjectId, Held]:
        """Return what another placement of the cluster says to each of its objects being taken over."""
        ...

    def renders(self, objects: Collection[ObjectId], *, former: PlacementRef | None) -> tuple[InventoryItem, ...]:
        """Take in all that the revision renders, so that nobody removes what it takes over.

        It is noted with the first plan, and by the end of the attempt at the latest: until then others wait for it as
        for any revision that nobody has read.

        Args:
            objects: all of it.
            former: whose place this one took, under another name; None where nothing of it is to be taken.

        Returns:
            What that one left and the revision does not render: ours from now on, to be pruned.
        """
        ...

    def claims(self, objects: Sequence[ObjectId]) -> Claims:
        """Return what others want of objects that are about to be removed."""
        ...

    def record(self, changes: Sequence[Change], items: Sequence[InventoryItem]) -> None:
        """Store outcomes as they happen, and insert or replace the inventory rows they changed."""
        ...

    def forget(self, objects: Sequence[ObjectId]) -> None:
        """Drop inventory rows of objects that are gone from the cluster."""
        ...

    def spend(self, removals: int) -> Reason:
        """Count removals against what the revision may remove over the fleet; returns once committed.

        Returns:
            Why they may not be; none when they may.
        """
        ...


class Write(StrEnum):
    """Whether an apply is meant."""

    DRY_RUN = "dry-run"
    REAL = "real"


class Ownership(StrEnum):
    """What an apply does about fields that others own."""

    RESPECT = "respect"
    """They stay theirs: the apply is refused with the causes."""
    FORCE = "force"
    """They become ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one object is: a kind, a namespace (empty where there is none) and a name.

    A kind that only a definition of the same run promises has no name in URLs yet. What serves the port asks the
    cluster for it with each request, and refuses one that is elsewhere than was promised.
    """

    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to an apply.

    Attributes:
        created: whether the object did not exist before (201).
        live: what is, or at a dry-run would be, stored.
    """

    created: bool
    live: Live


class ClusterPort(Protocol):
    """One cluster, for one attempt. Safe to use from several threads.

    Every method raises the errors of ``workers.sync.errors``, and ``LeaseLostError`` where a request would have to be
    sent again and the attempt's fence does not allow it any more. A write that may have happened is never repeated.
    """

    @property
    def request_timeout(self) -> timedelta:
        """Longest that one request may take."""
        ...

    def kind(self, group: str, version: str, kind: str) -> Kind:
        """Return how the cluster serves a kind; an empty ``version`` means the preferred one.

        Raises:
            UnknownKindError: it does not.
            TransientError: that could not be found out.
        """
        ...

    def refresh_kinds(self) -> None:
        """Read the served kinds again: a CustomResourceDefinition arrived."""
        ...

    def list_meta(self, kind: Kind, *, namespace: str, selector: str) -> tuple[LiveMeta, ...]:
        """Return the metadata of all objects of a kind that ``selector`` takes.

        Args:
            kind: as ``kind()`` returned it.
            namespace: empty for all of them.
            selector: a label selector.

        Raises:
            TransientError: the LIST did not end; part of a list is never returned.
        """
        ...

    def list_objects(self, kind: Kind, *, namespace: str, selector: str) -> tuple[dict[str, Any], ...]:
        """Return whole objects, else as ``list_meta``."""
        ...

    def get(self, target: Target) -> Live | None:
        """Return the object, or None when it surely does not exist."""
        ...

    def apply(self, target: Target, body: bytes, *, write: Write, ownership: Ownership) -> Applied:
        """Server-side apply as field manager ``flotilla``.

        Args:
            target: where.
            body: the manifest as JSON. A uid and resourceVersion in its metadata are preconditions; resourceVersion
                ``CREATE_ONLY`` means: only if it does not exist.
            write: dry-run or real.
            ownership: what happens to fields that others own.
        """
        ...

    def patch(self, target: Target, operations: Sequence[Mapping[str, Any]]) -> LiveMeta:
        """Carry out a JSON patch; a resourceVersion that it replaces is a precondition."""
        ...

    def delete(self, target: Target, *, uid: str, resource_version: str) -> tuple[str, ...] | None:
        """Delete in the foreground what still has this uid and resourceVersion.

        Returns:
            The finalizers that it waits for before it goes; None when it does not exist.
        """
        ...

    def last_lines(self, target: Target, *, lines: int) -> str:
        """Return the last lines that the containers of a Pod, or of a Job's pods, wrote.

        Raises:
            PermanentError: they may not be read, or no node has them.
        """
        ...

    def requests(self) -> Mapping[str, int]:
        """Return how many requests were made for this attempt, by verb."""
        ...


CREATE_ONLY = "1"
"""No object ever has this resourceVersion, and an apply that creates ignores it: so it means "must not exist"."""


class Clock(Protocol):
    """Time, as the engine needs it: to measure, to wait for a CRD, and for rules of health that ask for it."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def now(self) -> datetime:
        """Return the present, aware."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside of one attempt. The executor is the process's, shared by all runs."""

    cluster: ClusterPort
    journal: Journal
    fence: Fence
    executor: Executor
    clock: Clock
    expressions: Evaluator
    """Evaluates those of the placement's project."""
