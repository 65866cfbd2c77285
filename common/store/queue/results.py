"""What attempts did to objects: rows that are added and never touched again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from common.domain.changes import Change
from common.domain.refs import AttemptRef
from common.store.engine.dialect import batched, insert_in
from common.store.schema.tables import ObjectResultRow
from common.store.state import stored_diffs
from common.store.state.stored_reasons import columns_of


def append(connection: Connection, attempt: AttemptRef, changes: Sequence[Change], *, first: int) -> None:
    """Add outcomes.

    Args:
        connection: of a transaction in which the attempt holds its lease.
        attempt: whose they are.
        changes: in the order in which they happened.
        first: ordinal of the first of them within the attempt.
    """
    rows = [
        {
            "run_id": attempt.run,
            "attempt": attempt.number,
            "ordinal": first + position,
            "group": change.object.group,
            "kind": change.object.kind,
            "namespace": change.object.namespace,
            "name": change.object.name,
            "action": change.action,
            **columns_of("detail", change.detail),
            "fields": stored_diffs.stored(change.diff),
        }
        for position, change in enumerate(changes)
    ]
    for batch in batched(rows):
        # A commit whose answer was lost is asked for again.
        connection.execute(_append(connection.dialect.name), batch)


@cache
def _append(dialect: str) -> Any:
    return insert_in(dialect, ObjectResultRow).on_conflict_do_nothing()
