"""Placements counted by how they stand; triggers add to it, see ``schema.counters``."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, text

from common.store.engine.dialect import batched, table_of
from common.store.schema.counters import KINDS
from common.store.schema.tables import PlacementCountRow

_COUNTS = table_of(PlacementCountRow)
_KEY = tuple(_COUNTS.c[name] for name in (*KINDS, "paused"))
_CLUSTERS = 100
"""Clusters whose rows are put together in one go."""
_NAMES = ", ".join((*KINDS, "paused"))
_RECOUNT = text(f"""
INSERT INTO placement_counts ({_NAMES}, placements)
SELECT {_NAMES}, sum(placements) FROM (
  SELECT {", ".join(KINDS)}, paused_by IS NOT NULL AS paused, 1 AS placements FROM placements
  UNION ALL SELECT {_NAMES}, -placements FROM placement_counts
) AS differs GROUP BY {_NAMES} HAVING sum(placements) <> 0
""")  # noqa: S608 - constants


def fold(connection: Connection) -> int:
    """Put rows of the same kind together, of some clusters; return how many rows were taken up, 0 for none to be.

    Others may count meanwhile: what they add is neither waited for nor lost, since only what was taken away is summed.
    """
    several = select(_COUNTS.c.cluster).group_by(*_KEY).having(func.count() > 1).limit(_CLUSTERS)
    clusters = sorted(set(connection.execute(several).scalars()))
    if not clusters:
        return 0
    gone = delete(_COUNTS).where(_COUNTS.c.cluster.in_(clusters)).returning(*_KEY, _COUNTS.c.placements)
    sums: dict[tuple[object, ...], int] = {}
    taken = 0
    for *key, placements in connection.execute(gone):
        taken += 1
        sums[tuple(key)] = sums.get(tuple(key), 0) + placements
    names = [column.key for column in _KEY]
    rows = [dict(zip(names, key, strict=True)) | {"placements": number} for key, number in sums.items() if number]
    for batch in batched(rows):
        connection.execute(insert(_COUNTS), batch)
    return taken


def recount(connection: Connection) -> int:
    """Add what is missing from the counts, or takes away what is too much; return how many rows that took.

    There is nothing to be added unless somebody wrote placements while triggers were off. It is one statement, which
    sees placements and counts of one instant: others may go on.
    """
    return connection.execute(_RECOUNT).rowcount
