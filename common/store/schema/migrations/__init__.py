"""The one history of the schema, shipped in the wheel; ``engine.upgrade`` alone runs it from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MIGRATIONS = Path(__file__).parent
OPTIONS: dict[str, Any] = {
    # SQLite takes schema changes back with the transaction too, as long as it is one of ours.
    "transactional_ddl": True,
    "transaction_per_migration": False,
    "compare_type": True,
}
