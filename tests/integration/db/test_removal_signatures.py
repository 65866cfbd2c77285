"""What a removal goes by is proved by what a database gives back of it, however that writes numbers and names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from common.domain.refs import PlacementRef
from common.domain.tenant import Signer, Tenant
from common.store.engine.session import Database
from common.store.schema.tables import PlacementRow
from common.store.state import placement_status
from tests.integration.db.rows import add_placements

ODD: list[Any] = [
    1.0,
    -0.0,
    0.0,
    1e20,
    1.5e300,
    5e-324,
    0.1,
    1e-7,
    2**63,
    -(2**70),
    True,
    None,
    "",
    "é\u2028😀",
    [],
    {},
    [[1, {"b": 1, "a": 2.0}]],
]
HOOKS = [{"kind": "Job", "zz": 1, "a": odd, "ключ": {"long key " * 9: [odd]}} for odd in ODD]


def test_a_signature_proves_what_was_stored(database: Database) -> None:
    tenant, signer = Tenant("team", ""), Signer(b"k" * 32, PlacementRef("eu", "web"), "m")
    signature = signer.sign(tenant, HOOKS)
    values = {"delete_hooks": HOOKS, "tenant_project": "team", "tenant_account": "", "removal_signature": signature}
    with database.write() as connection:
        (placement,) = add_placements(connection, "eu/web")
        connection.execute(update(PlacementRow).where(PlacementRow.id == placement).values(values))
        found = placement_status.get(connection, placement)
    assert found.tenant == tenant
    assert signer.proves(found.signature, tenant, found.delete_hooks)
