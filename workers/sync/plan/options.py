"""What an application asks for one object, by annotations of its manifest. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workers.sync.objects.marks import APPLY, ARGO_OPTIONS, FORCE, HELM_POLICY, PRUNE


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
