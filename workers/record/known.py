"""What is known of an attempt by the time it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from common.domain.fleet import Placement, Project, SyncSettings
from common.domain.refs import ObjectId
from common.domain.runs import RetryPolicy
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import Reason
from common.domain.tenant import Signer, Tenant
from workers.record.journal import SqlJournal
from workers.sync.requests import Phase


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an attempt; of one that has only been claimed, nothing.

    Attributes:
        placement: as the fleet has it by which the attempt is carried out; None before that is known, or where nothing
            places it.
        projects: of that fleet.
        hint: what the last sweep saw before the attempt began to look.
        phase: what it does; None before that is decided.
        manifest_digest: of what was rendered; None before.
        warnings: of the renderer; told with the attempt where it succeeds.
        secrets: what is in the manifests and stands in no row.
        journal: what it holds back is written with the end; None before there is one.
        tenant: in whose name the attempt writes; None before that is known.
        signer: of what the placement's removal will go by; None before the tenant is known.
        fenced: what interrupted attempts had planned; None before that is known.
        asks_to_move: whether the placement has asked a person for what is another's, and has not succeeded since.
    """

    placement: Placement | None = None
    projects: Mapping[str, Project] = field(default_factory=dict)
    hint: str = ""
    phase: Phase | None = None
    manifest_digest: str | None = None
    warnings: tuple[Reason, ...] = ()
    secrets: Secrets = NO_SECRETS
    journal: SqlJournal | None = None
    tenant: Tenant | None = None
    signer: Signer | None = None
    fenced: Collection[ObjectId] | None = None
    asks_to_move: bool = True

    @property
    def settings(self) -> SyncSettings:
        """How the placement is synced; the defaults where that is not known."""
        return self.placement.sync if self.placement is not None else SyncSettings(retry=RetryPolicy())

    @property
    def settings_digest(self) -> str:
        """Of what the registry says of the placement; empty where that is not known."""
        return self.placement.settings_digest(self.projects) if self.placement is not None else ""


NOTHING_KNOWN = Known()
