"""What a run asks of the sync engine: its manifests, rendered, and everything that shapes how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from common.domain.admission import BY_PERSON
from common.domain.errors import PermanentError
from common.domain.fleet import Project
from common.domain.inventory import Healing
from common.domain.refs import ObjectId
from common.domain.runs import RunKind, Trigger
from common.domain.secrecy import NO_SECRETS
from common.sources.sources import opener
from common.store.queue.runs import ClaimedRun
from common.store.state.approvals import Approval
from common.store.state.placement_status import PlacementStatus
from workers.kube.pool import Connection
from workers.render.rendered import Rendered
from workers.render.renderers import Resolved
from workers.render.request import Capabilities, request_for
from workers.render.sops import Decryptor
from workers.render.table import asks_cluster
from workers.sync.requests import Content, Deadline, DryRuns, Installed, Namespace, Phase, SyncRequest, Written
from workers.tasks.run_facts import Facts
from workers.tasks.runtime import Runtime


def rendered(runtime: Runtime, run: ClaimedRun, facts: Facts, connection: Connection) -> Rendered:
    """Return the manifests of a run's revision, its sources verified first.

    Args:
        runtime: of the worker.
        run: as claimed.
        facts: around it.
        connection: to its cluster, which is asked for its capabilities where the renderers need them.

    Raises:
        PermanentError: there is nothing to render, or it is refused.
        TransientError: a source, its keys or the cluster could not be read.
    """
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


def request_of(
    runtime: Runtime, run: ClaimedRun, facts: Facts, phase: Phase, rendered: Rendered | None, project: Project
) -> SyncRequest:
    """Return what the engine is asked to do.

    Args:
        runtime: of the worker.
        run: as claimed.
        facts: around it.
        phase: what the attempt does.
        rendered: the manifests; None for a removal, which goes by the inventory.
        project: by whose rules.
    """
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


def _held(healings: Mapping[ObjectId, Healing], run: ClaimedRun) -> dict[ObjectId, datetime]:
    """Return which objects are left alone for now, and until when: somebody keeps changing them back."""
    return {one: healing.after for one, healing in healings.items() if healing.after > run.claimed_at}


def _approved(approval: Approval | None) -> frozenset[ObjectId]:
    if approval is None:
        return frozenset()
    return frozenset(ObjectId.parse(text) for text in approval.payload["objects"])
