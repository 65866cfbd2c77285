"""In whose name a run writes: pure, from the fleet in force and what was noted when the placement was written.

Nothing here is the hub's by default. Where it is not known whose something is, it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.domain.errors import PermanentError
from common.domain.fleet import Fleet, Project
from common.domain.refs import PlacementRef
from common.domain.tenant import Signer, Tenant
from common.store.state.placement_status import PlacementStatus


class TenantUnknownError(PermanentError):
    """What is to be removed was written in a name that is not known, or that the registry does not have any more."""

    code: ClassVar[str] = "tenant.unknown"

    def __init__(self, ref: PlacementRef, why: str) -> None:
        remedy = "Put the application's document back as it was and have it synced once; retire it then."
        super().__init__(f"nothing of {ref} is removed: {why}", remedy=remedy)


class RemovalUnprovenError(PermanentError):
    """What a removal would go by is not what a run left with the placement."""

    code: ClassVar[str] = "tenant.unproven"

    def __init__(self, ref: PlacementRef, why: str) -> None:
        super().__init__(
            f"nothing of {ref} is removed: in whose name, and with which hooks, is {why}",
            remedy="Put the application's document back as it was and have it synced once, then retire it; unless "
            "that is an upgrade's or a moved cluster's doing, see who can write to the database.",
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """What a run may do.

    Attributes:
        project: whose rules are asked.
        account: user in whose name requests are made; empty for the hub's own.
    """

    project: Project
    account: str

    @property
    def tenant(self) -> Tenant:
        """What is noted with the placement."""
        return Tenant(self.project.name, self.account)


def to_write(ref: PlacementRef, fleet: Fleet) -> Rights:
    """Return the rights of an application that the fleet has.

    Raises:
        TenantUnknownError: it has none of that name.
    """
    application = fleet.applications.get(ref.application)
    if application is None:
        raise TenantUnknownError(ref, "the registry has no such application")
    return Rights(fleet.projects[application.project], fleet.account_of(application))


def check_proof(kept: PlacementStatus, signer: Signer) -> None:
    """Raise unless what is kept of a placement for its removal was left there by a run of its pool.

    Where it is not known in whose name it was written there is nothing to prove: ``to_remove`` goes by the registry, or
    refuses.

    Raises:
        RemovalUnprovenError: it was changed by somebody else.
    """
    if kept.tenant is None:
        return
    if not kept.signature:
        raise RemovalUnprovenError(signer.ref, "not signed")
    if not signer.proves(kept.signature, kept.tenant, kept.delete_hooks):
        raise RemovalUnprovenError(signer.ref, "not as it was signed, or was signed with another pool's key")


def to_note(kept: PlacementStatus, rights: Rights, signer: Signer) -> str | None:
    """Return the signature to note before a run writes with these rights; None where nothing is to be noted.

    Hooks that are kept from another project's run stay that one's, and those that nobody signed stay so: the next
    success replaces either.
    """
    proved = kept.tenant is not None and signer.proves(kept.signature, kept.tenant, kept.delete_hooks)
    if proved and kept.tenant == rights.tenant:
        return None
    ours = proved and kept.tenant is not None and kept.tenant.project == rights.project.name
    return signer.sign(rights.tenant, kept.delete_hooks) if ours or not kept.delete_hooks else None


def to_remove(ref: PlacementRef, fleet: Fleet, written: Tenant | None, *, hooks: bool) -> Rights:
    """Return the rights for a removal: those in whose name the objects were written, as the registry has them now.

    Args:
        ref: what is removed.
        fleet: in force; the application may have gone from it, or be another project's by now.
        written: as noted; None where it was written before that was noted, or never.
        hooks: whether there are hooks to run.

    Raises:
        TenantUnknownError: nobody knows whose it is.
    """
    application = fleet.applications.get(ref.application)
    if written is None:
        if application is None or hooks:
            raise TenantUnknownError(ref, "in whose name it was written is not known")
        return to_write(ref, fleet)
    if application is not None and application.project == written.project:
        return to_write(ref, fleet)
    project = fleet.projects.get(written.project)
    if project is None:
        raise TenantUnknownError(ref, f"the registry has no project {written.project} any more, which it is of")
    if written.account.rpartition(":")[2] != project.service_account:
        raise TenantUnknownError(ref, f"project {project.name} has another service account than it was written by")
    return Rights(project, written.account)
