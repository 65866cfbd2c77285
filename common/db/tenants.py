"""In whose name the objects of a placement, and the hooks of its removal, were written last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from common.db.connection import Connection
from common.db.tables import PlacementRow
from common.domain.tenant import Tenant


def columns(tenant: Tenant) -> dict[str, Any]:
    """Return what a placement's row holds of it."""
    return {"tenant_project": tenant.project, "tenant_account": tenant.account}


def record(connection: Connection, placement_id: int, tenant: Tenant) -> None:
    """Note in whose name a run writes, before it does.

    Hooks that are kept from another project's run stay that one's: the next success replaces both.
    """
    mine = PlacementRow.delete_hooks.is_(None) | (PlacementRow.tenant_project == tenant.project)
    found = update(PlacementRow).where(PlacementRow.id == placement_id, mine)
    connection.execute(found.values(columns(tenant)))
