"""``GET /api/v1/status``, ``clusters`` and ``placements``: the fleet or a part of it, and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import TypeAdapter

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
from console.api.reads.listing import FILES, Listed
from console.api.reads.sharing import Shared, prepared
from console.work import WorkView

router = api_router("fleet")
FIRST = 100
"""Faults, and approvals, that the status shows; it says how many more there are."""
_Told = TypeVar("_Told")
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
    def shared(self) -> Shared:
        """Answers that are made once for all who ask for the same."""
        shared: Shared = self._request.app.state.shared
        return shared

    @property
    def key(self) -> Hashable:
        """What is the same for all who ask for this part by the same rights."""
        return (self.scope, self._names, tuple(self._labels))

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
        retained: placements that the registry does not want any more, left as they are.
        faults: that are open, the first of them; the list of faults has all.
        more_faults: how many are not among them.
        approvals: that are open, the latest of them; the list of approvals has all.
        more_approvals: how many are not among them.
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
    retained: int
    faults: tuple[FaultView, ...]
    more_faults: int
    approvals: tuple[ApprovalView, ...]
    more_approvals: int
    sources: tuple[SourceView, ...]
    wrong: bool


_STATUS, _PROBLEMS = TypeAdapter(StatusAnswer), TypeAdapter(Problems)


@router.get("/status", dependencies=[needs(Verb.READ)], response_model=StatusAnswer, status_code=200)
async def get_status(request: Request, part: InPart) -> Response:
    """Return how the work goes, then counts, faults and open approvals; `wrong` is whether somebody should look."""
    return await part.shared.answer(request, ("status", part.key), lambda _: prepared(_status(request, part)))


def _status(request: Request, part: Part) -> bytes:
    with part.database.read() as connection:
        which = part.filter(connection)
        seen = summary(connection, part.scope, which)
        symptoms = _symptoms(connection, part, request)
        faults, more_faults = _faults(connection, part, which, seen)
        approvals, more_approvals = _approvals(connection, part, which)
        stuck = any(one.severity is Severity.ERROR for one in symptoms)
        found = StatusAnswer(
            work=work.views(symptoms),
            fleet=fleet.fleet(connection),
            clusters=dict(seen.clusters),
            blocked=seen.blocked,
            sync=dict(seen.sync),
            health=dict(seen.health),
            paused=seen.paused,
            leaving=seen.leaving,
            retained=seen.retained,
            faults=faults,
            more_faults=more_faults,
            approvals=approvals,
            more_approvals=more_approvals,
            sources=fleet.sources(connection, part.scope),
            wrong=stuck or _is_wrong(seen, faults, approvals),
        )
    return _STATUS.dump_json(found)


def _faults(
    connection: Connection, part: Part, which: PlacementFilter, seen: Summary
) -> tuple[tuple[FaultView, ...], int]:
    """Return the first open faults that concern a part of the fleet, and how many more there are."""
    if part.whole:
        first = fleet.faults(connection, part.scope, limit=FIRST).items
        return first, seen.faults.total() - len(first)
    found = [one for one in _all(fleet.faults, connection, part) if _concerns(which, one.scope.partition(":")[2])]
    return tuple(found[:FIRST]), len(found[FIRST:])


def _approvals(connection: Connection, part: Part, which: PlacementFilter) -> tuple[tuple[ApprovalView, ...], int]:
    """Return the latest open approvals that concern a part of the fleet, and how many more there are."""
    if part.whole:
        first = fleet.approvals(connection, part.scope, limit=FIRST).items
        return first, fleet.open_approvals(connection, part.scope) - len(first)
    found = [one for one in _all(fleet.approvals, connection, part) if _concerns(which, one.subject)]
    return tuple(found[:FIRST]), len(found[FIRST:])


def _all(read: Callable[..., Page[_Told]], connection: Connection, part: Part) -> Iterator[_Told]:
    after, more = "", True
    while more:
        page = read(connection, part.scope, after=after, limit=MAX_PAGE)
        yield from page.items
        after = page.after
        more = bool(after)


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


@router.get("/problems", dependencies=[needs(Verb.READ)], response_model=Problems, status_code=200)
async def get_problems(
    request: Request, part: InPart, limit: Annotated[int, Query(ge=1, le=problems.MOST)] = problems.MOST
) -> Response:
    """Return what is wrong with placements, the worst first; those of which the same is said stand together."""
    key = ("problems", part.key, limit)
    return await part.shared.answer(request, key, lambda _: prepared(_problems(part, limit)))


def _problems(part: Part, limit: int) -> bytes:
    with part.database.read() as connection:
        found = problems.problems(connection, part.scope, part.filter(connection), limit=limit)
    return _PROBLEMS.dump_json(found)


@router.get(
    "/placements",
    dependencies=[needs(Verb.READ)],
    response_model=Page[PlacementView],
    status_code=200,
    responses=FILES,
)
def get_placements(
    part: InPart,
    listed: Listed,
    sync: str = "",
    health: str = "",
    paused: Paused = False,  # noqa: FBT002 - a query
    show: Show = Show.ALL,
) -> Page[PlacementView] | Response:
    """Return placements by cluster and application; those with problems alone, the worst first."""
    read = placements.troubled if show is Show.PROBLEMS else placements.placements
    with part.database.read() as connection:
        which = part.filter(connection, sync=sync, health=health, paused=paused)
    return listed.answer(
        PlacementView,
        lambda connection, after, limit: read(connection, part.scope, which, after=after, limit=limit),
    )
