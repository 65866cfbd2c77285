"""Looks at a placement on its cluster because somebody asked; what was seen, or why nothing was, is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from common.domain.admission import changes_hands
from common.domain.codes import InspectionReason
from common.domain.errors import FlotillaError, PermanentError, TransientError
from common.domain.fleet import ClusterState, Fleet, Placement, Project
from common.domain.inspections import TIMEOUT, Inspected
from common.domain.secrecy import NO_SECRETS, Secrets
from common.domain.status import Reason
from common.domain.tenant import owner_of
from common.sources.sources import opener
from common.store.engine.connection import Connection as Transaction
from common.store.engine.errors import DatabaseBusyError, DatabaseUnavailableError
from common.store.events import audit
from common.store.events.audit import Asked as Outcome
from common.store.events.audit import Deed, Way
from common.store.queue import dispatch, inspections, leases
from common.store.queue.inspections import Asked, Inspection
from common.store.state import inventory, placements, sources
from common.store.state.placements import PlacementFacts
from common.telemetry.logs import logger
from workers.inspect.answers import ANSWERS
from workers.inspect.place import Place
from workers.kube import Connection
from workers.kube.bounded import within
from workers.kube.children import Children
from workers.kube.logs import Logs
from workers.kube.operations import Operations
from workers.render.renderers import Resolved
from workers.render.request import Capabilities, request_for
from workers.render.sops import Decryptor
from workers.render.table import asks_cluster
from workers.sync.health import own_rules
from workers.sync.plan.policy import check_objects
from workers.tasks.exclusive import exclusive
from workers.tasks.leases import HeldLease
from workers.tasks.looking import reach
from workers.tasks.runtime import Runtime

log = logger(__name__)
_BROKEN = Reason(InspectionReason.BROKEN)
_DONE = "done"
"""What came of an operation that was carried out."""


class AnotherProjectsError(PermanentError):
    """The objects are another project's than in whose name it was asked for, or nothing places them any more."""

    code = "inspection.moved"


class BusyError(TransientError):
    """A run writes to the placement now: only one may at a time."""

    code = "operation.busy"


class NotWrittenToError(PermanentError):
    """Nothing is written to the cluster now: it is joining, frozen, or on its way out."""

    code = "operation.held"


class UnknownSecretsError(PermanentError):
    """What was decrypted for the placement cannot be told now, and so not taken out of what is shown."""

    code = "inspection.secrets"


def inspect(runtime: Runtime, id_: str) -> None:
    """Carry out an inspection, once, unless somebody else has or nobody waits for it any more.

    Raises:
        DatabaseUnavailableError: its answer could not be stored; whoever waits is told that none came.
        DatabaseBusyError: the same.
    """
    with runtime.database.write() as connection:
        taken = inspections.take(connection, id_, now=runtime.database.now(connection))
    if taken is None:
        return
    try:
        with within(TIMEOUT):
            answer = _seen(runtime, taken)
    except (DatabaseUnavailableError, DatabaseBusyError):
        raise
    except FlotillaError as error:
        log.info("inspection.failed", placement=str(taken.asked.ref), code=error.code, error=str(error))
        _failed(runtime, taken, error.reason)
    except Exception:
        _failed(runtime, taken, _BROKEN)
        raise
    else:
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            inspections.answer(connection, id_, answer, now=now)
            _audit(connection, taken, _DONE, now)


def _failed(runtime: Runtime, taken: Inspection, why: Reason) -> None:
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        inspections.fail(connection, taken.id, why, now=now)
        _audit(connection, taken, str(why.code), now)


def _audit(connection: Transaction, taken: Inspection, outcome: str, now: datetime) -> None:
    """Have it audited what came of something that was to be done to an object; a look is not audited."""
    asked = taken.asked
    if asked.question.what is not Inspected.OPERATE:
        return
    told = {"by": asked.actor, "object": str(asked.question.object), "action": asked.question.action}
    told |= {"outcome": outcome, "id": taken.id}
    way = None if outcome == _DONE else Way(Outcome.REFUSED)
    deed = Deed("flotilla", "operated", str(asked.ref), asked.project, told, way)
    audit.append(connection, deed, now=now)


def _seen(runtime: Runtime, taken: Inspection) -> Mapping[str, Any]:
    if taken.asked.question.what is not Inspected.OPERATE:
        return _answer(runtime, taken.asked)
    # What it may write to is decided under the lease as well: a run may have handed the objects over just before.
    with _alone(runtime, taken.asked) as held:
        return _answer(runtime, taken.asked, held)


