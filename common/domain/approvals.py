"""What a person may be asked for, and what comes of it."""

from __future__ import annotations

from enum import StrEnum


class ApprovalKind(StrEnum):
    """What is asked for."""

    PRUNE = "prune"
    LEAVING = "leaving"
    DRAIN = "drain"
    IDENTITY = "identity"
    MOVE = "move"


class ApprovalState(StrEnum):
    """What came of it."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    DONE = "done"
    """It was allowed and has been carried out: it allows nothing any more."""
    VOID = "void"
    """What it was about has changed."""
