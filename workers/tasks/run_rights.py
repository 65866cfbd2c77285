"""In whose name a run makes its requests, with what must be audited of that; the rules are in ``tenancy``."""

from __future__ import annotations

from common.domain.tenant import Signer, Tenant
from common.store.events import audit
from common.store.events.audit import Deed
from common.store.queue.runs import ClaimedRun
from common.store.state.placement_status import PlacementStatus
from workers.sync.requests import Phase
from workers.tasks import tenancy
from workers.tasks.run_facts import Facts
from workers.tasks.runtime import Runtime
from workers.tasks.tenancy import RemovalUnprovenError, Rights


def rights_of(
    runtime: Runtime, run: ClaimedRun, facts: Facts, phase: Phase
) -> tuple[Rights, tuple[Tenant, str] | None]:
    """Return what a run may do, and what is to be noted with the placement before anything is written in that name."""
    row, signer = facts.status, signer_of(runtime, run, facts)
    if phase is Phase.REMOVE:
        _check_proof(runtime, run, row, signer)
        return tenancy.to_remove(run.ref, facts.fleet, row.tenant, hooks=bool(row.delete_hooks)), None
    rights = tenancy.to_write(run.ref, facts.fleet)
    signature = tenancy.to_note(row, rights, signer) if phase is not Phase.CHECK else None
    if signature is None:
        return rights, None
    _audit_transfer(runtime, run, row, rights)
    return rights, (rights.tenant, signature)


def signer_of(runtime: Runtime, run: ClaimedRun, facts: Facts) -> Signer:
    """Return what signs, and proves, what is kept of the placement for its removal."""
    return Signer(runtime.hub_key, run.ref, facts.status.mark)


def _audit_transfer(runtime: Runtime, run: ClaimedRun, row: PlacementStatus, rights: Rights) -> None:
    """Have it audited that objects go from one project to another."""
    if row.tenant is None or row.tenant.project == rights.project.name:
        return
    detail = {"from": row.tenant.project, "to": rights.project.name, "run": run.attempt.run}
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        audit.append(connection, Deed("flotilla", "transfer", str(run.ref), rights.project.name, detail), now=now)


def _check_proof(runtime: Runtime, run: ClaimedRun, row: PlacementStatus, signer: Signer) -> None:
    """Raise, and have it audited, where what a removal would go by was not left by a run."""
    try:
        tenancy.check_proof(row, signer)
    except RemovalUnprovenError as error:
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            detail = {"attempt": str(run.attempt), "why": error.message, "worker": runtime.name}
            audit.append(connection, Deed("flotilla", "removal.refused", str(run.ref), run.project, detail), now=now)
        raise
