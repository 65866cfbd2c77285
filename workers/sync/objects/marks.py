"""The marks by which an object says whose it is, and the names of all labels and annotations that mean something here.

Marks are on ``metadata`` only, never in selectors or pod templates. An object whose owner annotation does not name
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
