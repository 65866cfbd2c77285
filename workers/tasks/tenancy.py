"""In whose name a run writes: pure, from the fleet in force and what was noted when the placement was written.

Nothing here is the hub's by default. Where it is not known whose something is, it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.domain.errors import PermanentError
from common.domain.fleet import Fleet, Project
from common.domain.refs import PlacementRef
from common.domain.tenant import Tenant


class TenantUnknownError(PermanentError):
    """What is to be removed was written in a name that is not known, or that the registry does not have any more."""

    code: ClassVar[str] = "tenant.unknown"

    def __init__(self, ref: PlacementRef, why: str) -> None:
        remedy = "Put the application's document back as it was and have it synced once; retire it then."
        super().__init__(f"nothing of {ref} is removed: {why}", remedy=remedy)


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
