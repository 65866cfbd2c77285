"""Objects on a cluster that carry a placement's mark and that no inventory holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from common.domain.codes import FaultReason
from common.domain.refs import ObjectId, PlacementRef
from common.store.state import faults
from common.store.state.faults import StoredFault


def scope_of(cluster: str) -> str:
    """Return the scope of the faults that stand for a cluster's orphans."""
    return f"{faults.of_cluster(cluster)}:orphans"


def replace(
    connection: Connection, cluster: str, found: Iterable[tuple[ObjectId, PlacementRef]], *, now: datetime
) -> None:
    """Make what a sweep found (each with the placement whose mark it carries) the orphans of a cluster."""
    # The cluster's: that a mark names a placement proves nothing.
    named = ({"object": str(one), "placement": str(ref)} for one, ref in found)
    stored = [StoredFault(FaultReason.ORPHAN, params, project="") for params in named]
    faults.replace(connection, scope_of(cluster), stored, now=now)
