"""What counts placements by how they stand: triggers that add a row for what comes, and one for what goes.

Nobody updates a row that others update too: all work of a fleet would wait for it. So each change adds what it changes,
by as much as it changes it; the sum is right at every instant and in every transaction, and ``state.counts`` makes one
row of many from time to time. A placement that is written and stands as it did fires nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection

from common.store.schema import triggers

KINDS = ("cluster", "project", "severity", "state", "sync_status", "health")
"""Columns of placements by which they are counted, besides whether they are paused."""
_COLUMNS = ", ".join((*KINDS, "paused", "placements"))
_PAUSED = "{}.paused_by IS NOT NULL"
_WRITTEN = ("cluster", "project", "state", "sync_status", "health", "paused_by")
"""What may change of that; severity follows from it."""
_CHANGES = " OR ".join(
    (
        *(f"NEW.{name} <> OLD.{name}" for name in _WRITTEN[:-1]),
        "(NEW.paused_by IS NULL) <> (OLD.paused_by IS NULL)",
    )
)
_ON = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
"""Which rows each command takes away, or brings."""


def _row(alias: str) -> str:
    values = (*(f"{alias}.{name}" for name in KINDS), _PAUSED.format(alias), "1" if alias == "NEW" else "-1")
    return f"({', '.join(values)})"


def _name(command: str) -> str:
    return f"count_placements_{command.lower()}"


def statements(dialect: str, schema: str = "") -> tuple[str, ...]:
    """Return what makes them, in order; ``schema`` is where our tables are in PostgreSQL, quoted."""
    made: list[str] = []
    for command, rows in _ON.items():
        name, added = _name(command), ", ".join(map(_row, rows))
        counted = f"INSERT INTO placement_counts ({_COLUMNS}) VALUES {added}"  # noqa: S608 - constants
        of = f"UPDATE OF {', '.join(_WRITTEN)}" if command == "UPDATE" else command
        when = f" WHEN ({_CHANGES})" if command == "UPDATE" else ""
        head = f"CREATE TRIGGER {name} AFTER {of} ON placements FOR EACH ROW{when}"
        if dialect == "sqlite":
            made.append(f"{head} BEGIN {counted}; END")
            continue
        made += [
            # With the owner's rights: a pool's role, which writes placements, may not count them.
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, {schema}, pg_temp AS $$\nBEGIN\n  {counted};\n  RETURN NULL;\nEND $$",
            f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
            f"{head} EXECUTE FUNCTION {name}()",
        ]
    return tuple(made)


def missing(connection: Connection) -> tuple[str, ...]:
    """Return the names of triggers that are not in force, sorted; empty is right."""
    there = triggers.present(connection)
    return tuple(sorted(_name(command) for command in _ON if ("placements", _name(command)) not in there))
