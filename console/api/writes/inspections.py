"""``/api/v1/inspections``: looks at clusters as they are now. Asked for here, carried out by a worker, read here."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Request, Response, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.domain.codes import InspectionReason
from common.domain.inspections import LINES, MOST_LINES, VERBS, Inspected, InspectionState, Question
from common.domain.reasons import remedy, statement
from common.domain.redact import redacted
from common.domain.refs import ObjectId, PlacementRef, is_uuid
from common.domain.rights import Verb
from common.domain.status import Reason
from common.snapshots import Snapshots
from common.store.engine.session import Database
from common.store.events import audit
from common.store.events.audit import Asked as Outcome
from common.store.events.audit import Deed, Way
from common.store.queue import inspections
from common.store.queue.inspections import Asked, Inspection
from common.store.reads import selections
from console.api.contract.errors import At, ForbiddenError, NotFoundError, RequestError, UnknownValueError
from console.api.contract.routing import PREFIX, api_router
from console.api.door.needs import allowed, needs
from console.api.door.refusals import Refusals
from console.api.door.viewer import Asking, Viewer

router = api_router("inspections")
_LONGEST_SINCE = timedelta(days=31)


class CrowdedError(RequestError):
    """The caller has asked for too many inspections that are not answered yet, or for too many in a minute."""

    code: ClassVar[str] = "inspection.crowded"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    headers = {"Retry-After": "5"}  # noqa: RUF012 - as the base class has it


class NotLookedAtError(RequestError):
    """The placement is on its way out: the registry does not have its application any more."""

    code: ClassVar[str] = "inspection.leaving"


class InspectionQuestion(BaseModel):
    """What is to be looked at.

    Attributes:
        placement: ``CLUSTER/APPLICATION``.
        object: ``group/Kind:namespace/name``, as the tree names it; empty for all there is.
        container: whose log is wanted; empty for each.
        previous: whether the log of the container before its last restart is wanted.
        lines: of each log, the last ones.
        since: seconds that a log is read back.
    """

    model_config = ConfigDict(extra="forbid")

    placement: str = Field(max_length=200)
    what: Inspected
    object: str = Field(default="", max_length=900)
    container: str = Field(default="", max_length=63)
    previous: bool = False
    lines: int = Field(default=LINES, ge=1, le=MOST_LINES)
    since: int | None = Field(default=None, ge=1, le=int(_LONGEST_SINCE.total_seconds()))


class Operation(BaseModel):
    """What is to be done to a running object.

    Attributes:
        placement: ``CLUSTER/APPLICATION``.
        object: as the tree names it.
        action: one of those that the tree has of the object.
        reason: why, kept for audit.
    """

    model_config = ConfigDict(extra="forbid")

    placement: str = Field(max_length=200)
    object: str = Field(min_length=1, max_length=900)
    action: str = Field(pattern="^[a-z][a-z-]{0,39}$")
    reason: str = Field(default="", max_length=1000)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class KubernetesEventView(_Part):
    """What a cluster says happened."""

    type: str
    reason: str
    message: str
    times: int
    at: str


class EventOf(KubernetesEventView):
    """An event with the object that it is about."""

    object: str


class NodeView(_Part):
    """One object with what hangs on it.

    Attributes:
        id: by which it can be asked about.
        created_at: as the cluster writes instants; empty where it was not read.
        images: of its containers.
        node: that a pod runs on.
        restarts: of a pod's containers.
        ready: pods of it, or containers of a pod, that are ready.
        wanted: how many should be.
        containers: of a pod.
        actions: what can be done to it now.
    """

    id: str
    group: str
    kind: str
    namespace: str
    name: str
    health: str
    reason: str
    reason_code: str
    reason_params: dict[str, Any]
    created_at: str
    images: tuple[str, ...]
    node: str
    restarts: int | None
    ready: int | None
    wanted: int | None
    containers: tuple[str, ...]
    actions: tuple[str, ...]
    events: tuple[KubernetesEventView, ...]
    children: tuple[NodeView, ...]


class TreeAnswer(_Part):
    """The objects of a placement; ``notes`` say what could not be looked at."""

    health: str
    objects: tuple[NodeView, ...]
    notes: tuple[str, ...]


class EventsAnswer(_Part):
    """Events, newest first."""

    events: tuple[EventOf, ...]
    notes: tuple[str, ...]


class LogView(_Part):
    """What one container wrote; ``cut`` says that there is more before it."""

    pod: str
    namespace: str
    container: str
    lines: tuple[str, ...]
    cut: bool


class LogsAnswer(_Part):
    """Logs, of what is not ready first."""

    logs: tuple[LogView, ...]
    notes: tuple[str, ...]


class OperationAnswer(_Part):
    """What was done to an object."""

    object: str
    action: str
    notes: tuple[str, ...]


class ManifestAnswer(_Part):
    """One object as YAML; what is secret in it is masked."""

    object: str
    manifest: str
    notes: tuple[str, ...]


class WhyNot(BaseModel):
    """Why there is no answer."""

    code: str
    message: str
    remedy: str


class InspectionView(BaseModel):
    """An inspection as it stands. One of the four answers is there once it is answered."""

    id: str
    placement: str
    project: str
    what: Inspected
    object: str
    state: InspectionState
    actor: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    tree: TreeAnswer | None = None
    events: EventsAnswer | None = None
    logs: LogsAnswer | None = None
    manifest: ManifestAnswer | None = None
    operate: OperationAnswer | None = None
    error: WhyNot | None = None


_ANSWERS: dict[Inspected, type[_Part]] = {
    Inspected.TREE: TreeAnswer,
    Inspected.EVENTS: EventsAnswer,
    Inspected.LOGS: LogsAnswer,
    Inspected.MANIFEST: ManifestAnswer,
    Inspected.OPERATE: OperationAnswer,
}


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.post("/inspections", status_code=status.HTTP_202_ACCEPTED, dependencies=[needs(Verb.READ)])
def post_inspection(request: Request, response: Response, who: Asking, question: InspectionQuestion) -> InspectionView:
    """Ask for a look at a placement on its cluster; ``GET`` of the ``Location`` has what came of it, for 10 minutes.

    Logs need the right ``logs`` in the placement's project.
    """
    found = _stored(request, who, _placement_ref(question.placement), _question(question))
    response.headers["Location"] = f"{PREFIX}/inspections/{found.id}"
    return _view(found)


@router.post("/operations", status_code=status.HTTP_202_ACCEPTED, dependencies=[needs(Verb.OPERATE)])
def post_operation(request: Request, response: Response, who: Asking, operation: Operation) -> InspectionView:
    """Have something done to a running object of a placement; ``GET`` of the ``Location`` has what came of it.

    What can be done to it is in the tree. It is audited, with what came of it.
    """
    wanted = Question(Inspected.OPERATE, _object(operation.object), action=operation.action)
    ref = _placement_ref(operation.placement)
    try:
        found = _stored(request, who, ref, wanted, why=operation.reason)
    except ForbiddenError as error:
        refusals: Refusals = request.app.state.refusals
        told = {"object": str(wanted.object), "action": wanted.action, "why": error.message}
        refusals.note(Deed(who.actor, "operate", str(ref), "", told, _way(who, Outcome.REFUSED)))
        raise
    response.headers["Location"] = f"{PREFIX}/inspections/{found.id}"
    return _view(found)


def _stored(request: Request, who: Viewer, ref: PlacementRef, wanted: Question, *, why: str = "") -> Inspection:
    """Store what somebody asks for; what is to be done to an object is audited.

    Raises:
        NotFoundError: there is no such placement, or they may not read it.
        RequestError: it cannot be asked for now, or not by them.
    """
    snapshots: Snapshots = request.app.state.snapshots
    _, fleet = snapshots.in_force(_database(request))
    application, cluster = fleet.applications.get(ref.application), fleet.clusters.get(ref.cluster)
    with _database(request).write() as connection:
        now = _database(request).now(connection)
        known = selections.numbered(connection, who.scope(Verb.READ), ref)
        if known is None:
            message = f"there is no placement {ref}"
            raise NotFoundError(message)
        number, project = known
        if application is None or cluster is None:
            message = f"{ref} is leaving: the registry does not have its application any more"
            raise NotLookedAtError(message, remedy=f"See `flotilla explain {ref}`.")
        allowed(who, VERBS[wanted.what], project)
        if inspections.crowd(connection, who.actor, now=now).is_too_large:
            message = "too many inspections of yours are not answered yet, or were asked for in the last minute"
            raise CrowdedError(message, remedy="wait a few seconds")
        id_ = inspections.ask(connection, Asked(number, ref, project, cluster.pool, who.actor, wanted), now=now)
        if wanted.what is Inspected.OPERATE:
            told = {"object": str(wanted.object), "action": wanted.action, "reason": redacted(why), "id": id_}
            deed = Deed(who.actor, "operate", str(ref), project, told, _way(who, Outcome.ASKED))
            audit.append(connection, deed, now=now)
        found = inspections.get(connection, id_, now=now)
    assert found is not None  # noqa: S101 - it was just stored
    return found


@router.get("/inspections/{inspection_id}", dependencies=[needs(Verb.READ)])
def get_inspection(request: Request, who: Asking, inspection_id: str) -> InspectionView:
    """Return an inspection as it stands, to who may ask for it."""
    found = None
    if is_uuid(inspection_id):
        with _database(request).read() as connection:
            found = inspections.get(connection, inspection_id, now=_database(request).now(connection))
    if found is None or not _may_see(who, found):
        message = "there is no such inspection, or not any more"
        raise NotFoundError(message, remedy="ask for it again")
    return _view(found)


def _may_see(who: Viewer, found: Inspection) -> bool:
    project = found.asked.project
    return who.may(Verb.READ, project) and who.may(VERBS[found.asked.question.what], project)


def _way(who: Viewer, outcome: Outcome) -> Way:
    return Way(outcome, Verb.OPERATE.value, who.credential, who.address)


def _placement_ref(text: str) -> PlacementRef:
    try:
        return PlacementRef.parse(text)
    except ValueError as error:
        message = f"{text[:100]!r} is no placement: CLUSTER/APPLICATION"
        raise UnknownValueError(message, at=(At("/body/placement", message),)) from error


def _question(question: InspectionQuestion) -> Question:
    object_id = _object(question.object) if question.object else None
    if question.what is Inspected.MANIFEST and object_id is None:
        message = "a manifest is of one object: name it"
        raise UnknownValueError(message, at=(At("/body/object", message),))
    if question.what is Inspected.OPERATE:
        message = "operate is no look: POST operations asks for it"
        raise UnknownValueError(message, at=(At("/body/what", message),))
    since = None if question.since is None else timedelta(seconds=question.since)
    return Question(question.what, object_id, question.container, question.previous, question.lines, since)


def _object(text: str) -> ObjectId:
    try:
        return ObjectId.parse(text)
    except ValueError as error:
        message = f"{text[:100]!r} is no object: group/Kind:namespace/name"
        raise UnknownValueError(message, at=(At("/body/object", message),)) from error


def _view(found: Inspection) -> InspectionView:
    asked = found.asked
    view = InspectionView(
        id=found.id,
        placement=str(asked.ref),
        project=asked.project,
        what=asked.question.what,
        object=str(asked.question.object or ""),
        state=found.state,
        actor=asked.actor,
        created_at=found.created_at,
        expires_at=found.expires_at,
        ended_at=found.ended_at,
    )
    if found.error:
        return view.model_copy(update={"error": _why_not(found.error)})
    if found.answer is None:
        return view
    try:
        answer = _ANSWERS[asked.question.what].model_validate(found.answer)
    except ValidationError:  # a worker of another version wrote it, or one that is not ours any more
        why = _why_not(Reason(InspectionReason.UNREADABLE))
        return view.model_copy(update={"state": InspectionState.FAILED, "error": why})
    return view.model_copy(update={asked.question.what.value: answer})


def _why_not(reason: Reason) -> WhyNot:
    return WhyNot(code=str(reason.code), message=statement(reason), remedy=remedy(reason))
