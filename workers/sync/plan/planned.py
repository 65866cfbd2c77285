"""What is planned for one object: what the differ finds, and the writer goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.domain.changes import Action
from common.domain.differences import NO_DIFF, Diff
from common.domain.errors import PermanentError
from common.domain.refs import PlacementRef
from common.domain.status import NONE, Reason
from workers.sync.objects.fieldset import FieldSet
from workers.sync.objects.live import Live, ManagedFields
from workers.sync.objects.moving import Hold
from workers.sync.plan.normalise import Wanted
from workers.sync.ports import Ownership


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """What is to be done about one object, and everything that the write needs.

    Attributes:
        wanted: the object.
        action: created, configured or adopted: still to be written; anything else is final.
        detail: what is said of it.
        diff: what would change.
        manifest: what is to be sent, without preconditions.
        live: the object that was compared; None where there was none.
        ownership: what the write does about fields that others own.
        adopt: it becomes ours by this write.
        migration: managedFields to store before the write; None where nothing moves.
        extra: what people added, and is taken away; None where nothing is.
        unchecked: no dry-run could be made.
        recreate: ``live`` is deleted first: a field that cannot change is to be changed.
        error: that refused it; None where none did, or where it belongs to others.
        error_code: of a refusal.
        holder: the placement of this cluster that owns it.
        hold: what that one says to it being taken over; None where nobody was asked.
        postponed: it is refused now, maybe since what this run writes before it is absent: it is compared again then.
    """

    wanted: Wanted
    action: Action
    detail: Reason = NONE
    diff: Diff = NO_DIFF
    manifest: Mapping[str, Any] | None = None
    live: Live | None = None
    ownership: Ownership = Ownership.RESPECT
    adopt: bool = False
    migration: tuple[ManagedFields, ...] | None = None
    extra: FieldSet | None = None
    unchecked: bool = False
    recreate: bool = False
    error: PermanentError | None = None
    error_code: str = ""
    holder: PlacementRef | None = None
    hold: Hold | None = None
    postponed: bool = False

    @property
    def to_write(self) -> bool:
        """Whether something remains to be written."""
        return self.action in {Action.CREATED, Action.CONFIGURED, Action.ADOPTED}

    @property
    def refused(self) -> bool:
        """Whether it stops the stage."""
        return self.action in {Action.CONFLICT, Action.FAILED}
