"""Which state may follow which, and why: what the database holds everybody to, and what the diagrams are drawn from.

A state that is not named has no successor. ``docs/reference/states.md`` shows each table as a diagram.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from common.domain.approvals import ApprovalState
from common.domain.placements import PlacementState
from common.domain.runs import RunState

Change = tuple[str, str]
"""From one state to another."""


class Machine(NamedTuple):
    """The states of the rows of one table, in its column ``state``.

    Attributes:
        table: name of the table; a run that has ended is in it no more.
        first: the states in which a row is made.
        changes: what happens when one state follows another, by both.
    """

    table: str
    first: tuple[str, ...]
    changes: Mapping[Change, str]


RUN = Machine(
    "open_runs",
    (RunState.QUEUED,),
    {
        (RunState.QUEUED, RunState.RUNNING): "a worker claims it, and an attempt begins",
        (RunState.QUEUED, RunState.ENDED): "another run replaces it",
        (RunState.RUNNING, RunState.QUEUED): "it is tried again later, or its worker is gone",
        (RunState.RUNNING, RunState.WAITING): "it waits for health, a hook or another run",
        (RunState.RUNNING, RunState.ENDED): "it has an outcome",
        (RunState.WAITING, RunState.QUEUED): "what it waited for is there, or its deadline has passed",
        (RunState.WAITING, RunState.ENDED): "another run replaces it, or what it waited for failed",
    },
)
APPROVAL = Machine(
    "approvals",
    (ApprovalState.OPEN,),
    {
        (ApprovalState.OPEN, ApprovalState.APPROVED): "a person approves",
        (ApprovalState.OPEN, ApprovalState.REJECTED): "a person rejects",
        (ApprovalState.OPEN, ApprovalState.VOID): "what it was about has changed",
        (ApprovalState.APPROVED, ApprovalState.DONE): "it was carried out, or allows nothing any more",
    },
)
PLACEMENT = Machine(
    "placements",
    (PlacementState.PLACED, PlacementState.RETAINED, PlacementState.LEFT),
    {
        (PlacementState.PLACED, PlacementState.RETAINED): "nothing places it any more, or its cluster is retired",
        (PlacementState.PLACED, PlacementState.LEAVING): "its objects are to be removed",
        (PlacementState.PLACED, PlacementState.LEFT): "it is to be removed, and owns nothing",
        (PlacementState.RETAINED, PlacementState.PLACED): "it is wanted again",
        (PlacementState.RETAINED, PlacementState.LEAVING): "its objects are to be removed after all",
        (PlacementState.RETAINED, PlacementState.LEFT): "it is to be removed, and owns nothing",
        (PlacementState.LEAVING, PlacementState.PLACED): "it is wanted again",
        (PlacementState.LEAVING, PlacementState.RETAINED): "its cluster is retired",
        (PlacementState.LEAVING, PlacementState.LEFT): "its objects are gone",
        (PlacementState.LEFT, PlacementState.PLACED): "it is wanted again",
        (PlacementState.LEFT, PlacementState.RETAINED): "its cluster is retired",
    },
)
MACHINES = (RUN, APPROVAL, PLACEMENT)
