"""Carries out one run: claim, read everything again, render, apply, and end it with what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from common.clock import SystemClock
from common.domain.admission import BY_PERSON
from common.domain.approvals import ApprovalKind, ApprovalState
from common.domain.errors import FlotillaError, LeaseLostError, PermanentError, TransientError
from common.domain.fleet import Fleet, Placement, Project
from common.domain.inventory import Healing, InventoryItem
from common.domain.refs import ObjectId, RunId
from common.domain.revisions import RendererVersion
from common.domain.runs import RunKind, Trigger
from common.domain.secrecy import NO_SECRETS
from common.domain.status import Remedy
from common.domain.tenant import Signer, Tenant, owner_of
from common.snapshots import NoFleetError
from common.sources.sources import opener
from common.store.engine.connection import Connection as DatabaseConnection
from common.store.events import audit
from common.store.queue import attempts, claims, leases, runs
from common.store.queue.runs import ClaimedRun
from common.store.state import approvals, inventory, sources
from common.store.state.approvals import Approval
from common.store.state.placement_status import PlacementStatus
from common.telemetry.logs import hide, hiding, logger
from workers.kube.cluster import KubeCluster
from workers.kube.pool import Connection
from workers.record.endings import Done, Ender
from workers.record.journal import SqlJournal
from workers.record.known import Known
from workers.record.moves import Moves
from workers.render.canonical import manifest_digest
from workers.render.rendered import Rendered
from workers.render.renderers import Resolved
from workers.render.request import Capabilities, request_for
from workers.render.sops import Decryptor
from workers.render.table import asks_cluster
from workers.sync import pipeline
from workers.sync.ports import Ports
from workers.sync.requests import Content, Deadline, DryRuns, Installed, Namespace, Phase, SyncRequest, Written
from workers.tasks import tenancy
from workers.tasks.identity_check import check_identity
from workers.tasks.leases import HeldLease
from workers.tasks.preflight import Go, Stop, preflight
from workers.tasks.runtime import Runtime
from workers.tasks.tenancy import RemovalUnprovenError, Rights

log = logger(__name__)
EMPTY = manifest_digest(())


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about a claimed run, as SQL had it at one instant."""

    fleet: Fleet
    placement: Placement | None
    status: PlacementStatus
    inventory: tuple[InventoryItem, ...]
    fenced: frozenset[ObjectId]
    healings: Mapping[ObjectId, Healing]
    wrote_before: bool
    renderers: tuple[RendererVersion, ...] | None
    approval: Approval | None
    asks_to_move: bool
    decision: Stop | Go


def carry_out(runtime: Runtime, run_id: RunId) -> Done:
    """Carry out a run if it is there to be claimed, and return what came of it.

    Raises:
        DatabaseUnavailableError: it was not claimed.
        DatabaseBusyError: the same.
    """
    asked_at = runtime.clock.monotonic()
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        run = runs.claim(connection, run_id, worker=runtime.name, lease=runtime.settings.lease, now=now)
    if run is None:
        log.info("run.not-claimed", run_id=run_id)
        return Done()
    context = {"run_id": run_id, "cluster": run.ref.cluster, "application": run.ref.application}
    name = leases.of_run(run.trigger.kind, run.placement_id)
    with structlog.contextvars.bound_contextvars(**context):
        with runtime.leases.keeping(name, str(run.attempt), asked_at=asked_at) as fence:
            with hiding():
                return _attempt(runtime, run, fence)


