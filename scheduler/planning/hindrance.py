"""Why nothing may be written for a placement, in words that are shown to people."""

from __future__ import annotations

from collections.abc import Mapping

from common.domain.fleet import Disposition, Placement

JOINING = "the cluster is joining: nothing is written until its state is active"
MANUAL = "sync.mode is manual: waits for `flotilla sync`"


def hindrance_of(placement: Placement, blocked: Mapping[str, str]) -> str:
    """Return why nothing may be written for the placement; empty when nothing stands in the way.

    Args:
        placement: as the registry has it.
        blocked: clusters that nothing may be written to, with the reason.
    """
    if placement.ref.cluster in blocked:
        return f"blocked: {blocked[placement.ref.cluster]}"
    if placement.disposition is Disposition.HOLD:
        return JOINING
    if placement.disposition is Disposition.OBSERVE:
        if placement.cluster.removed:
            return "frozen: the cluster's document is gone from the registry"
        if placement.application.blocked:
            return f"blocked: {placement.application.blocked}"
        return "frozen: the cluster's state is frozen"
    return ""
