"""``POST /api/v1/intents``: the one way to ask for a change. Each is an audited row that the scheduler carries out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Header, Path, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from common.domain.redact import redacted
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.events.audit import Asked, Deed, Way
from common.store.state import idempotency, intents
from common.store.state.idempotency import Key
from common.store.state.intents import IntentKind, NewIntent
from console.api.contract.errors import (
    At,
    ForbiddenError,
    KeyRunningError,
    NotFoundError,
    RequestError,
    StaleIntentError,
    UnseenIntentError,
)
from console.api.contract.routing import PREFIX, api_router
from console.api.door.needs import Reading, signed_in
from console.api.door.refusals import Refusals
from console.api.door.viewer import Asking, Viewer
from console.api.writes.selecting import READABLE, VERBS, Meant, Selection, meant

router = api_router("requests")
SHOWN = 200
"""Placements that a preview lists."""
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""Of a row."""
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", max_length=255)]
IfMatch = Annotated[str, Header(alias="If-Match", max_length=100)]


class NewRequest(BaseModel):
    """What is asked for.

    Attributes:
        kind: what is to be done.
        selection: with what.
        reason: why, for the audit; `approve` needs one.
    """

    model_config = ConfigDict(extra="forbid")

    kind: IntentKind
    selection: Selection = Field(default_factory=Selection)
    reason: str = Field(default="", max_length=1000, pattern=READABLE)


