"""What planning is told, read from SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.reasons import sentence
from common.domain.refs import PlacementRef, SourceRef
from common.domain.status import Reason
from common.store.engine.connection import Connection
from common.store.state import approvals, clusters, placements, sources
from common.store.state.approvals import Approval
from common.store.state.placements import PlacementFacts
from scheduler.planning.facts import Asked, Current, Facts, Resolved
from scheduler.planning.leaving import FLEET


def blocked_clusters(connection: Connection) -> dict[str, Reason]:
    """Return the clusters that nothing may be written to, each with the reason."""
    return {name: known.blocked for name, known in clusters.facts(connection).items() if known.blocked}


def read_facts(connection: Connection, *, now: datetime) -> Facts:
    """Return everything that a plan is made from, as SQL has it.

    Args:
        connection: to read by.
        now: by the database's clock.
    """
    ids = sources.ids(connection)
    refs = {id_: ref for ref, id_ in ids.items()}
    return Facts(
        now=now,
        current={ref: _current(known) for ref, known in placements.everything(connection).items()},
        resolved=_resolved(connection, refs),
        sources=ids,
        source_errors=sources.errors(connection),
        blocked=blocked_clusters(connection),
        allowed_to_leave=_allowed(connection),
        asked=_asked(connection),
    )


def _resolved(connection: Connection, refs: Mapping[int, SourceRef]) -> dict[tuple[SourceRef, str], Resolved]:
    return {
        (refs[source_id], application): Resolved(
            source_id, found.digest, found.commit, found.renderers, sentence(found.error)
        )
        for (source_id, application), found in sources.digests(connection).items()
    }


def _current(known: PlacementFacts) -> Current:
    owns = known.applied is not None or known.objects > 0 or known.run is not None
    return Current(
        state=known.state,
        source_id=known.source_id,
        desired=known.desired,
        applied=known.applied,
        hold=known.hold,
        owns=owns,
        looked=known.looked,
        failed_settings=known.failed_settings,
        project=known.project,
        tenant=known.tenant,
    )


def approved_to_leave(connection: Connection) -> tuple[Approval, ...]:
    """Return the approvals of removals of whole placements that have not been used up."""
    leaving = approvals.approved(connection, ApprovalKind.LEAVING)
    return leaving + approvals.approved(connection, ApprovalKind.DRAIN)


def _allowed(connection: Connection) -> frozenset[PlacementRef]:
    approved = approved_to_leave(connection)
    return frozenset(ref for approval in approved for ref in _placements(approval))


def _asked(connection: Connection) -> Asked | None:
    """Return the last question about removals over the bounds: open, or answered with no."""
    found = approvals.last_of(connection, ApprovalKind.LEAVING, FLEET)
    if (
        found is None
        or found.state not in {ApprovalState.OPEN, ApprovalState.REJECTED}
        or "of" not in found.reason.params
    ):
        return None
    return Asked(frozenset(_placements(found)), int(found.reason.params["of"]))


def _placements(approval: Approval) -> Iterator[PlacementRef]:
    return (PlacementRef.parse(text) for text in approval.payload["placements"])
