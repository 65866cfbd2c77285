"""What SQL knows about a run that was just claimed, read in one statement: it is asked for with every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, select

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.holds import Hold
from common.domain.revisions import RendererVersion
from common.domain.runs import AttemptOutcome
from common.domain.status import Reason
from common.store.engine.dialect import fixed
from common.store.queue.runs import ClaimedRun
from common.store.schema.tables import ApprovalRow, AttemptRow, ClusterRow, FleetRow, PlacementRow, SourceDigestRow
from common.store.state.placement_status import PlacementStatus, status_of
from common.store.state.stored_reasons import reason_in
from common.store.state.stored_sources import renderers_in


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """The surroundings of a claimed run.

    Attributes:
        snapshot_id: of the fleet in force; None before there is one.
        status: its placement.
        blocked: why nothing may be written to its cluster; ``NONE`` when it may.
        renderers: that its source was resolved with; None where it has not been resolved for this application.
        last: how the run's former attempt ended; None for the first.
        asks_to_move: whether the placement has asked a person for what is another's, and has not come through since.
    """

    snapshot_id: int | None
    status: PlacementStatus
    blocked: Reason
    renderers: tuple[RendererVersion, ...] | None
    last: AttemptOutcome | None
    asks_to_move: bool


_ASKS_TO_MOVE = (
    exists()
    .where(
        ApprovalRow.kind == fixed(ApprovalKind.MOVE.value),
        ApprovalRow.subject == PlacementRow.cluster + "/" + PlacementRow.application,
        ApprovalRow.state.in_((fixed(ApprovalState.OPEN.value), fixed(ApprovalState.APPROVED.value))),
    )
    .label("asks_to_move")
)
_FACTS = (
    select(
        *PlacementRow.__table__.c,
        ClusterRow.blocked_code,
        ClusterRow.blocked_params,
        SourceDigestRow.renderers.label("renderers"),
        AttemptRow.outcome.label("last"),
        select(FleetRow.snapshot_id).scalar_subquery().label("in_force"),
        _ASKS_TO_MOVE,
    )
    .select_from(PlacementRow)
    .outerjoin(ClusterRow, ClusterRow.name == PlacementRow.cluster)
    .outerjoin(
        SourceDigestRow,
        and_(SourceDigestRow.source_id == bindparam("source"), SourceDigestRow.application == PlacementRow.application),
    )
    .outerjoin(AttemptRow, and_(AttemptRow.run_id == bindparam("run"), AttemptRow.number == bindparam("before")))
    .where(PlacementRow.id == bindparam("placement"))
)


def facts_of(connection: Connection, run: ClaimedRun) -> ClaimFacts:
    """Return the surroundings of a run; its references rule out that there are none."""
    asked = {
        "source": run.source_id,
        "run": run.attempt.run,
        "before": run.attempt.number - 1,
        "placement": run.placement_id,
    }
    row = connection.execute(_FACTS, asked).one()
    return ClaimFacts(
        snapshot_id=row.in_force,
        status=status_of(row),
        blocked=_blocked(row),
        renderers=None if row.renderers is None else renderers_in(row.renderers),
        last=None if row.last is None else AttemptOutcome(row.last),
        asks_to_move=row.asks_to_move,
    )


def _blocked(row: Any) -> Reason:
    return Reason(Hold.CLUSTER_UNKNOWN) if row.blocked_code is None else reason_in(row, "blocked")
