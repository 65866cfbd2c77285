"""Deployments, StatefulSets and DaemonSets: their pods are replaced as their strategy has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.inspect.actions.action import NOW, Action
from workers.sync.health.reading import section

RESTARTED = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
"""What ``kubectl rollout restart`` sets."""


def offers(manifest: Mapping[str, Any]) -> Iterator[Action]:
    """Yield the restart, unless the object is paused: nothing would come of it until it goes on."""
    if section(manifest, "spec").get("paused") is not True:
        yield Action("restart", {RESTARTED: NOW})
