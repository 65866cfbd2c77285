"""The one history of the schema, shipped in the wheel; ``engine.upgrade`` alone runs it from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKeyConstraint

from common.store.schema.months import is_partition

MIGRATIONS = Path(__file__).parent


def _is_of_partition(constraint: ForeignKeyConstraint) -> bool:
    """Return whether it is what PostgreSQL notes of each partition of the table that a foreign key refers to."""
    return any(is_partition(key.target_fullname.rpartition(".")[0]) for key in constraint.elements)


OPTIONS: dict[str, Any] = {
    "include_name": lambda name, kind, _parents: kind != "table" or not is_partition(name),
    "include_object": lambda item, _name, kind, *_: kind != "foreign_key_constraint" or not _is_of_partition(item),
    # SQLite takes schema changes back with the transaction too, as long as it is one of ours.
    "transactional_ddl": True,
    "transaction_per_migration": False,
    "compare_type": True,
}
