"""What planning is told: facts from SQL as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.domain.placements import PlacementState
from common.domain.refs import PlacementRef, SourceRef
from common.domain.revisions import RendererVersion, Revision
from common.domain.status import Reason


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a source holds for one application.

    Attributes:
        source_id: row of the source.
        digest: of the footprint; empty when it was never read.
        commit: where the digest came from.
        renderers: with their versions, part of the parameters digest.
        error: why the footprint cannot be read now; the last good digest stays.
    """

    source_id: int
    digest: str
    commit: str
    renderers: tuple[RendererVersion, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Current:
    """A placement as it was planned before.

    Attributes:
        applied: identity of what it runs; None before its first success.
        owns: whether anything of it may be on the cluster.
        looked: whether what its last run saw could not be corrected, or not be judged, by one that only looked.
        failed_settings: digest of what the registry said of it when its last run failed; None where none failed,
            empty where that is not known.
        project: that it belonged to; empty where none is known.
        tenant: project in whose name its objects were written last; None where that was not recorded.
    """

    state: PlacementState
    source_id: int | None
    desired: Revision | None
    applied: tuple[str, str] | None
    hold: Reason
    owns: bool
    project: str = field(kw_only=True)
    looked: bool = False
    failed_settings: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The last question about removals over the fleet's bounds that was not answered with yes.

    Attributes:
        placements: that would leave.
        of: placements that were placed when the first of these questions was asked.
    """

    placements: frozenset[PlacementRef]
    of: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan is made from.

    Attributes:
        now: by the database's clock; aware.
        current: placements in SQL.
        resolved: by what is to be resolved, and the application.
        sources: ids of the sources that are followed.
        source_errors: why a source as a whole could not be looked at, by id.
        blocked: clusters nothing may be written to, with the reason.
        allowed_to_leave: placements whose removal a person has approved.
        asked: what a person was asked last about removals; None where nothing waits, and nothing was rejected.
    """

    now: datetime
    current: Mapping[PlacementRef, Current] = field(default_factory=dict)
    resolved: Mapping[tuple[SourceRef, str], Resolved] = field(default_factory=dict)
    sources: Mapping[SourceRef, int] = field(default_factory=dict)
    source_errors: Mapping[int, str] = field(default_factory=dict)
    blocked: Mapping[str, Reason] = field(default_factory=dict)
    allowed_to_leave: frozenset[PlacementRef] = frozenset()
    asked: Asked | None = None
