"""What runs may do, as a condition on their rows: it follows from their trigger, and has no column."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from common.domain.runs import RunKind, Trigger
from common.store.engine.dialect import fixed
from common.store.schema.tables import OpenRunRow, RunRow

(_CHECK,) = (trigger for trigger in Trigger if trigger.kind is RunKind.CHECK)


def is_of(kind: RunKind, of: type[OpenRunRow | RunRow] = OpenRunRow) -> ColumnElement[bool]:
    """Return the condition that a run is of a kind, a constant in its text: partial indexes are found by that."""
    only = fixed(_CHECK.value)
    return of.trigger == only if kind is RunKind.CHECK else of.trigger != only