class Wanted(BaseModel):
    """Answer to a write: the request that was stored, and of how many placements it is as a batch; 0 for no batch."""

    intent: int
    placements: int = 0


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """One placement of a preview.

    Attributes:
        revision: digests of what it should run; empty while that is unresolved.
        obstacle: what keeps it from getting a run, as last planned; empty for nothing.
    """

    ref: str
    project: str
    state: str
    sync: str
    health: str
    revision: str
    obstacle: str
    obstacle_code: str
    paused: bool
    unreachable: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would do, from what is stored: no cluster is asked.

    Attributes:
        etag: to be given as If-Match with the request itself; another one comes with every change of what it would do.
        needs_match: whether the request needs it: where it is about several placements, removes something, or hands
            objects over.
        placements: how many it is about.
        revisions: how many different ones these should run.
        paused: how many of them are paused.
        unreachable: how many of them are on a cluster that did not answer.
        obstacles: how many placements each obstacle keeps from a run, by its code; what a person's sync or check goes
            through, as a pause, is none.
        items: the first 200 of them.
        removes: whether objects are removed by the decision.
        removals: how many objects: those that an approval lists, or all that the placements it lists own now.
        by_self: whether who approves is who asked for it: marked in the audit, and refused where the project says so.
        takes_over: project whose objects are handed over by a sync of just this placement; empty for none.
        objects: what changes of objects, and which pods restart, is not known here: `check` finds out, by a run each.
    """

    etag: str
    needs_match: bool
    placements: int
    revisions: int
    paused: int
    unreachable: int
    obstacles: dict[str, int]
    items: tuple[PreviewItem, ...]
    removes: bool
    removals: int
    by_self: bool
    takes_over: str
    objects: str = "check"


@dataclass(frozen=True, slots=True)
class IntentView:
    """What came of a request so far; of a batch, as soon as all of it is carried out.

    Attributes:
        subject: a placement, an approval's id, or a repository (empty for all, and for a batch).
        placements: how many requests it is of, as a batch; 0 for what is none.
        handled_at: null until the scheduler has carried it out.
        outcome: what came of it, for programs; null until then.
        result: what came of it, in words, made of code and parameters.
        run_id: the run that was made for it, or that does already what it asks for.
        counts: of a batch: requests by outcome, `waiting` for those that have none yet.
    """

    id: int
    kind: str
    subject: str
    project: str
    actor: str
    reason: str
    placements: int
    created_at: datetime
    handled_at: datetime | None
    outcome: str | None
    result: str
    result_code: str
    result_params: dict[str, Any]
    run_id: str | None
    counts: dict[str, int]


@router.post(
    "/intents",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[signed_in()],
    responses={200: {"model": Preview, "description": "With `preview=true`: what it would do; nothing is stored."}},
)
def post_intent(  # noqa: PLR0913 - each is a part of the request
    request: Request,
    response: Response,
    who: Asking,
    body: NewRequest,
    preview: Annotated[bool, Query()] = False,  # noqa: FBT002 - by its name, in the query
    if_match: IfMatch = "",
    idempotency_key: IdempotencyKey = "",
) -> Wanted:
    """Ask for something to be done, or see what that would be.

    The right that it takes depends on the kind, and is needed in the project of everything that it is about: `sync` for
    sync, check and refresh, `pause` for pause and resume, `approve` for approve and reject. Where one is missing,
    nothing is stored.
    """
    if body.kind is IntentKind.APPROVE and not body.reason.strip() and not preview:
        message = "an approval needs a reason; it is kept for audit"
        raise RequestError(message, at=(At("/body/reason", "is empty"),))
    try:
        if preview:
            return _seen(request, body, who)  # type: ignore[return-value]  # a response, which is sent as it is
        wanted = _stored(request, body, who, if_match=if_match, name=idempotency_key)
    except ForbiddenError as error:
        refusals: Refusals = request.app.state.refusals
        subject = ",".join(body.selection.placements)[:300] or "*"
        detail = {"why": error.message}
        refusals.note(Deed(who.actor, body.kind, subject, "", detail, _way(who, body.kind, Asked.REFUSED)))
        raise
    response.headers["Location"] = f"{PREFIX}/intents/{wanted.intent}"
    return wanted


def _seen(request: Request, body: NewRequest, who: Viewer) -> Response:
    database: Database = request.app.state.database
    with database.read() as connection:
        found = meant(request, connection, body.kind, body.selection, who)
    etag = found.etag(body.kind)
    removes = found.removes and body.kind is IntentKind.APPROVE
    preview = Preview(
        etag=etag,
        needs_match=_needs_match(found, body.kind),
        placements=len(found.seen),
        revisions=len({one.revision for one in found.seen if one.revision}),
        paused=sum(one.paused for one in found.seen),
        unreachable=sum(one.unreachable for one in found.seen),
        obstacles=dict(found.obstacles),
        items=tuple(
            PreviewItem(
                ref=str(one.ref),
                project=one.project,
                state=one.state,
                sync=one.sync,
                health=one.health,
                revision=one.revision,
                obstacle=one.sentence,
                obstacle_code=one.obstacle.code,
                paused=one.paused,
                unreachable=one.unreachable,
            )
            for one in found.seen[:SHOWN]
        ),
        removes=removes,
        removals=found.removals if removes else 0,
        by_self=found.by_self,
        takes_over=found.takes_over,
    )
    return Response(orjson.dumps(preview), media_type="application/json", headers={"ETag": etag})


def _needs_match(found: Meant, kind: IntentKind) -> bool:
    return len(found.subjects) > 1 or bool(found.takes_over) or (found.removes and kind is IntentKind.APPROVE)


def _stored(request: Request, body: NewRequest, who: Viewer, *, if_match: str, name: str) -> Wanted:
    database: Database = request.app.state.database
    key = Key(who.actor, name, body.model_dump_json().encode()) if name else None
    with database.write() as connection:
        now = database.now(connection)
        before = idempotency.known(connection, key, now=now) if key is not None else None
        if before is not None:
            again = intents.get(connection, before)
            return Wanted(intent=before, placements=again.placements if again is not None else 0)
        found = meant(request, connection, body.kind, body.selection, who)
        _check(found, body.kind, if_match)
        wanted = _add(connection, found, body, who, now)
        if key is not None and not idempotency.remember(connection, key, wanted.intent, now=now):
            raise KeyRunningError
        return wanted


def _check(found: Meant, kind: IntentKind, if_match: str) -> None:
    """Return if the caller has seen what would be done now, where that has to be seen."""
    if if_match and if_match != found.etag(kind):
        raise StaleIntentError
    if not if_match and _needs_match(found, kind):
        raise UnseenIntentError


def _add(connection: Connection, found: Meant, body: NewRequest, who: Viewer, now: datetime) -> Wanted:
    way, reason = _way(who, body.kind, Asked.ASKED), redacted(body.reason)
    if found.alone and len(found.subjects) == 1:
        ((subject, project),) = found.subjects.items()
        one = NewIntent(body.kind, subject, project, who.actor, reason, way, by_self=found.by_self)
        return Wanted(intent=intents.add(connection, one, now=now))
    of_all = NewIntent(body.kind, "", found.project, who.actor, reason, way)
    batch_id = intents.add_batch(connection, of_all, found.subjects, now=now)
    return Wanted(intent=batch_id, placements=len(found.subjects))


def _way(who: Viewer, kind: IntentKind, outcome: Asked) -> Way:
    return Way(outcome, VERBS[kind].value, who.credential, who.address)


def _is_own(found: intents.Intent, who: Viewer) -> bool:
    """Return whether somebody asked for it; what a token for less shows of its maker's, its scope says.

    What is of several projects belongs to none.
    """
    return found.actor == who.actor and (who.whole or who.user_id is None or not found.project)


@router.get("/intents/{intent_id}", dependencies=[signed_in()])
def get_intent(request: Request, intent_id: Number, who: Asking, scope: Reading) -> IntentView:
    """Return what came of a request so far: one's own, or of a project in which one may read."""
    database: Database = request.app.state.database
    with database.read() as connection:
        found = intents.get(connection, intent_id)
        if found is None or not (_is_own(found, who) or scope.covers(found.project)):
            message = f"there is no intent {intent_id}"
            raise NotFoundError(message)
        counts = intents.counts(connection, intent_id) if found.placements else {}
    return IntentView(
        id=found.id,
        kind=found.kind.value,
        subject=found.subject,
        project=found.project,
        actor=found.actor,
        reason=found.reason,
        placements=found.placements,
        created_at=found.created_at,
        handled_at=found.handled_at,
        outcome=found.outcome.value if found.outcome is not None else None,
        result=found.result,
        result_code=found.result_code,
        result_params=dict(found.result_params),
        run_id=found.run_id,
        counts=counts,
    )
