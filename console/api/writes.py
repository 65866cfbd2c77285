"""``POST /api/v1/…``: each is an intent, an audited row that the scheduler carries out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, status
from pydantic import BaseModel, ConfigDict, Field

from common.domain.redact import redacted
from common.domain.refs import PlacementRef
from common.domain.rights import Verb
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.state import approvals, intents, placements
from common.store.state.intents import IntentKind, NewIntent
from console.api import known
from console.api.errors import At, NotFoundError, RequestError
from console.api.needs import needs_everywhere
from console.api.routing import api_router
from console.api.viewer import Asking

router = api_router("requests")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""Of a row."""


class Why(BaseModel):
    """Body of a write: why it is done."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=1000)


class Wanted(BaseModel):
    """Answer to a write: the intent that was stored."""

    intent: int


def _store(request: Request, kind: IntentKind, subject: str, *, actor: str, reason: str) -> Wanted:
    database: Database = request.app.state.database
    with database.write() as connection:
        now, project = database.now(connection), _project(connection, kind, subject)
        new = NewIntent(kind, subject, project, actor, redacted(reason))
        return Wanted(intent=intents.add(connection, new, now=now))


def _project(connection: Connection, kind: IntentKind, subject: str) -> str:
    """Return the project of what is asked for; empty where that belongs to none."""
    match kind:
        case IntentKind.REFRESH:
            return ""
        case IntentKind.APPROVE | IntentKind.REJECT:
            approval = approvals.get(connection, int(subject))
            return approval.project if approval is not None else ""
        case _:
            return placements.project_of(connection, PlacementRef.parse(subject))


def _placement(request: Request, cluster: str, application: str) -> str:
    ref = PlacementRef(cluster, application)
    database: Database = request.app.state.database
    with database.read() as connection:
        known.placement(connection, ref)
    return str(ref)


def _approval(request: Request, approval_id: int) -> str:
    database: Database = request.app.state.database
    with database.read() as connection:
        known.approval(connection, approval_id)
    return str(approval_id)


@router.post(
    "/placements/{cluster}/{application}/sync",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.SYNC)],
)
def post_sync(request: Request, cluster: str, application: str, who: Asking, body: Why | None = None) -> Wanted:
    """Ask for a run of one placement now."""
    subject = _placement(request, cluster, application)
    return _store(request, IntentKind.SYNC, subject, actor=who.actor, reason=(body or Why()).reason)


@router.post(
    "/placements/{cluster}/{application}/check",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.SYNC)],
)
def post_check(request: Request, cluster: str, application: str, who: Asking, body: Why | None = None) -> Wanted:
    """Ask for a run that finds out what a sync of one placement would change now, and writes nothing."""
    subject = _placement(request, cluster, application)
    return _store(request, IntentKind.CHECK, subject, actor=who.actor, reason=(body or Why()).reason)


@router.post(
    "/placements/{cluster}/{application}/pause",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.PAUSE)],
)
def post_pause(request: Request, cluster: str, application: str, who: Asking, body: Why | None = None) -> Wanted:
    """Ask that a placement gets no more runs by itself."""
    subject = _placement(request, cluster, application)
    return _store(request, IntentKind.PAUSE, subject, actor=who.actor, reason=(body or Why()).reason)


@router.post(
    "/placements/{cluster}/{application}/resume",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.PAUSE)],
)
def post_resume(request: Request, cluster: str, application: str, who: Asking, body: Why | None = None) -> Wanted:
    """Ask that a paused placement goes on."""
    subject = _placement(request, cluster, application)
    return _store(request, IntentKind.RESUME, subject, actor=who.actor, reason=(body or Why()).reason)


@router.post("/refresh", status_code=status.HTTP_202_ACCEPTED, dependencies=[needs_everywhere(Verb.SYNC)])
def post_refresh(request: Request, who: Asking, repo: str = "") -> Wanted:
    """Ask that Git is looked at now: one repository, or the registry and all of them.

    What is stored is a URL of the registry's, never the caller's text, which may carry a password.
    """
    database: Database = request.app.state.database
    with database.read() as connection:
        followed = known.repository(connection, repo)
    return _store(request, IntentKind.REFRESH, followed, actor=who.actor, reason="")


@router.post(
    "/approvals/{approval_id}/approve",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.APPROVE)],
)
def post_approve(request: Request, approval_id: Number, who: Asking, body: Why) -> Wanted:
    """Allow what waits, for a reason."""
    if not body.reason.strip():
        message = "an approval needs a reason"
        raise RequestError(message, remedy="say why; it is kept for audit", at=(At("/body/reason", "is empty"),))
    return _store(request, IntentKind.APPROVE, _approval(request, approval_id), actor=who.actor, reason=body.reason)


@router.post(
    "/approvals/{approval_id}/reject",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs_everywhere(Verb.APPROVE)],
)
def post_reject(request: Request, approval_id: Number, who: Asking, body: Why | None = None) -> Wanted:
    """Refuse what waits."""
    subject = _approval(request, approval_id)
    return _store(request, IntentKind.REJECT, subject, actor=who.actor, reason=(body or Why()).reason)


@router.get("/intents/{intent_id}", dependencies=[needs_everywhere(Verb.READ)])
def get_intent(request: Request, intent_id: Number) -> intents.Intent:
    """Return what came of a write so far."""
    database: Database = request.app.state.database
    with database.read() as connection:
        intent = intents.get(connection, intent_id)
    if intent is None:
        message = f"there is no intent {intent_id}"
        raise NotFoundError(message)
    return intent
