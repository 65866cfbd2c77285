"""What a request is about: a selection becomes placements, an approval or a repository, as the caller sees them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from common.domain.addresses import repository_key
from common.domain.admission import FOR_PERSONS_OPEN
from common.domain.approvals import ApprovalKind, by_self, is_doubtful, refusal
from common.domain.holds import Hold
from common.domain.refs import PlacementRef
from common.domain.rights import ALL, EVERYWHERE, Scope, Verb
from common.domain.status import NONE
from common.snapshots import Snapshots
from common.store.engine.connection import Connection
from common.store.engine.session import Database
from common.store.reads import selections
from common.store.reads.placements import PlacementFilter
from common.store.reads.selections import Seen
from common.store.state.approvals import Approval
from common.store.state.intents import IntentKind
from console.api.contract.errors import At, NotFoundError, RequestError, SelfApprovalError, UnknownValueError, pointer
from console.api.door.needs import allowed
from console.api.door.viewer import Viewer
from console.api.reads import known

MOST = 5_000
"""Placements that one request may be about."""
NAMED = 400
"""Placements that one request may name."""
VERBS = {
    IntentKind.SYNC: Verb.SYNC,
    IntentKind.CHECK: Verb.SYNC,
    IntentKind.REFRESH: Verb.SYNC,
    IntentKind.PAUSE: Verb.PAUSE,
    IntentKind.RESUME: Verb.PAUSE,
    IntentKind.APPROVE: Verb.APPROVE,
    IntentKind.REJECT: Verb.APPROVE,
}
"""The right that each kind takes, in the project of what it is about."""
DECISIONS = frozenset({IntentKind.APPROVE, IntentKind.REJECT})
_REMOVALS = frozenset({ApprovalKind.PRUNE, ApprovalKind.LEAVING, ApprovalKind.DRAIN})
READABLE = r"^[^\x00]*$"
"""What can be stored and compared."""
Name = Annotated[str, Field(max_length=253, pattern=READABLE)]


class Selection(BaseModel):
    """What a request is about. Several fields choose what fits all of them.

    Attributes:
        placements: by name, CLUSTER/APPLICATION; whatever their state. Goes with no other field.
        label: of clusters, each KEY=VALUE.
        approval: its number, for `approve` and `reject` alone.
        repo: its URL, for `refresh` alone; without it everything is refreshed.
    """

    model_config = ConfigDict(extra="forbid")

    placements: list[Name] = Field(default_factory=list, max_length=NAMED)
    application: Name = ""
    cluster: Name = ""
    project: Name = ""
    label: list[Name] = Field(default_factory=list, max_length=20)
    sync: Name = ""
    health: Name = ""
    approval: int | None = Field(default=None, ge=1, le=2**63 - 1)
    repo: str = Field(default="", max_length=2000, pattern=READABLE)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a request is about, as it is now.

    Attributes:
        subjects: each with its project.
        seen: the placements; empty for other subjects.
        approval: that is decided; None for none.
        by_self: who approves is who asked for it.
        removes: whether objects are removed by what is asked for itself.
        removals: how many: those that an approval lists, or all that its placements own now.
        alone: whether one subject was named, and no other with it.
        takes_over: project whose objects a sync of this one placement hands to another; empty for none.
    """

    subjects: dict[str, str]
    seen: tuple[Seen, ...] = ()
    approval: Approval | None = None
    by_self: bool = False
    removes: bool = False
    removals: int = 0
    alone: bool = True
    takes_over: str = ""
    facts: tuple[object, ...] = field(default=(), repr=False)

    def etag(self, kind: IntentKind) -> str:
        """Return what changes as soon as the request would do something else."""
        placements = [
            (str(one.ref), one.state, one.revision, one.obstacle.code, one.paused, one.unreachable) for one in self.seen
        ]
        facts = orjson.dumps([kind.value, sorted(self.subjects.items()), placements, self.facts, self.takes_over])
        return f'"{hashlib.sha256(facts).hexdigest()[:32]}"'

    @property
    def project(self) -> str:
        """Return the project that all of it belongs to; empty where there are several, or none."""
        projects = set(self.subjects.values())
        return projects.pop() if len(projects) == 1 else ""

    @property
    def obstacles(self) -> Counter[str]:
        """Return how many placements each obstacle stands in the way of, by its code."""
        return Counter(one.obstacle.code for one in self.seen if one.obstacle)


def meant(request: Request, connection: Connection, kind: IntentKind, which: Selection, who: Viewer) -> Meant:
    """Return what a selection is about, if the caller may do that with all of it.

    What the caller may not read is as if it did not exist.

    Raises:
        NotFoundError: something that is named does not exist.
        ForbiddenError: the caller may read it, and not do that with it; or led to it, and another person has to.
        RequestError: it chooses nothing, too much, or what the kind is not about.
    """
    scope = who.scope(Verb.READ)
    if kind in DECISIONS:
        _only(kind, which, "approval")
        found = _approval(connection, which.approval, scope)
    elif kind is IntentKind.REFRESH:
        _only(kind, which, "repo")
        return _refreshed(connection, which.repo, who)
    else:
        _only(kind, which, *(set(Selection.model_fields) - {"approval", "repo"}))
        found = _done_by_a_person(_placements(request, connection, which, scope), kind)
    for project in sorted(set(found.subjects.values())):
        allowed(who, VERBS[kind], project)
    if kind is IntentKind.APPROVE and found.approval is not None:
        return _by_another(request, found, found.approval, who)
    return found


