"""In whose name the objects of a placement, and the hooks of its removal, were written last, and the proof of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, update

from common.domain.tenant import Tenant
from common.store.engine.connection import Connection
from common.store.engine.dialect import table_of
from common.store.schema.tables import PlacementRow

_ONE = update(table_of(PlacementRow)).where(table_of(PlacementRow).c.id == bindparam("of_placement"))


def columns(tenant: Tenant, signature: str) -> dict[str, Any]:
    """Return what a placement's row holds of it."""
    return {"tenant_project": tenant.project, "tenant_account": tenant.account, "removal_signature": signature}


def record(connection: Connection, placement_id: int, tenant: Tenant, signature: str) -> None:
    """Note in whose name a run writes, before it does.

    Args:
        connection: of a transaction.
        placement_id: which placement.
        tenant: in whose name.
        signature: over this and the hooks that are kept, which stay.
    """
    connection.execute(_ONE, {"of_placement": placement_id} | columns(tenant, signature))
