"""What a person may be asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from common.domain.fleet import Project

OURS = "flotilla"
"""Who asks where nobody's request led to it: the hub, by what Git says."""

_NOBODYS = ("ci:", "token:")
"""How what acts for no person is named: pipelines, and tokens that were made with the hub's own."""


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


def by_self(asked_by: str, decider: str) -> bool:
    """Return whether a person decides what their own request led to; what is not known, or the hub's, is nobody's."""
    return asked_by not in {"", OURS} and asked_by == decider


class Refusal(StrEnum):
    """Why somebody may not approve where a project wants another person than who asked."""

    OWN = "own"
    """Their own request led to it."""
    UNKNOWN = "unknown"
    """Whose request led to it was not kept: it may have been theirs."""
    NO_PERSON = "no-person"
    """They are a pipeline, or a token that belongs to nobody, and whoever holds that may have asked as themselves."""


def is_doubtful(asked_by: str, decider: str) -> bool:
    """Return whether a project may refuse it, so that what it says has to be looked up."""
    return asked_by == "" or by_self(asked_by, decider) or decider.startswith(_NOBODYS)


def refusal(asked_by: str, decider: str, project: str, projects: Mapping[str, Project]) -> Refusal | None:
    """Return why a project refuses that this one approves; None where it does not.

    Args:
        asked_by: whose request led to it; empty where that was not kept.
        decider: who approves.
        project: that it belongs to; one that the fleet does not have any more refuses. What belongs to none is refused
            to who asked alone.
        projects: of the fleet in force, by name.
    """
    rules = projects.get(project)
    if rules is not None and not rules.not_by_self:
        return None
    if by_self(asked_by, decider):
        return Refusal.OWN
    if not project:
        return None
    if not asked_by:
        return Refusal.UNKNOWN
    return Refusal.NO_PERSON if decider.startswith(_NOBODYS) else None
