"""``GET /api/v1/fleet/picture``: every placement as one byte, and by which labels of clusters it may be grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import orjson
from fastapi import Request, Response

from common.domain.fleet import Fleet
from common.domain.rights import Verb
from common.snapshots import Snapshots
from common.store.reads import counts, picture
from common.store.reads.picture import PictureView
from console.api.contract.routing import api_router
from console.api.door.needs import needs
from console.api.reads.sharing import Prepared, prepared
from console.api.reads.status import InPart, Part

router = api_router("fleet")
MOST_GROUPS = 60
"""Values that a label has among the clusters of a picture, where it groups them."""
MOST_LABELS = 12
"""That are looked at."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A label by which the clusters of a picture may be grouped.

    Attributes:
        label: its key.
        values: that it has, in their order.
        of: for each cluster of the picture the place of its value in ``values``, or -1 where it has none.
    """

    label: str
    values: tuple[str, ...]
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """A part of the fleet as a picture.

    Attributes:
        picture: a byte for each placement.
        groupings: labels that put its clusters into 2 to 60 groups, those that most clusters have first.
    """

    picture: PictureView
    groupings: tuple[Grouping, ...]


@router.get("/fleet/picture", dependencies=[needs(Verb.READ)], response_model=PictureAnswer, status_code=200)
async def get_picture(request: Request, part: InPart) -> Response:
    """Return every placement as one byte: clusters by applications, with its health and sync status."""
    return await part.shared.answer(request, ("picture", part.key), partial(_picture, request, part))


def _picture(request: Request, part: Part, last: Prepared | None) -> Prepared:
    """Return the picture; the last one where nothing stands otherwise since."""
    snapshots: Snapshots = request.app.state.snapshots
    # Before the transaction: a new registry takes a while to be read.
    snapshot, fleet = snapshots.in_force(part.database)
    with part.database.read() as connection:
        marker = f"{snapshot} {counts.marker(connection, part.scope)}"
        if last is not None and last.marker == marker:
            return last
        found = picture.picture(connection, part.scope, part.filter(connection))
    return prepared(orjson.dumps(PictureAnswer(found, tuple(_groupings(fleet, found.clusters)))), marker=marker)


def _groupings(fleet: Fleet, names: Sequence[str]) -> Iterator[Grouping]:
    """Yield the labels that group clusters, those that most of them have first."""
    labels = [fleet.clusters[name].labels if name in fleet.clusters else {} for name in names]
    count = Counter(key for each in labels for key in each)
    for key in sorted(count, key=lambda one: (-count[one], one))[:MOST_LABELS]:
        values = sorted({each[key] for each in labels if key in each})
        if 1 < len(values) <= MOST_GROUPS:
            place = {value: number for number, value in enumerate(values)}
            yield Grouping(key, tuple(values), tuple(place[each[key]] if key in each else -1 for each in labels))