def _attempt(runtime: Runtime, run: ClaimedRun, fence: HeldLease) -> Done:
    """End an attempt with what came of it; one that breaks off, by what was known of it until then."""
    ender = Ender(runtime.database, run)
    try:
        facts = _facts(runtime, run)
        known = _known(facts)
        ender = Ender(runtime.database, run, known)
        if isinstance(facts.decision, Stop):
            return ender.stop(facts.decision.outcome, facts.decision.reason)
        phase, cluster = facts.decision.phase, facts.fleet.clusters[run.ref.cluster]
        connection = runtime.connect(cluster)
        blocked = check_identity(runtime.database, cluster, connection)
        if blocked:
            return ender.stop_blocked(blocked)
        rendered = None if phase is Phase.REMOVE else _render(runtime, run, facts, connection)
        known = _with_rendering(known, rendered, runtime.hub_key)
        ender = Ender(runtime.database, run, known)
        hide(known.secrets)
        moves = Moves(runtime.database, run, facts.fleet, runtime.snapshots, looked=facts.status.looked)
        rights, signed = _rights(runtime, run, facts, phase)
        journal = SqlJournal(
            runtime.database,
            run,
            moves,
            prune_budget=facts.fleet.prune_budget,
            secrets=known.secrets,
            signed=signed,
        )
        known = replace(known, journal=journal, tenant=rights.tenant, signer=_signer(runtime, run, facts))
        ender = Ender(runtime.database, run, known)
        session = connection.session(runtime.agent(f"run {run.attempt}"), account=rights.account, permit=fence.check)
        fence.watch(session.requests)
        request = _request(runtime, run, facts, phase, rendered, rights.project)
        request = replace(request, former=moves.former if phase is not Phase.CHECK else None)
        return ender.ended(pipeline.run(request, _ports(runtime, run, facts, session, journal, fence)))
    except Exception as error:  # each kind ends it in its own way
        return _broken_off(ender, error)


def _known(facts: Facts) -> Known:
    phase = facts.decision.phase if isinstance(facts.decision, Go) else None
    return Known(
        facts.placement,
        facts.fleet.projects,
        facts.status.hint,
        phase,
        fenced=facts.fenced,
        asks_to_move=facts.asks_to_move,
    )


def _with_rendering(known: Known, rendered: Rendered | None, key: bytes) -> Known:
    if rendered is None:
        return replace(known, manifest_digest=EMPTY)
    digest = rendered.digest_under(key)
    return replace(known, manifest_digest=digest, warnings=rendered.warnings, secrets=rendered.secrets)


def _broken_off(ender: Ender, error: Exception) -> Done:
    """End an attempt that an error broke off; where that breaks too, without what the error says."""
    try:
        return _ended_by(ender, error)
    except Exception as again:
        return _defect(ender, again)


def _ended_by(ender: Ender, error: Exception) -> Done:
    match error:
        case LeaseLostError():
            log.warning("attempt.lease-lost", error=str(error))
            return ender.lost()
        case TransientError():
            return ender.transient(error)
        case FlotillaError():
            return ender.failed(error.code, str(error), params=error.params)
    return _defect(ender, error)


def _defect(ender: Ender, error: Exception) -> Done:
    log.error("attempt.broke", exc_info=error)
    why = f"a defect in Flotilla: {type(error).__name__}; its log has the rest"
    return ender.failed("internal", why, Remedy.TIME)


def _facts(runtime: Runtime, run: ClaimedRun) -> Facts:
    with runtime.database.read() as connection:
        known = claims.facts_of(connection, run)
        facts = partial(
            Facts,
            status=known.status,
            inventory=inventory.of(connection, run.placement_id),
            fenced=attempts.fenced_objects(connection, run.placement_id, run.attempt),
            healings=_healings(connection, run),
            wrote_before=attempts.wrote_before(connection, run.attempt),
            approval=_approval(connection, run),
            asks_to_move=known.asks_to_move,
        )
    # Once the transaction is over: parsing a fleet takes its time, and so do digests of an application's values.
    fleet = runtime.snapshots.fleet(runtime.database, known.snapshot_id)
    placement = fleet.placement(run.ref)
    if placement is not None and len(placement.to_resolve) > 1:
        with runtime.database.read() as connection:
            renderers = sources.renderers_of(connection, run.ref.application, placement.to_resolve)
        known = replace(known, renderers=renderers)
    tenant = known.status.tenant
    decision = preflight(
        run,
        known,
        placement,
        cluster=fleet.clusters.get(run.ref.cluster),
        owner=owner_of(None if tenant is None else tenant.project, fleet.projects),
        agreed=_agreed(runtime, run, fleet),
    )
    return facts(fleet=fleet, placement=placement, renderers=known.renderers, decision=decision)