def _answer(runtime: Runtime, asked: Asked, held: HeldLease | None = None) -> Mapping[str, Any]:
    """Return the answer to a question.

    Args:
        runtime: of the worker.
        asked: what somebody asks.
        held: the lease under which something is done to an object; None for a look.
    """
    _, fleet = runtime.snapshots.in_force(runtime.database)
    placement = fleet.placement(asked.ref)
    with runtime.database.read() as transaction:
        facts = placements.get(transaction, asked.ref)
        owned = inventory.of(transaction, asked.placement_id)
        now = runtime.database.now(transaction)
    if placement is None or placement.application.project != asked.project:
        message = f"{asked.ref} is not of project {asked.project} any more"
        raise AnotherProjectsError(message, remedy="Ask again.")
    _check_owner(asked, facts, fleet)
    if held is not None:
        _check_write(asked, placement, fleet.projects[asked.project])
    connection = reach(runtime, placement.cluster)
    agent = runtime.agent(f"{asked.question.what} of {asked.ref} for a person")
    account = fleet.account_of(placement.application)
    place = Place(
        fleet=fleet.name,
        ref=asked.ref,
        owned=owned,
        cluster=connection.session(agent, account=account),
        children=Children(connection, agent, account),
        logs=Logs(connection, agent, account),
        executor=runtime.executor,
        own=own_rules(placement.application.health, runtime.expressions.of(placement.application.project)),
        now=now,
        decrypted=partial(_decrypted, runtime, fleet, placement, connection),
        operations=None if held is None else Operations(connection, agent, account, held.check),
    )
    return ANSWERS[asked.question.what](place, asked.question)


def _check_owner(asked: Asked, facts: PlacementFacts | None, fleet: Fleet) -> None:
    """Raise unless the objects are those of the project in whose name it was asked, as runs ask before they write.

    Raises:
        AnotherProjectsError: they are another's.
    """
    owner = "" if facts is None else owner_of(facts.tenant, fleet.projects)
    if facts is None or facts.id != asked.placement_id or changes_hands(owner, asked.project):
        message = f"the objects of {asked.ref} are not project {asked.project}'s"
        raise AnotherProjectsError(message, remedy=f"See `flotilla explain {asked.ref}`.")


def _check_write(asked: Asked, placement: Placement, project: Project) -> None:
    """Raise unless the object may be written to now, by the cluster's state and the project's rules.

    Raises:
        NotWrittenToError: nothing is written to the cluster.
        PolicyError: the project may not have such an object there.
    """
    if placement.cluster.state is not ClusterState.ACTIVE:
        message = f"nothing is written to {asked.ref.cluster} now: it is {placement.cluster.state.value}"
        raise NotWrittenToError(message)
    if asked.question.object is not None:
        check_objects([asked.question.object], project)


@contextmanager
def _alone(runtime: Runtime, asked: Asked) -> Iterator[HeldLease]:
    """Give the lease by which the placement is written to: no attempt of a run has it meanwhile.

    Raises:
        BusyError: one has it.
    """
    alone = False
    try:
        with exclusive(runtime, leases.of_placement(asked.placement_id), postpone=lambda *_: None) as held:
            if held is None:
                message = f"a run writes to {asked.ref} now"
                raise BusyError(message, remedy="Ask again once it has ended.")
            alone = True
            yield held
    finally:
        if alone:
            with runtime.database.write() as connection:
                # A worker that was to begin a run meanwhile has turned away from it.
                dispatch.unsend_of(connection, asked.placement_id)


def _decrypted(runtime: Runtime, fleet: Fleet, placement: Placement, connection: Connection) -> Secrets:
    """Return what is decrypted for a placement as it is wanted now: rendered for that, or known from a rendering.

    Raises:
        UnknownSecretsError: it is not resolved.
        FlotillaError: it cannot be rendered.
    """
    reference = placement.application.decrypt
    if not reference:
        return NO_SECRETS
    with runtime.database.read() as transaction:
        facts = placements.get(transaction, placement.ref)
        renderers = sources.renderers_of(transaction, placement.ref.application, placement.to_resolve)
    desired = None if facts is None else facts.desired
    if desired is None or renderers is None or not desired.covers(placement.to_resolve):
        message = f"what is decrypted for {placement.ref} cannot be told now: its sources are not resolved"
        raise UnknownSecretsError(message, remedy="Look again soon.")
    request = replace(request_for(placement), decryptor=Decryptor.of(reference, runtime.credentials.get(reference)))
    if asks_cluster(renderers):
        agent = {"User-Agent": runtime.agent(f"look at {placement.ref}")}
        request = replace(request, capabilities=Capabilities(*connection.capabilities(agent=agent)))
    allowed = fleet.projects[placement.application.project].allows_repo
    trees = opener(partial(runtime.sources.tree, allowed=allowed), placement.to_resolve, desired.commits)
    return runtime.renderers.render(trees, request, Resolved(desired.source_digest, renderers, ())).secrets
