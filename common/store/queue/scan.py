"""Finds enough of the due runs to choose from fairly, at a cost that does not grow with how many are due.

The oldest alone would be one application's; so each application's oldest are looked at too, and each cluster's that
has room, so that clusters without room hide nobody. The conditions are spelled out as the partial indices have them,
because a planner cannot see that a parameter meets an index's condition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, text

from common.domain.refs import PlacementRef, RunId
from common.domain.runs import Priority
from common.store.queue.choice import Candidate
from common.store.schema.tables import Instant, Uuid

_SPARE = 4
"""Old runs looked at for each that is wanted."""
_SAMPLE = 1_000
"""Runs looked at by application, and by cluster."""
_MOST_NAMES = 1_000
"""Applications, or clusters, looked at in one go; age makes sure that nobody is passed over for ever."""
_COLUMNS = "run_id, cluster, application, queue, priority, not_before"
_UNSENT = "queue = :queue AND priority = :priority AND state = 'queued' AND sent_at IS NULL"
_OLDEST = (
    f"SELECT {_COLUMNS} FROM open_runs WHERE {_UNSENT} AND not_before <= :now ORDER BY not_before, run_id LIMIT :most"  # noqa: S608 - constants
)
_APPLICATIONS = f"""
WITH RECURSIVE head(name) AS (
  SELECT (SELECT min(application) FROM open_runs WHERE {_UNSENT})
  UNION ALL
  SELECT (SELECT min(application) FROM open_runs WHERE {_UNSENT} AND application > head.name)
  FROM head WHERE head.name IS NOT NULL
)
SELECT name FROM head WHERE name IS NOT NULL LIMIT {_MOST_NAMES}
"""  # noqa: S608 - constants


def due_runs(
    connection: Connection, *, queue: str, priority: Priority, wanted: int, free: Mapping[str, int], now: datetime
) -> list[Candidate]:
    """Return due and unsent runs of one queue and priority: all if they are few, else a fair sample.

    Args:
        connection: to read by.
        queue: where their messages go.
        priority: of these runs.
        wanted: how many are to be chosen.
        free: how many more runs each cluster may have.
        now: runs that are due later are left out.
    """
    of = {"queue": queue, "priority": int(priority), "now": now}
    most = wanted * _SPARE
    found = _candidates(connection, _OLDEST, of | {"most": most})
    if len(found) < most:
        return found
    applications = [row.name for row in connection.execute(text(_APPLICATIONS), {"queue": queue, "priority": priority})]
    clusters = sorted((name for name, room in free.items() if room > 0), key=lambda name: -free[name])[:_MOST_NAMES]
    for column, names in (("application", applications), ("cluster", clusters)):
        each = max(1, _SAMPLE // max(1, len(names)))
        found += _candidates(connection, _oldest_of(connection, column), of | {"names": names, "each": each})
    return found


def _oldest_of(connection: Connection, column: str) -> str:
    """Return a statement for the oldest ``:each`` runs of each of ``:names``; the databases have no common spelling."""
    of_name = f"{_UNSENT} AND not_before <= :now AND {column}"
    if connection.dialect.name == "postgresql":
        return (
            f"SELECT run.* FROM unnest(CAST(:names AS text[])) AS wanted(name) CROSS JOIN LATERAL "  # noqa: S608 - constants
            f"(SELECT {_COLUMNS} FROM open_runs WHERE {of_name} = wanted.name "
            f"ORDER BY not_before, run_id LIMIT :each) AS run"
        )
    columns = ", ".join(f"run.{name}" for name in _COLUMNS.split(", "))
    return (
        f"SELECT {columns} FROM json_each(:names) AS wanted CROSS JOIN open_runs AS run WHERE run.run_id IN "  # noqa: S608 - constants
        f"(SELECT run_id FROM open_runs WHERE {of_name} = wanted.value ORDER BY not_before, run_id LIMIT :each)"
    )


def _candidates(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[Candidate]:
    values = dict(parameters)
    if "names" in values and connection.dialect.name == "sqlite":
        values["names"] = json.dumps(values["names"])
    typed = text(statement).bindparams(bindparam("now", type_=Instant())).columns(run_id=Uuid, not_before=Instant())
    return list(map(_candidate, connection.execute(typed, values)))


def _candidate(row: Any) -> Candidate:
    ref = PlacementRef(row.cluster, row.application)
    return Candidate(RunId(row.run_id), ref, row.queue, Priority(row.priority), row.not_before)
