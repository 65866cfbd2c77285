"""What the sync engine needs from outside, and what it gives back. No SQL, no HTTP, no Celery here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from common.cel import First
from common.domain.changes import Action, Change
from common.domain.fleet import HealthRule, Project, SyncSettings
from common.domain.inventory import InventoryItem as InventoryItem  # the engine's own word for it
from common.domain.refs import AttemptRef, ObjectId, PlacementRef
from common.domain.revisions import Revision
from common.domain.runs import Trigger
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import NONE, Reason
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
    """This attempt's right to write."""

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
    """Where one object lies: a kind, a namespace (empty where there is none) and a name.

    A kind that only a definition of the same run promises has no name in URLs yet. What serves the port asks the
    cluster for it with each request, and refuses one that lies elsewhere than was promised.
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
        """Read the served kinds anew: a CustomResourceDefinition arrived."""
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
    expressions: First
    """Evaluates those of the placement's project."""


class Phase(StrEnum):
    """What this attempt is to do."""

    APPLY = "apply"
    RESUME = "resume"
    """The run waited, and what it waited for came: it goes on where it stood."""
    REMOVE = "remove"
    """The placement leaves: everything in the inventory goes."""
    CHECK = "check"
    """Dry-run and report only: ``sync.mode: warn``, or a person who asks what a sync would change."""


class Ending(StrEnum):
    """How the engine came out of an attempt that raised nothing."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WAITING = "waiting"
    """For health, or for a hook: then the next wave follows, or what is left over is pruned."""
    NEEDS_APPROVAL = "needs-approval"
    SUPERSEDED = "superseded"
    """Its hooks have ended, and a newer revision is to follow."""


@dataclass(frozen=True, slots=True)
class Fight:
    """One object that differs and was left alone, since somebody keeps changing it back.

    Attributes:
        object: which one.
        manager: who wrote to it last besides us; empty where nobody is named.
        until: it is not corrected before this instant.
    """

    object: ObjectId
    manager: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Unended:
    """Hooks of the wanted revision that have not succeeded, as an attempt sees it that runs none.

    Attributes:
        hooks: all of them.
        begun: those of them that a run has begun, and that failed or never came to an end.
    """

    hooks: tuple[ObjectId, ...] = ()
    begun: tuple[ObjectId, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What came of one attempt.

    Attributes:
        ending: how it ended.
        changes: every outcome, unchanged objects included. In a CHECK: what would be done.
        reason: why it ended so; none on success.
        error_code: of the first failure; empty when none.
        prune: what remains to be pruned, or what an approval is wanted for.
        fights: objects that differ and were held back.
        going: objects that were deleted and that finalizers keep, each with these.
        refreshed: objects whose fingerprint had changed but that did not differ: no drift, only a counter.
        requests: requests made, by verb.
        timings: milliseconds by step.
        delete_hooks: manifests of the hooks before and after the placement's removal, to be kept for then.
        awaits: the objects that it waits for; empty for all of the placement.
        asks: the objects of other projects that it may take over once a person approves.
        warnings: what the manifests ask for and is not done, in words.
        hook_active: a hook is under way: nothing supersedes the run before it ends.
        fail_hooks: there are hooks for when the run fails: it needs a worker then.
        partial: not everything was to be written: a check, or waves that are still to come.
        unended: the hooks that are not through; empty of an attempt that runs hooks itself.
    """

    ending: Ending
    changes: tuple[Change, ...]
    reason: Reason = NONE
    error_code: str = ""
    prune: tuple[ObjectId, ...] = ()
    fights: tuple[Fight, ...] = ()
    going: tuple[tuple[ObjectId, str], ...] = ()
    refreshed: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    delete_hooks: tuple[Manifest, ...] = ()
    awaits: tuple[ObjectId, ...] = ()
    asks: Mapping[ObjectId, PlacementRef] = field(default_factory=dict)
    hook_active: bool = False
    fail_hooks: bool = False
    partial: bool = False
    unended: Unended = Unended()


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Everything one attempt must know; nothing in it is read again later.

    Attributes:
        fleet: name in ownership marks.
        ref: the placement.
        attempt: goes into the User-Agent and fence annotations.
        revision: what it is brought to; None when it leaves.
        trigger: why.
        phase: what to do.
        manifests: rendered and substituted, not yet normalised; never changed here, so they may be shared. When it
            leaves: the hooks that were kept.
        origins: file and line of each manifest, for messages; empty where that is not known.
        namespace: default for namespaced objects without one.
        inventory: what the placement owns now.
        project: what the application may use.
        settings: prune guards, adoption, ignored fields, conflicts.
        health: the application's own rules of health.
        create_namespace: make ``namespace`` where it does not exist; it is never pruned.
        digest_key: key of the HMACs that stand for what may hold a secret.
        fenced: objects that an attempt which did not end by itself had planned to write: written again even if equal.
        held: objects whose drift is not corrected before an instant: somebody keeps changing them back.
        wrote_before: a former attempt of the same run has written something.
        approved: the exact objects a person allowed to be pruned; None when nobody was asked.
        full_check: dry-run everything, fingerprints notwithstanding.
        first: the placement was never synced before: Helm's install hooks run, not its upgrade hooks.
        was_in: the revision is in by what a former run recorded.
        outdated: a newer revision waits for the end of the hooks; nothing else is done.
        expired: the run waited until its deadline: it fails now.
        awaited: the objects that the run waited for before this attempt; empty for all of the placement, or none.
        private: the manifests may hold what was decrypted: nothing of them is kept.
        former: the placement that had its name before: what that one marked and the inventory holds is ours.
        secrets: what the manifests may hold and nobody is shown.
    """

    fleet: str
    ref: PlacementRef
    attempt: AttemptRef
    revision: Revision | None
    trigger: Trigger
    phase: Phase
    manifests: tuple[Manifest, ...]
    namespace: str
    inventory: tuple[InventoryItem, ...]
    project: Project
    origins: tuple[str, ...] = ()
    settings: SyncSettings = field(default_factory=SyncSettings)
    health: tuple[HealthRule, ...] = ()
    create_namespace: bool = False
    digest_key: bytes = field(default=b"", repr=False)
    fenced: frozenset[ObjectId] = frozenset()
    held: Mapping[ObjectId, datetime] = field(default_factory=dict)
    wrote_before: bool = False
    approved: frozenset[ObjectId] | None = None
    full_check: bool = False
    first: bool = False
    was_in: bool = False
    outdated: bool = False
    expired: bool = False
    awaited: frozenset[ObjectId] = frozenset()
    private: bool = False
    former: PlacementRef | None = None
    secrets: Secrets = NO_SECRETS

    @property
    def keyed(self) -> bool:
        """Whether any object may hold a secret, so that digests of all are HMACs."""
        return self.private or bool(self.secrets)
