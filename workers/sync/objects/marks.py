"""The marks by which an object says whose it is, and what an application says about one object.

They are on ``metadata`` only, never in selectors or pod templates. An object whose owner annotation does not name
that very object is a copy: it counts as unmarked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from common.domain.refs import ObjectId, PlacementRef
from workers.sync.objects.live import LiveMeta

PLACEMENT_LABEL = "flotilla.dev/placement"
OWNER = "flotilla.dev/owner"
FENCE = "flotilla.dev/fence"
PRUNE = "flotilla.dev/prune"
APPLY = "flotilla.dev/apply"
HEALTH = "flotilla.dev/health"
FORCE = "flotilla.dev/force"
WAVE = "flotilla.dev/wave"
HOOK = "flotilla.dev/hook"
HOOK_RUN = "flotilla.dev/hook-run"
"""The run that made a hook's object."""
HOOK_STAGE = "flotilla.dev/hook-stage"
"""The stage for which that run made it."""
ARGO_WAVE = "argocd.argoproj.io/sync-wave"
ARGO_HOOK = "argocd.argoproj.io/hook"
ARGO_OPTIONS = "argocd.argoproj.io/sync-options"
HELM_HOOK = "helm.sh/hook"
HELM_POLICY = "helm.sh/resource-policy"


def owner_mark(fleet: str, ref: PlacementRef, object_id: ObjectId) -> str:
    """Return the owner annotation: ``FLEET/CLUSTER/APP:group/Kind:namespace/name``."""
    return f"{fleet}/{ref}:{object_id}"


class OwnerKind(StrEnum):
    """Whose a live object is, seen from one placement."""

    OURS = "ours"
    OTHERS = "others"
    """Another placement's, or another fleet's: never taken."""
    TOOLS = "tools"
    """Marked by Argo CD, Flux or Helm: adopted only where ``adopt: any`` says so."""
    UNMARKED = "unmarked"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an object is; ``name`` says who in words, empty where no mark does."""

    kind: OwnerKind
    name: str = ""


def owner_of(meta: LiveMeta, object_id: ObjectId, mark: str) -> Owner:
    """Return whose a live object is.

    Args:
        meta: its metadata.
        object_id: what it is; an annotation that names something else was copied and counts for nothing.
        mark: the owner annotation that would make it ours.
    """
    annotations = meta.annotations or {}
    found = annotations.get(OWNER, "")
    if found == mark:
        return Owner(OwnerKind.OURS, mark.partition(":")[0])
    who, _, what = found.partition(":")
    if what == str(object_id):
        return Owner(OwnerKind.OTHERS, who)
    tool = _tool_of(meta.labels or {}, annotations)
    return Owner(OwnerKind.TOOLS, tool) if tool else Owner(OwnerKind.UNMARKED)


def neighbour(owner: Owner, fleet: str, ref: PlacementRef) -> PlacementRef | None:
    """Return which other placement of the same fleet and cluster an owner is; None for any other owner."""
    prefix = f"{fleet}/{ref.cluster}/"
    application = owner.name.removeprefix(prefix)
    if owner.kind is not OwnerKind.OTHERS or application == owner.name or "/" in application:
        return None
    return PlacementRef(ref.cluster, application)


def _tool_of(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    if tracked := annotations.get("argocd.argoproj.io/tracking-id") or labels.get("argocd.argoproj.io/instance"):
        return f"Argo CD application {tracked.partition(':')[0]}"
    for controller, kind in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        if name := labels.get(f"{controller}.toolkit.fluxcd.io/name"):
            return f"Flux {kind} {labels.get(f'{controller}.toolkit.fluxcd.io/namespace', '')}/{name}"
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"Helm release {annotations.get('meta.helm.sh/release-namespace', '')}/{release}"
    return ""


class ApplyMode(StrEnum):
    """``flotilla.dev/apply``: how one object is written."""

    FULL = "full"
    MERGE = "merge"
    """What other managers own stays theirs: nothing of theirs is moved to us or forced."""
    IF_ABSENT = "if-absent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Options:
    """What the annotations of one manifest ask for."""

    apply: ApplyMode = ApplyMode.FULL
    keep: bool = False
    prune_allowed: bool = False
    recreate: bool = False
    """It may be deleted and made again where a field that cannot change is to be changed."""
    kind_may_come: bool = False
    """Its kind may not be served yet when the run begins."""
    ignored: tuple[str, ...] = ()
    """Options of Argo CD that are not carried out."""


_ARGO_KEEP = frozenset({"Prune=false", "Delete=false", "Prune=confirm", "Delete=confirm"})
_ARGO_FORCE = "Force=true"
_ARGO_KIND_MAY_COME = "SkipDryRunOnMissingResource=true"
_ARGO_AS_HERE = frozenset({"ServerSideApply=true", "PruneLast=true", "PrunePropagationPolicy=foreground"})
"""What they ask for is done here anyway."""


def options_of(annotations: Mapping[str, str]) -> Options:
    """Return what the annotations ask for.

    Raises:
        ValueError: a value is none of those allowed; the message names key and value.
    """
    apply, prune = annotations.get(APPLY, "full"), annotations.get(PRUNE, "")
    if apply not in set(ApplyMode):
        message = f"annotation {APPLY} is {apply!r}; it is merge, if-absent or never"
        raise ValueError(message)
    if prune not in {"", "allow", "never"}:
        message = f"annotation {PRUNE} is {prune!r}; it is allow or never"
        raise ValueError(message)
    if annotations.get(FORCE, "recreate") != "recreate":
        message = f"annotation {FORCE} is {annotations[FORCE]!r}; it is recreate"
        raise ValueError(message)
    argo = {option.strip() for option in annotations.get(ARGO_OPTIONS, "").split(",")} - {""}
    kept = not argo.isdisjoint(_ARGO_KEEP)
    keep = prune == "never" or kept or annotations.get(HELM_POLICY) == "keep"
    ignored = tuple(sorted(argo - _ARGO_KEEP - _ARGO_AS_HERE - {_ARGO_FORCE, _ARGO_KIND_MAY_COME}))
    return Options(
        ApplyMode(apply),
        keep,
        prune_allowed=prune == "allow",
        recreate=FORCE in annotations or _ARGO_FORCE in argo,
        kind_may_come=_ARGO_KIND_MAY_COME in argo,
        ignored=ignored,
    )
