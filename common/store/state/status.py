"""The one writer of ``placements.sync_status``: derived again whenever one of its facts was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from common.domain.placements import PlacementState
from common.domain.status import Failure, Remedy, StatusFacts, sync_status
from common.store.engine.dialect import batched, table_of
from common.store.schema.tables import PlacementRow
from common.store.state.stored_reasons import params_in

_PLACEMENT = table_of(PlacementRow)
_NAMES = (
    "id", "state", "desired_source_digest", "desired_parameters_digest", "applied_source_digest",
    "applied_parameters_digest", "confirmed_at", "failure_code", "contact_code", "found_code", "sync_status",
)  # fmt: skip
_FACTS = select(*(_PLACEMENT.c[name] for name in _NAMES))
_ONE = _FACTS.where(_PLACEMENT.c.id == bindparam("of_placement"))
_HELD = _ONE.add_columns(_PLACEMENT.c.changed_at, _PLACEMENT.c.failures, _PLACEMENT.c.coming).with_for_update()
_WRITE = update(_PLACEMENT).where(_PLACEMENT.c.id == bindparam("of_placement"))
_SET = _WRITE.values(sync_status=bindparam("to_status"))
NO_FAILURE: dict[str, Any] = {
    "failure_code": "",
    "failure_params": None,
    "failure_remedy": "",
    "failure_since": None,
    "failure_last_at": None,
    "failure_count": 0,
    "failure_settings": "",
    "changed_at": None,
    "failures": 0,
}
"""What the columns say of a placement none of whose runs failed at the revision that is wanted."""


def settle(connection: Connection, placement_ids: Iterable[int]) -> None:
    """Derive the status of placements, in the transaction that has just written facts of each of them.

    That write holds their rows, so that no other transaction changes a fact between this reading and this writing.
    """
    wanted = sorted(set(placement_ids))
    if len(wanted) == 1:
        rows = connection.execute(_ONE, {"of_placement": wanted[0]}).all()
    else:
        rows = [
            row for batch in batched(wanted) for row in connection.execute(_FACTS.where(_PLACEMENT.c.id.in_(batch)))
        ]
    changed = [
        {"of_placement": row.id, "to_status": status.value}
        for row in rows
        for status in (sync_status(facts_of(row)),)
        if status != row.sync_status
    ]
    if changed:
        connection.execute(_SET, changed)


def held(connection: Connection, placement_id: int) -> Any:
    """Return the facts of one placement, whose row is held from here on until the transaction ends."""
    return connection.execute(_HELD, {"of_placement": placement_id}).one()


def write(connection: Connection, row: Any, values: Mapping[str, Any]) -> None:
    """Write facts of one placement, and the status that follows from them, in one statement.

    Args:
        connection: of the transaction that holds the row.
        row: as it was held.
        values: by column; no expressions.
    """
    facts = SimpleNamespace(**{name: values.get(name, getattr(row, name)) for name in _NAMES})
    status = sync_status(facts_of(facts)).value
    connection.execute(_WRITE, {"of_placement": row.id, "sync_status": status, **values})


def facts_of(row: Any) -> StatusFacts:
    """Return the facts in a row that holds at least their columns."""
    return StatusFacts(
        state=PlacementState(row.state),
        desired=identity_of(row.desired_source_digest, row.desired_parameters_digest),
        applied=identity_of(row.applied_source_digest, row.applied_parameters_digest),
        confirmed=row.confirmed_at is not None,
        failed=bool(row.failure_code),
        contact=row.contact_code,
        found=row.found_code,
    )


def failure_of(row: Any) -> Failure | None:
    """Return the failure in a row that holds at least its columns; None for none."""
    if not row.failure_code:
        return None
    return Failure(
        row.failure_code,
        params_in(row.failure_params),
        Remedy(row.failure_remedy),
        row.failure_since,
        row.failure_last_at,
        row.failure_count,
    )


def identity_of(source: str | None, parameters: str | None) -> tuple[str, str] | None:
    """Return a revision's identity from its two columns; None where there is none."""
    return None if source is None or parameters is None else (source, parameters)
