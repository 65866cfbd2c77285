"""``GET /api/v1/status``, ``clusters`` and ``placements``: the fleet or a part of it, and what is wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query, Request

from common.domain.fleet import Fleet
from common.domain.rights import ALL, Verb
from common.domain.work import Severity, WorkFinding
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.reads import fleet, placements, problems
from common.store.reads.fleet import ApprovalView, ClusterView, FaultView, FleetView, SourceView
from common.store.reads.page import MAX_PAGE, Page
from common.store.reads.placements import PlacementFilter, PlacementView
from common.store.reads.problems import Problems
from common.store.reads.summary import Summary, summary
from console import work
from console.api.contract.routing import api_router
from console.api.door.needs import Reading, needs
from console.api.reads import known
from console.work import WorkView

router = api_router("fleet")
Labels = Annotated[list[str] | None, Query()]
Paused = Annotated[bool, Query(description="those alone that get no runs by themselves")]


class Show(StrEnum):
    """What of a list is shown."""

    ALL = "all"
    PROBLEMS = "problems"


class Part:
    """A part of the fleet: of one cluster, of one application, of clusters with labels; or all of it."""

    def __init__(
        self,
        request: Request,
        scope: Reading,
        cluster: str = "",
        application: str = "",
        label: Labels = None,
    ) -> None:
        self._request = request
        self.scope = scope
        """Where the caller may read."""
        self._names = PlacementFilter(cluster, application)
        self._labels = label or ()
        # Before any transaction: a new registry takes a while to be read.
        self._fleet = self._declared if self._labels else None

    @property
    def database(self) -> Database:
        """The hub's."""
        database: Database = self._request.app.state.database
        return database

    @property
    def _declared(self) -> Fleet:
        snapshots: Snapshots = self._request.app.state.snapshots
        return snapshots.in_force(self.database)[1]

    @property
    def whole(self) -> bool:
        """Whether it is all of the fleet."""
        return not (self._names.cluster or self._names.application or self._labels)

    def filter(
        self, connection: Connection, *, sync: str = "", health: str = "", paused: bool = False
    ) -> PlacementFilter:
        """Return the filter for it.

        Raises:
            UnknownValueError: a name, label or word is none.
        """
        names = self._names
        labelled = known.labelled(connection, self.scope, self._fleet, self._labels)
        which = PlacementFilter(names.cluster, names.application, sync, health, labelled, paused)
        return known.selection(connection, self.scope, which)


InPart = Annotated[Part, Depends()]


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """How a part of the fleet stands.

    Attributes:
        work: what keeps the hub's work from going on; for who may read the whole fleet.
        fleet: None before the first registry was read.
        clusters: declared ones, by ``reachable``, ``unreachable``, ``unknown``.
        blocked: clusters that are not written to.
        sync: placements by sync status.
        health: the same by health.
        paused: placements that get no runs.
        leaving: placements on their way out.
        faults: that are open.
        approvals: that are open.
        sources: of the whole fleet, as far as the caller may read what follows them.
        wrong: whether somebody should look.
    """

    work: tuple[WorkView, ...]
    fleet: FleetView | None
    clusters: dict[str, int]
    blocked: int
    sync: dict[str, int]
    health: dict[str, int]
    paused: int
    leaving: int
    faults: tuple[FaultView, ...]
    approvals: tuple[ApprovalView, ...]
    sources: tuple[SourceView, ...]
    wrong: bool


@router.get("/status", dependencies=[needs(Verb.READ)])
def get_status(request: Request, part: InPart) -> StatusAnswer:
    """Return how the work goes, then counts, faults and open approvals; ``wrong`` is whether somebody should look."""
    with part.database.read() as connection:
        which = part.filter(connection)
        seen = summary(connection, part.scope, which)
        found = _symptoms(connection, part, request)
        faults, approvals = fleet.faults(connection, part.scope), fleet.approvals(connection, part.scope)
        if not part.whole:
            faults = tuple(one for one in faults if _concerns(which, one.scope.partition(":")[2]))
            approvals = tuple(one for one in approvals if _concerns(which, one.subject))
        stuck = any(one.severity is Severity.ERROR for one in found)
        return StatusAnswer(
            work=work.views(found),
            fleet=fleet.fleet(connection),
            clusters=dict(seen.clusters),
            blocked=seen.blocked,
            sync=dict(seen.sync),
            health=dict(seen.health),
            paused=seen.paused,
            leaving=seen.leaving,
            faults=faults,
            approvals=approvals,
            sources=fleet.sources(connection, part.scope),
            wrong=stuck or _is_wrong(seen, faults, approvals),
        )


def _symptoms(connection: Connection, part: Part, request: Request) -> tuple[WorkFinding, ...]:
    """Return what keeps the hub's work from going on, for who may read all of the fleet."""
    return work.look(connection, part.database, request.app.state.settings) if part.scope == ALL else ()


def _is_wrong(seen: Summary, faults: Sequence[FaultView], approvals: Sequence[ApprovalView]) -> bool:
    away = seen.clusters.total() - seen.clusters["reachable"]
    return bool(seen.troubled or seen.blocked or away or faults or approvals)


def _concerns(which: PlacementFilter, subject: str) -> bool:
    """Return whether a subject, a cluster or ``cluster/application``, is in a part of the fleet."""
    cluster, _, application = subject.partition("/")
    if which.application and application != which.application:
        return False
    if which.clusters is not None and cluster not in which.clusters:
        return False
    return not which.cluster or cluster == which.cluster


@router.get("/clusters", dependencies=[needs(Verb.READ)])
def get_clusters(part: InPart, show: Show = Show.ALL) -> tuple[ClusterView, ...]:
    """Return clusters by name."""
    with part.database.read() as connection:
        which = part.filter(connection)
        return fleet.clusters(connection, part.scope, which, only=fleet.IN_TROUBLE if show is Show.PROBLEMS else None)


@router.get("/problems", dependencies=[needs(Verb.READ)])
def get_problems(part: InPart, limit: Annotated[int, Query(ge=1, le=problems.MOST)] = problems.MOST) -> Problems:
    """Return what is wrong with placements, the worst first; those of which the same is said stand together."""
    with part.database.read() as connection:
        return problems.problems(connection, part.scope, part.filter(connection), limit=limit)


@router.get("/placements", dependencies=[needs(Verb.READ)])
def get_placements(  # noqa: PLR0913 - each is one query parameter
    part: InPart,
    sync: str = "",
    health: str = "",
    paused: Paused = False,  # noqa: FBT002 - a query
    show: Show = Show.ALL,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Page[PlacementView]:
    """Return placements by cluster and application; those with problems alone, the worst first."""
    read = placements.troubled if show is Show.PROBLEMS else placements.placements
    with part.database.read() as connection:
        which = part.filter(connection, sync=sync, health=health, paused=paused)
        with known.page_after(after):
            return read(connection, part.scope, which, after=after, limit=limit)
