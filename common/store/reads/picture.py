"""The whole fleet as a picture: a row for each cluster, a column for each application, a byte for each placement."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from sqlalchemy import Connection, select

from common.domain.health import Health
from common.domain.rights import Scope
from common.domain.runs import SyncStatus
from common.store.engine.dialect import fixed
from common.store.reads.placements import PlacementFilter, chosen
from common.store.schema.tables import PlacementRow

MOST = 400_000
"""Placements that are drawn, by cluster and application."""
MOST_CELLS = 4_000_000
"""Of one picture; clusters that do not fit are left out."""
_HEALTH = {word.value: number for number, word in enumerate(Health, 1)}
_SYNC = {word.value: number for number, word in enumerate(SyncStatus, 1)}


@dataclass(frozen=True, slots=True)
class PictureView:
    """A part of the fleet as a picture.

    Attributes:
        clusters: by name, from the first row.
        applications: by name, from the first column.
        health: words that the lower four bits of a cell count, from 1.
        sync: words that the upper four bits count, from 1; a cell of 0 is nothing placed.
        cells: a byte each, row after row, in base64.
        more: whether there are placements that are not drawn, because they are too many.
    """

    clusters: tuple[str, ...]
    applications: tuple[str, ...]
    health: tuple[str, ...]
    sync: tuple[str, ...]
    cells: str
    more: bool


def picture(connection: Connection, scope: Scope, which: PlacementFilter) -> PictureView:
    """Return the placements of a filter within a scope as a picture; one statement."""
    columns = (PlacementRow.cluster, PlacementRow.application, PlacementRow.health, PlacementRow.sync_status)
    query = select(*columns).where(PlacementRow.state != fixed("left"), *chosen(scope, which))
    query = query.order_by(PlacementRow.cluster, PlacementRow.application).limit(MOST + 1)
    rows = connection.execute(query).all()
    drawn = rows[:MOST]
    applications = sorted({row[1] for row in drawn})
    clusters = sorted({row[0] for row in drawn})
    shown = clusters[: MOST_CELLS // max(1, len(applications))]
    line = {name: number * len(applications) for number, name in enumerate(shown)}
    column = {name: number for number, name in enumerate(applications)}
    cells = bytearray(len(shown) * len(applications))
    for cluster, application, health, sync in drawn:
        if cluster in line:
            cells[line[cluster] + column[application]] = _HEALTH[health] | (_SYNC[sync] << 4)
    return PictureView(
        clusters=tuple(shown),
        applications=tuple(applications),
        health=tuple(_HEALTH),
        sync=tuple(_SYNC),
        cells=base64.b64encode(cells).decode("ascii"),
        more=len(rows) > MOST or len(shown) < len(clusters),
    )