def _agreed(runtime: Runtime, run: ClaimedRun, fleet: Fleet) -> bool:
    """Return whether a person asked for the run when its application was one of the project that it is of now.

    What was asked for before that, and is carried out only now, was asked for in another project's name.
    """
    now = fleet.applications.get(run.ref.application)
    if run.trigger is not Trigger.MANUAL or now is None:
        return False
    try:
        then = runtime.snapshots.fleet(runtime.database, run.snapshot_id).applications.get(run.ref.application)
    except NoFleetError:
        return False
    return then is not None and then.project == now.project


def _approval(connection: DatabaseConnection, run: ClaimedRun) -> Approval | None:
    """Return the approval a run carries out, if it is one: granted, to prune, and for this very placement."""
    found = approvals.get(connection, run.approval_id) if run.approval_id is not None else None
    if found is None or found.subject != str(run.ref):
        return None
    return found if (found.kind, found.state) == (ApprovalKind.PRUNE, ApprovalState.APPROVED) else None


def _ports(
    runtime: Runtime, run: ClaimedRun, facts: Facts, session: KubeCluster, journal: SqlJournal, fence: HeldLease
) -> Ports:
    application = facts.fleet.applications.get(run.ref.application)
    return Ports(
        cluster=session,
        journal=journal,
        fence=fence,
        executor=runtime.executor,
        clock=SystemClock(),
        expressions=runtime.expressions.of(application.project if application is not None else ""),
    )


def _rights(runtime: Runtime, run: ClaimedRun, facts: Facts, phase: Phase) -> tuple[Rights, tuple[Tenant, str] | None]:
    """Return what a run may do, and what is to be noted with the placement before anything is written in that name."""
    row, signer = facts.status, _signer(runtime, run, facts)
    if phase is Phase.REMOVE:
        _check_proof(runtime, run, row, signer)
        return tenancy.to_remove(run.ref, facts.fleet, row.tenant, hooks=bool(row.delete_hooks)), None
    rights = tenancy.to_write(run.ref, facts.fleet)
    signature = tenancy.to_note(row, rights, signer) if phase is not Phase.CHECK else None
    if signature is None:
        return rights, None
    _audit_transfer(runtime, run, row, rights)
    return rights, (rights.tenant, signature)


def _audit_transfer(runtime: Runtime, run: ClaimedRun, row: PlacementStatus, rights: Rights) -> None:
    """Have it audited that objects go from one project to another."""
    if row.tenant is None or row.tenant.project == rights.project.name:
        return
    detail = {"from": row.tenant.project, "to": rights.project.name, "run": run.attempt.run}
    with runtime.database.write() as connection:
        now = runtime.database.now(connection)
        audit.append(connection, actor="flotilla", action="transfer", subject=str(run.ref), detail=detail, now=now)


def _signer(runtime: Runtime, run: ClaimedRun, facts: Facts) -> Signer:
    return Signer(runtime.hub_key, run.ref, facts.status.mark)


def _check_proof(runtime: Runtime, run: ClaimedRun, row: PlacementStatus, signer: Signer) -> None:
    """Raise, and have it audited, where what a removal would go by was not left by a run."""
    try:
        tenancy.check_proof(row, signer)
    except RemovalUnprovenError as error:
        with runtime.database.write() as connection:
            now = runtime.database.now(connection)
            detail = {"attempt": str(run.attempt), "why": error.message, "worker": runtime.name}
            audit.append(
                connection, actor="flotilla", action="removal.refused", subject=str(run.ref), detail=detail, now=now
            )
        raise


