"""What a run did, or would do, to each object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from common.domain import formatting
from common.domain.differences import NO_DIFF, Diff
from common.domain.refs import ObjectId
from common.domain.status import NONE, Reason


class Action(StrEnum):
    """What happened to one object in one attempt."""

    CREATED = "created"
    CONFIGURED = "configured"
    ADOPTED = "adopted"
    """It was another tool's or had no owner, and is ours; nothing of it changed but marks of ownership."""
    UNCHANGED = "unchanged"
    PRUNED = "pruned"
    SKIPPED = "skipped"
    CONFLICT = "conflict"
    FAILED = "failed"


MUTATIONS = frozenset({Action.CREATED, Action.CONFIGURED, Action.ADOPTED, Action.PRUNED})
DIFFERENCES = MUTATIONS | {Action.CONFLICT}
"""What a run that only looks finds where an object is not as Git says."""


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome of one object.

    Attributes:
        object: which one.
        action: what happened to it.
        detail: what was done besides, or why it was not: the error, the owner; foreign words in it without secrets.
        diff: the fields that differed at the dry-run, secrets masked; false where none did.
    """

    object: ObjectId
    action: Action
    detail: Reason = NONE
    diff: Diff = NO_DIFF


def differing(changes: Iterable[Change]) -> tuple[int, int]:
    """Return how many objects a sync would change, and how many of others it would only adopt."""
    actions = Counter(change.action for change in changes)
    adopted = actions[Action.ADOPTED]
    return sum(actions[action] for action in DIFFERENCES - {Action.ADOPTED}), adopted


def difference(objects: int, adopted: int) -> str:
    """Return ``differing`` in words; empty when it is none."""
    parts = (
        f"{formatting.of(objects, 'object')} {'differs' if objects == 1 else 'differ'} from Git" if objects else "",
        f"{formatting.of(adopted, 'object')} {formatting.are(adopted)} to be adopted" if adopted else "",
    )
    return ", ".join(part for part in parts if part)
