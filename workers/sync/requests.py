"""What the sync engine is asked: everything that one attempt must know; nothing of it is read again later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from common.domain.fleet import HealthRule, Project, SyncSettings
from common.domain.inventory import InventoryItem
from common.domain.refs import AttemptRef, ObjectId, PlacementRef
from common.domain.revisions import Revision
from common.domain.runs import Trigger
from common.domain.secrecy import NO_SECRETS, Secrets
from workers.sync.ports import Manifest


class Phase(StrEnum):
    """What this attempt is to do."""

    APPLY = "apply"
    RESUME = "resume"
    """The run waited, and what it waited for came: it goes on where it stood."""
    SETTLE = "settle"
    """A newer revision is to follow: hooks that are under way are seen to their end, and nothing else is done."""
    REMOVE = "remove"
    """The placement leaves: everything in the inventory goes."""
    CHECK = "check"
    """Dry-run and report only: ``sync.mode: warn``, or a person who asks what a sync would change."""


class Installed(StrEnum):
    """Which revision of a placement is in, by what former runs recorded."""

    NOTHING = "nothing"
    """None ever was: Helm's install hooks run, not its upgrade hooks."""
    ANOTHER = "another"
    WANTED = "wanted"


class Written(StrEnum):
    """Whether attempts wrote to the cluster."""

    NOTHING = "nothing"
    SOMETHING = "something"


class Deadline(StrEnum):
    """Whether a run may wait any more."""

    AHEAD = "ahead"
    PASSED = "passed"
    """It waited until then: it fails now."""


class DryRuns(StrEnum):
    """Which objects have a dry-run."""

    CHANGED = "changed"
    """Those that differ by their fingerprint or their digest."""
    ALL = "all"


class Namespace(StrEnum):
    """Who makes the namespace of a placement's objects."""

    EXPECTED = "expected"
    """It exists, or a manifest makes it."""
    CREATED = "created"
    """The engine makes it where it does not exist; it is never pruned."""


class Content(StrEnum):
    """What manifests were made from."""

    PLAIN = "plain"
    DECRYPTED = "decrypted"
    """They may hold what was decrypted: nothing of them is kept."""


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
        namespace_is: who makes that one.
        digest_key: key of the HMACs that stand for what may hold a secret.
        fenced: objects that an attempt which did not end by itself had planned to write: written again even if equal.
        held: objects whose drift is not corrected before an instant: somebody keeps changing them back.
        written: what former attempts of the same run wrote.
        approved: the exact objects a person allowed to be pruned; None when nobody was asked.
        dry_runs: which objects have one.
        installed: which revision is in.
        deadline: how long the run may wait.
        awaited: the objects that the run waited for before this attempt; empty for all of the placement, or none.
        content: what the manifests may hold besides ``secrets``.
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
    namespace_is: Namespace = Namespace.EXPECTED
    digest_key: bytes = field(default=b"", repr=False)
    fenced: frozenset[ObjectId] = frozenset()
    held: Mapping[ObjectId, datetime] = field(default_factory=dict)
    written: Written = Written.NOTHING
    approved: frozenset[ObjectId] | None = None
    dry_runs: DryRuns = DryRuns.CHANGED
    installed: Installed = Installed.ANOTHER
    deadline: Deadline = Deadline.AHEAD
    awaited: frozenset[ObjectId] = frozenset()
    content: Content = Content.PLAIN
    former: PlacementRef | None = None
    secrets: Secrets = NO_SECRETS

    @property
    def keyed(self) -> bool:
        """Whether any object may hold a secret, so that digests of all are HMACs."""
        return self.content is Content.DECRYPTED or bool(self.secrets)