def _by_another(request: Request, found: Meant, approval: Approval, who: Viewer) -> Meant:
    """Return what is approved, and whether that is by who asked for it; raises where the project refuses them."""
    snapshots: Snapshots = request.app.state.snapshots
    database: Database = request.app.state.database
    if is_doubtful(approval.asked_by, who.actor):
        force = snapshots.find(database)
        why = refusal(approval.asked_by, who.actor, approval.project, force[1].projects if force else {})
        if why is not None:
            raise SelfApprovalError(approval.project, why)
    return replace(found, by_self=by_self(approval.asked_by, who.actor))


def _only(kind: IntentKind, which: Selection, *fields: str) -> None:
    wrong = sorted(which.model_fields_set - set(fields))
    if wrong:
        at = tuple(At(pointer("body", "selection", one), f"is nothing for {kind.value}") for one in wrong)
        message = f"{kind.value} is not about {wrong[0]}"
        raise RequestError(message, at=at)


def _approval(connection: Connection, number: int | None, scope: Scope) -> Meant:
    if number is None:
        message = "name the approval"
        raise RequestError(message, at=(At("/body/selection/approval", "is missing"),))
    found = known.approval(connection, scope, number)
    removes = found.kind in _REMOVALS
    removals = _removals(connection, found.payload) if removes else 0
    facts = (found.state.value, found.kind.value, dict(found.payload), removals)
    return Meant({str(number): found.project}, approval=found, removes=removes, removals=removals, facts=facts)


def _removals(connection: Connection, payload: Mapping[str, Any]) -> int:
    placements = [PlacementRef.parse(text) for text in payload.get("placements", ())]
    return len(payload.get("objects", ())) + selections.owned(connection, placements)


def _refreshed(connection: Connection, repo: str, who: Viewer) -> Meant:
    """Return the repository as the fleet spells it, never the caller's text, which may carry a password."""
    everywhere = who.may(Verb.SYNC, EVERYWHERE)
    if not repo or everywhere:
        allowed(who, Verb.SYNC, EVERYWHERE)
        return Meant({known.repository(connection, ALL, repo): ""})
    readable = selections.followed(connection, who.scope(Verb.READ))
    spelt = {repository_key(one): one for one in sorted(readable, reverse=True)}.get(repository_key(repo))
    if spelt is None:
        message = "nothing that you may see follows a repository of that URL"
        raise UnknownValueError(message)
    if spelt not in selections.followed(connection, who.scope(Verb.SYNC)):
        allowed(who, Verb.SYNC, EVERYWHERE)
    return Meant({spelt: ""})


def _placements(request: Request, connection: Connection, which: Selection, scope: Scope) -> Meant:
    if not which.model_fields_set:
        message = "nothing is selected"
        raise RequestError(message, remedy="Name placements, or what they have in common.")
    named = "placements" in which.model_fields_set
    if named:
        _only_named(which)
        seen = _named(connection, which.placements, scope)
    else:
        seen = _matching(request, connection, which, scope)
    return Meant({str(one.ref): one.project for one in seen}, seen=seen, alone=named and len(seen) == 1)


def _done_by_a_person(found: Meant, kind: IntentKind) -> Meant:
    """Return what a request is about without the obstacles that it goes through, as who asks for it is a person."""
    if kind not in {IntentKind.SYNC, IntentKind.CHECK}:
        return found
    open_ = FOR_PERSONS_OPEN if kind is IntentKind.SYNC else FOR_PERSONS_OPEN | {Hold.TRANSFERRED}
    takes_over = ""
    if kind is IntentKind.SYNC and found.alone and found.seen[0].obstacle.code == Hold.TRANSFERRED:
        takes_over, open_ = str(found.seen[0].obstacle.params["owner"]), open_ | {Hold.TRANSFERRED}
    seen = tuple(replace(one, obstacle=NONE) if one.obstacle.code in open_ else one for one in found.seen)
    return replace(found, seen=seen, takes_over=takes_over)


def _only_named(which: Selection) -> None:
    others = sorted(which.model_fields_set - {"placements"})
    if others or not which.placements:
        message = f"placements go with no {others[0]}" if others else "no placement is named"
        raise RequestError(message, at=(At("/body/selection/placements", message),))


def _named(connection: Connection, texts: list[str], scope: Scope) -> tuple[Seen, ...]:
    try:
        refs = [*dict.fromkeys(map(PlacementRef.parse, texts))]
    except ValueError as error:
        raise RequestError(str(error), at=(At("/body/selection/placements", str(error)),)) from error
    seen = selections.named(connection, refs, scope)
    there = {one.ref for one in seen}
    missing = next((ref for ref in refs if ref not in there), None)
    if missing is not None:
        known.placement(connection, scope, missing)
        message = f"there is no placement {missing}"
        raise NotFoundError(message, remedy="`flotilla status` lists those that you may see")
    return seen


def _matching(request: Request, connection: Connection, which: Selection, scope: Scope) -> tuple[Seen, ...]:
    snapshots: Snapshots = request.app.state.snapshots
    database: Database = request.app.state.database
    fleet = snapshots.in_force(database)[1] if which.label else None
    labelled = known.labelled(connection, scope, fleet, which.label)
    filter_ = PlacementFilter(which.cluster, which.application, which.sync, which.health, labelled)
    known.selection(connection, scope, filter_)
    seen = selections.matching(connection, filter_, which.project, scope, limit=MOST + 1)
    if len(seen) > MOST:
        raise TooManyError
    if not seen:
        raise NothingError
    return seen


class TooManyError(RequestError):
    """A selection has more placements than one request may be about."""

    code = "selection.too-large"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} placements fit", remedy="Choose fewer: by cluster, label or project.")


class NothingError(RequestError):
    """A selection has no placement that the caller may read."""

    code = "selection.empty"

    def __init__(self) -> None:
        super().__init__("no placement fits", remedy="`flotilla status` lists those that you may see.")
