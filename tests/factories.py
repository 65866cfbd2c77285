"""Small fleets for tests, with everything that does not matter filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from common.domain.differences import ChangedField, Diff
from common.domain.fleet import (
    DEFAULT_PROJECT,
    EVERYTHING,
    Application,
    ApplicationState,
    Cluster,
    ClusterState,
    Fleet,
    GitSource,
    LeavingBounds,
    OnUnmatch,
    Ref,
    RefKind,
    SyncMode,
    SyncSettings,
    Target,
)
from common.domain.placements import PlacementState
from common.domain.refs import GitRef, PlacementRef, SourceRef
from common.domain.revisions import RendererVersion, Revision, SourceRevision
from common.domain.status import NONE, Found, Reason
from common.sources.kinds import source_ref
from scheduler.planning.facts import Asked, Current, Facts, Resolved

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPO = "https://git.example.com/apps.git"
SOURCE = GitRef(REPO, "", "refs/heads/main")
SOURCE_ID = 1
DIFFERS = Diff((ChangedField(".a", "1", None),))
"""A difference of an object, whichever."""


def cluster(name: str, state: ClusterState = ClusterState.ACTIVE, *, removed: bool = False) -> Cluster:
    """Return a cluster."""
    return Cluster(name, f"https://{name}.example.com", f"clusters/{name}", state=state, removed=removed)


def application(
    name: str,
    *,
    clusters: Iterable[str] | None = None,
    state: ApplicationState = ApplicationState.ACTIVE,
    on_unmatch: OnUnmatch = OnUnmatch.RETAIN,
    mode: SyncMode = SyncMode.ENFORCE,
    blocked: str = "",
) -> Application:
    """Return an application on some clusters, or on all."""
    target = Target("all", select=EVERYTHING) if clusters is None else Target("some", clusters=tuple(clusters))
    return Application(
        name=name,
        sources=(GitSource(REPO, Ref(RefKind.BRANCH, "main"), path=name),),
        namespace=name,
        targets=(target,),
        state=state,
        on_unmatch=on_unmatch,
        sync=SyncSettings(mode=mode),
        blocked=blocked,
    )


def fleet(
    clusters: Iterable[Cluster], applications: Iterable[Application], leaving: LeavingBounds | None = None
) -> Fleet:
    """Return a fleet."""
    return Fleet(
        name="test",
        leaving=leaving or LeavingBounds(),
        clusters={one.name: one for one in clusters},
        applications={one.name: one for one in applications},
    )


def resolved(*applications: str, digest: str = "d1", error: str = "") -> dict[tuple[SourceRef, str], Resolved]:
    """Return what a source holds for applications."""
    return {
        (SOURCE, name): Resolved(SOURCE_ID, digest, "c" * 40, rendered_by("plain 1"), error) for name in applications
    }


def rendered_by(*texts: str) -> tuple[RendererVersion, ...]:
    """Return renderers, each as ``NAME VERSION``."""
    return tuple(map(RendererVersion.read, texts))


def revision(source: str = "a" * 64, parameters: str = "b" * 64, commit: str = "c" * 40) -> Revision:
    """Return a revision of the one source that applications have here."""
    return Revision(source, parameters, (SourceRevision(SOURCE, commit, rendered_by("plain 1")),))


def facts(
    current: Mapping[PlacementRef, Current] | None = None,
    *,
    found: Mapping[tuple[SourceRef, str], Resolved] | None = None,
    blocked: Mapping[str, Reason] | None = None,
    allowed: frozenset[PlacementRef] = frozenset(),
    asked: Asked | None = None,
    errors: Mapping[int, str] | None = None,
) -> Facts:
    """Return facts for a plan."""
    return Facts(
        now=NOW,
        current=current or {},
        resolved=found or {},
        sources={SOURCE: SOURCE_ID},
        source_errors=errors or {},
        blocked=blocked or {},
        allowed_to_leave=allowed,
        asked=asked,
    )


def current(
    state: PlacementState = PlacementState.PLACED,
    *,
    desired: Revision | None = None,
    applied: tuple[str, str] | None = None,
    hold: Reason = NONE,
    owns: bool = True,
) -> Current:
    """Return a placement as it was planned before."""
    return Current(state, SOURCE_ID, desired, applied, hold, owns, project=DEFAULT_PROJECT.name)


def said(words: str) -> Reason:
    """Return a reason that is shown in these words."""
    return Reason(Found.TOLD, {"text": words})


def stored_ref(repo: str, credentials: str, text: str) -> SourceRef:
    """Return the source that is stored as ``text``."""
    found = source_ref(repo, credentials, text)
    assert found is not None, f"no kind of source reads {text!r}"
    return found
