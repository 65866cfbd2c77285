"""What one attempt is to do, before it asks what is live: manifests made objects, and objects put into steps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from common.domain.manifest_warnings import ManifestWarning
from common.domain.runs import Trigger
from common.domain.status import Reason
from workers.sync.errors import ManifestsError
from workers.sync.hooks.rows import HookRows, storable
from workers.sync.objects.live import Kind
from workers.sync.plan.normalise import Normal, Wanted
from workers.sync.plan.unserved import Unserved
from workers.sync.plan.wanted import prepare
from workers.sync.plan.waves import Hooks, WavePlan, removal_steps, steps_of
from workers.sync.ports import Manifest, Ports
from workers.sync.requests import Installed, Phase, SyncRequest
from workers.sync.results import Unended

_WITH_HOOKS = frozenset({Trigger.REVISION, Trigger.MANUAL, Trigger.RETRY})
"""Hooks belong to a revision that is brought about: not to drift that is corrected, nor to what is pruned later."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one attempt is to do.

    Attributes:
        request: with what another placement left to this one.
        wanted: all objects and hooks.
        unserved: what the manifests hold of kinds that the cluster does not serve, or that are not known.
        arriving: kinds that only a manifest defines so far.
        plan: the steps.
        unended: the hooks that are not through, where this attempt runs none.
        delete_hooks: manifests of the hooks before and after the placement's removal, to be kept for then.
        warnings: what the manifests ask for and is not done.
    """

    request: SyncRequest
    wanted: tuple[Wanted, ...]
    unserved: tuple[Unserved, ...]
    arriving: frozenset[Kind]
    plan: WavePlan
    unended: Unended
    delete_hooks: tuple[Manifest, ...]
    warnings: tuple[Reason, ...]


def prepared(request: SyncRequest, ports: Ports) -> Prepared:
    """Return what an attempt is to do.

    Raises:
        PermanentError: the manifests cannot be written, or the project does not allow them.
        TransientError: the cluster's kinds could not be read.
    """
    normal, arriving = prepare(request, ports.cluster)
    if request.phase is Phase.REMOVE and normal.unserved:
        raise ManifestsError(f"{one.label}: {one.error}" for one in normal.unserved)
    if request.phase not in {Phase.REMOVE, Phase.SETTLE}:
        left = ports.journal.renders(normal.ids, former=request.former)
        request = replace(request, inventory=(*request.inventory, *left))
    every = steps_of(normal, Hooks.FIRST if request.installed is Installed.NOTHING else Hooks.LATER)
    looks = request.phase is Phase.CHECK or not _runs_hooks(request)
    delete_hooks, secret = storable(normal.wanted, request)
    return Prepared(
        request=request,
        wanted=normal.wanted,
        unserved=normal.unserved,
        arriving=arriving,
        plan=_plan(request, normal, every),
        unended=HookRows(request, every.phases).unended() if looks else Unended(),
        delete_hooks=delete_hooks,
        warnings=(*_not_carried_out(normal), *secret),
    )


def _plan(request: SyncRequest, normal: Normal, every: WavePlan) -> WavePlan:
    """Return the steps that are gone through: ``every`` one only where hooks run, or where it looks what would."""
    if request.phase is Phase.REMOVE:
        return removal_steps(normal.wanted)
    if request.phase is Phase.CHECK or _runs_hooks(request):
        return every
    return steps_of(normal, Hooks.NONE)


def _runs_hooks(request: SyncRequest) -> bool:
    """Return whether a revision is brought about; removals may be approved for one, and carried out for the next."""
    approved = request.trigger is Trigger.APPROVAL and request.installed is not Installed.WANTED
    return approved or request.trigger in _WITH_HOOKS


def _not_carried_out(normal: Normal) -> tuple[Reason, ...]:
    ignored = Counter(option for one in normal.wanted for option in (*one.options.ignored, *one.place.unknown))
    return tuple(
        Reason(ManifestWarning.OPTION, {"option": option, "objects": count}) for option, count in ignored.items()
    )