def _render(runtime: Runtime, run: ClaimedRun, facts: Facts, connection: Connection) -> Rendered:
    placement, revision = facts.placement, run.revision
    if placement is None or revision is None or facts.renderers is None:
        message = f"{run.ref} has no source to render"
        raise PermanentError(message)
    commits = revision.commits
    for source in placement.sources:
        if source.verify:
            runtime.sources.verify(source.to_resolve, commits[source.to_resolve], source.verify)
    allowed = facts.fleet.projects[placement.application.project].allows_repo
    trees = opener(partial(runtime.sources.tree, allowed=allowed), placement.to_resolve, commits)
    resolved = Resolved(revision.source_digest, facts.renderers, ())
    request = request_for(placement)
    if reference := placement.application.decrypt:
        request = replace(request, decryptor=Decryptor.of(reference, runtime.credentials.get(reference)))
    if asks_cluster(facts.renderers):
        agent = {"User-Agent": runtime.agent(f"run {run.attempt}")}
        request = replace(request, capabilities=Capabilities(*connection.capabilities(agent=agent)))
    return runtime.renderers.render(trees, request, resolved)


def _request(
    runtime: Runtime, run: ClaimedRun, facts: Facts, phase: Phase, rendered: Rendered | None, project: Project
) -> SyncRequest:
    row, placement = facts.status, facts.placement
    overdue = row.full_check_due_at is None or row.full_check_due_at <= run.claimed_at
    request = SyncRequest(
        fleet=facts.fleet.name,
        ref=run.ref,
        attempt=run.attempt,
        revision=run.revision,
        trigger=run.trigger,
        phase=phase,
        manifests=rendered.manifests if rendered else tuple(row.delete_hooks),
        origins=tuple(item.origin for item in rendered.objects) if rendered else (),
        namespace=placement.namespace if placement else "",
        inventory=facts.inventory,
        project=project,
        digest_key=runtime.hub_key,
        secrets=rendered.secrets if rendered else NO_SECRETS,
        # Written again even where they are equal: no difference that a person who looks should see.
        fenced=frozenset() if run.trigger.kind is RunKind.CHECK else facts.fenced,
        held=_held(facts.healings, run),
        written=Written.SOMETHING if facts.wrote_before else Written.NOTHING,
        approved=_approved(facts.approval) if run.trigger is Trigger.APPROVAL else None,
        dry_runs=DryRuns.ALL if overdue or run.trigger in BY_PERSON else DryRuns.CHANGED,
        installed=_installed(run, row),
        deadline=Deadline.PASSED if run.expired else Deadline.AHEAD,
        awaited=run.awaited,
    )
    application = facts.fleet.applications.get(run.ref.application)
    if application is None:
        return request
    request = replace(request, health=application.health)
    if placement is None:
        return request
    creates = application.create_namespace and phase is not Phase.REMOVE
    return replace(
        request,
        settings=placement.sync,
        namespace_is=Namespace.CREATED if creates else Namespace.EXPECTED,
        content=Content.DECRYPTED if application.decrypt else Content.PLAIN,
    )


def _installed(run: ClaimedRun, row: PlacementStatus) -> Installed:
    if not row.synced_before:
        return Installed.NOTHING
    here = run.revision is not None and row.applied == run.revision.identity
    return Installed.WANTED if here else Installed.ANOTHER


def _healings(connection: DatabaseConnection, run: ClaimedRun) -> dict[ObjectId, Healing]:
    """Return how corrections have held, where this run makes some."""
    if run.trigger is not Trigger.DRIFT:
        return {}
    return {one: of for (_, one), of in inventory.healings(connection, [run.placement_id]).items()}


def _held(healings: Mapping[ObjectId, Healing], run: ClaimedRun) -> dict[ObjectId, datetime]:
    """Return which objects are left alone for now, and until when: somebody keeps changing them back."""
    return {one: healing.after for one, healing in healings.items() if healing.after > run.claimed_at}


def _approved(approval: Approval | None) -> frozenset[ObjectId]:
    if approval is None:
        return frozenset()
    return frozenset(ObjectId.parse(text) for text in approval.payload["objects"])
