"""Rollouts of Argo Rollouts: they go on, all the way, are aborted, and are tried again. Pure.

The fields are those that its own kubectl plugin writes:
https://argo-rollouts.readthedocs.io/en/stable/generated/kubectl-argo-rollouts/kubectl-argo-rollouts_promote/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.inspect.actions.action import Action
from workers.sync.health.reading import section, text

_STATUS = "status"


def offers(manifest: Mapping[str, Any]) -> Iterator[Action]:
    """Yield what can be done to a rollout, by how far it is."""
    status = section(manifest, "status")
    if status.get("abort") is True:
        yield Action("retry", {("status", "abort"): False}, _STATUS)
        return
    stable, current = text(status, "stableRS"), text(status, "currentPodHash")
    if not stable or stable == current:
        return
    if status.get("pauseConditions"):
        yield Action("promote", {("status", "pauseConditions"): None}, _STATUS)
    if status.get("promoteFull") is not True:
        yield Action("promote-full", {("status", "promoteFull"): True}, _STATUS)
    yield Action("abort", {("status", "abort"): True}, _STATUS)
