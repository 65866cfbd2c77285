"""Carries out one run: claim, read everything again, render, apply, and end it with what came of it."""

from __future__ import annotations

from dataclasses import replace

import structlog

from common.clock import SystemClock
from common.domain.errors import FlotillaError, LeaseLostError, TransientError
from common.domain.refs import RunId
from common.domain.status import Remedy
from common.store.queue import leases, runs
from common.store.queue.runs import ClaimedRun
from common.telemetry.logs import hide, hiding, logger
from workers.kube.cluster import KubeCluster
from workers.record.endings import Done, Ender
from workers.record.journal import SqlJournal
from workers.record.known import Known
from workers.record.moves import Moves
from workers.render.canonical import manifest_digest
from workers.render.rendered import Rendered
from workers.sync import pipeline
from workers.sync.ports import Ports
from workers.sync.requests import Phase
from workers.tasks.identity_check import check_identity
from workers.tasks.leases import HeldLease
from workers.tasks.preflight import Go, Stop
from workers.tasks.run_facts import Facts, facts_of
from workers.tasks.run_request import rendered, request_of
from workers.tasks.run_rights import rights_of, signer_of
from workers.tasks.runtime import Runtime

log = logger(__name__)
EMPTY = manifest_digest(())


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
        facts = facts_of(runtime, run)
        known = _known(facts)
        ender = Ender(runtime.database, run, known)
        if isinstance(facts.decision, Stop):
            return ender.stop(facts.decision.outcome, facts.decision.reason)
        phase, cluster = facts.decision.phase, facts.fleet.clusters[run.ref.cluster]
        connection = runtime.connect(cluster)
        blocked = check_identity(runtime.database, cluster, connection)
        if blocked:
            return ender.stop_blocked(blocked)
        rendering = None if phase is Phase.REMOVE else rendered(runtime, run, facts, connection)
        known = _with_rendering(known, rendering, runtime.hub_key)
        ender = Ender(runtime.database, run, known)
        hide(known.secrets)
        moves = Moves(runtime.database, run, facts.fleet, runtime.snapshots, looked=facts.status.looked)
        rights, signed = rights_of(runtime, run, facts, phase)
        journal = SqlJournal(
            runtime.database,
            run,
            moves,
            prune_budget=facts.fleet.prune_budget,
            secrets=known.secrets,
            signed=signed,
        )
        known = replace(known, journal=journal, tenant=rights.tenant, signer=signer_of(runtime, run, facts))
        ender = Ender(runtime.database, run, known)
        session = connection.session(runtime.agent(f"run {run.attempt}"), account=rights.account, permit=fence.check)
        fence.watch(session.requests)
        request = request_of(runtime, run, facts, phase, rendering, rights.project)
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
