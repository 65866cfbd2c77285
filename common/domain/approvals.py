"""What a person may be asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from common.domain.fleet import Project

OURS = "flotilla"
"""Who asks where nobody's request led to it: the hub, by what Git says."""


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


def refused_to_self(asked_by: str, decider: str, project: str, projects: Mapping[str, Project]) -> bool:
    """Return whether a project refuses that this person approves what their own request led to.

    Args:
        asked_by: whose request led to it.
        decider: who approves.
        project: that it belongs to; one that the fleet does not have any more refuses.
        projects: of the fleet in force, by name.
    """
    rules = projects.get(project)
    return by_self(asked_by, decider) and (rules is None or rules.not_by_self)
