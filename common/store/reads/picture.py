"""The whole fleet as a picture: a row for each cluster, a column for each application, a byte for each placement."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from sqlalchemy import Connection, String, case, cast, func, select

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


_CELL = case(*((PlacementRow.health == fixed(word), number) for word, number in _HEALTH.items())) + case(
    *((PlacementRow.sync_status == fixed(word), number << 4) for word, number in _SYNC.items())
)
"""A placement's byte."""


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
    """Return the placements of a filter within a scope as a picture; one statement, which answers a row a cluster."""
    columns = (PlacementRow.cluster, PlacementRow.application, _CELL.label("cell"))
    query = select(*columns).where(PlacementRow.state != fixed("left"), *chosen(scope, which))
    drawn = query.order_by(PlacementRow.cluster, PlacementRow.application).limit(MOST).subquery()
    # Both lists of a cluster are of the same rows in the same order, whichever that is. Neither names nor numbers
    # have a space in them.
    names = func.aggregate_strings(drawn.c.application, " ")
    cells = func.aggregate_strings(cast(drawn.c.cell, String), " ")
    rows = sorted(
        (cluster, a.split(" "), c.split(" "))
        for cluster, a, c in connection.execute(select(drawn.c.cluster, names, cells).group_by(drawn.c.cluster))
    )
    count = sum(len(row[1]) for row in rows)
    applications = sorted({name for row in rows for name in row[1]})
    shown = rows[: MOST_CELLS // max(1, len(applications))]
    column = {name: number for number, name in enumerate(applications)}
    drawing = bytearray(len(shown) * len(applications))
    for number, (_, mine, numbers) in enumerate(shown):
        first = number * len(applications)
        for name, cell in zip(mine, numbers, strict=True):
            drawing[first + column[name]] = int(cell)
    return PictureView(
        clusters=tuple(row[0] for row in shown),
        applications=tuple(applications),
        health=tuple(_HEALTH),
        sync=tuple(_SYNC),
        cells=base64.b64encode(drawing).decode("ascii"),
        more=count == MOST or len(shown) < len(rows),
    )
